"""The graph of cluster/serve.mixed.yaml on several Ray nodes of one machine, whose GPUs are words only.

`python -m tests.cluster.nodes placement loss upgrade` prints what was seen, as JSON; `--record NAME` writes it to
docs/results. A process of its own, since Ray takes its settings from the environment, and a process joins one cluster.
The engines answer from a script; all else is what a cluster has: placement, routing, fallback, deploys.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from schemas.figure import write_result

MIXED = Path(__file__).parents[2] / "cluster" / "serve.mixed.yaml"
EVENTS = ("placement", "loss", "drain", "upgrade", "head")
SHORT = {"prompt": "Double a number: double(2) == 4", "n": 1}
LONG = {"prompt": "Double a number: double(2) == 4. " + "It is an integer. " * 300, "n": 1}
_CLIENTS = 2
_LIMIT_S = 60.0
_BEFORE_S, _AFTER_S = 2.0, 3.0


def config(port: int, delay_s: float = 0.1) -> dict[str, Any]:
    """serve.mixed.yaml with engines that answer from a script, a port of this machine, and next to no CPUs."""
    data: dict[str, Any] = yaml.safe_load(MIXED.read_text(encoding="utf-8"))
    data |= {"proxy_location": "HeadOnly", "http_options": {"host": "127.0.0.1", "port": port}}
    application = data["applications"][0]
    args = application["args"]
    del args["api"]["keys_file"]
    for one in (args, args["fallback"]):
        kept = {key: one["engine"][key] for key in ("model", "gpu", "context_tokens")}
        one["engine"] = {"kind": "scripted", "scripted_delay_s": delay_s, **kept}
    for deployment in application["deployments"]:
        engine = "num_gpus" in deployment["ray_actor_options"]
        deployment.pop("autoscaling_config", None)
        deployment["ray_actor_options"].pop("runtime_env", None)
        deployment["ray_actor_options"]["num_cpus"] = 0 if engine else 0.1
        deployment |= {"num_replicas": 1 if engine else 2, "graceful_shutdown_timeout_s": 20}
        deployment |= {"health_check_period_s": 1, "health_check_timeout_s": 30}
    return data


class Nodes:
    """A head, a node with CPUs, one that says it has an A10G, and one that says it has an A100-80G."""

    def __init__(self, port: int) -> None:
        from ray.cluster_utils import Cluster

        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self.cluster = Cluster(initialize_head=True, connect=True, head_node_args={"num_cpus": 0})
        self.cluster.add_node(num_cpus=2)
        self.by_kind = {kind: self.add(kind) for kind in ("A10G", "A100-80G")}

    def add(self, kind: str) -> Any:
        return self.cluster.add_node(num_cpus=0, num_gpus=1, resources={f"accelerator_type:{kind}": 1})

    def deploy(self, delay_s: float = 0.1) -> None:
        from ray import serve
        from ray.serve.context import _get_global_client
        from ray.serve.schema import ServeDeploySchema

        serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": self._port})
        client = _get_global_client()
        assert client
        client.deploy_apps(ServeDeploySchema.model_validate(config(self._port, delay_s)), _blocking=False)

    def replicas(self) -> dict[str, list[dict[str, Any]]]:
        """The replicas that run, by the name of their deployment."""
        from ray.serve.context import _get_global_client

        client = _get_global_client()
        assert client
        deployments = client.get_serve_details()["applications"]["lift"]["deployments"]
        return {
            name: [replica for replica in one["replicas"] if replica["state"] == "RUNNING"]
            for name, one in deployments.items()
        }

    def kinds(self, deployment: str) -> list[str]:
        """What the nodes are on which its replicas run: `A10G`, `A100-80G`, `cpu` or `head`."""
        import ray

        of_node = {node["NodeID"]: _kind(node["Resources"]) for node in ray.nodes()}  # type: ignore[no-untyped-call]
        return [of_node[replica["node_id"]] for replica in self.replicas()[deployment]]


def _kind(resources: dict[str, float]) -> str:
    named = [name.partition(":")[2] for name in resources if name.startswith("accelerator_type:")]
    return named[0] if named else "cpu" if resources.get("CPU") else "head"


class Load:
    """Clients that ask without a pause, short and long prompts in turn, and what they were answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.begun = time.monotonic()
        self.answers: list[dict[str, Any]] = []

    async def during(self, event: Callable[[], object]) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=_LIMIT_S) as client:
            asking = [asyncio.create_task(self._ask(client)) for _ in range(_CLIENTS)]
            await asyncio.sleep(_BEFORE_S)
            await asyncio.to_thread(event)
            await asyncio.sleep(_AFTER_S)
            for one in asking:
                one.cancel()
            await asyncio.wait(asking)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        while True:
            for length, body in (("short", SHORT), ("long", LONG)):
                begun = time.monotonic() - self.begun
                try:
                    answer = await client.post("/v1/lift", json=body)
                    status, model = answer.status_code, answer.json().get("model")
                except httpx.TransportError:
                    status, model = 0, None
                ended = time.monotonic() - self.begun
                row = {"length": length, "status": status, "model": model}
                self.answers.append({"begun_s": round(begun, 2), "ended_s": round(ended, 2), **row})
                if status != httpx.codes.OK:
                    await asyncio.sleep(0.2)

    def told(self) -> dict[str, Any]:
        wrote = Counter(f"{one['length']}: {one['model']}" for one in self.answers if one["status"] == httpx.codes.OK)
        statuses = Counter(str(one["status"]) for one in self.answers)
        slowest = max(one["ended_s"] - one["begun_s"] for one in self.answers)
        return {"statuses": dict(statuses), "wrote": dict(wrote), "slowest_s": round(slowest, 2)}


def until(so: Callable[[], bool], what: str) -> float:
    """Seconds until it was so."""
    begun = time.monotonic()
    while time.monotonic() - begun < _LIMIT_S:
        with contextlib.suppress(KeyError, httpx.TransportError):
            if so():
                return round(time.monotonic() - begun, 1)
        time.sleep(0.2)
    raise SystemExit(f"not within {_LIMIT_S:g} s: {what}")


class Run:
    """The events, one after the other on one cluster. Each says what became of it."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self.rows: list[dict[str, Any]] = []

    def placement(self) -> dict[str, Any]:
        names = ("Ingress", "IRStage", "CodeStage", "Validator", "Engine", "FallbackEngine")
        return {name: self._nodes.kinds(name) for name in names}

    def loss(self) -> dict[str, Any]:
        """The only A100 is gone without a word; after a while another one comes."""
        nodes, seconds = self._nodes, dict[str, float]()

        def event() -> None:
            nodes.cluster.remove_node(nodes.by_kind["A100-80G"], allow_graceful=False)
            seconds["missed_s"] = until(lambda: nodes.kinds("Engine") == [], "the loss is seen")
            time.sleep(_BEFORE_S)
            nodes.by_kind["A100-80G"] = nodes.add("A100-80G")
            seconds["back_s"] = until(lambda: nodes.kinds("Engine") == ["A100-80G"], "the engine is back")

        return {**self._under_load("loss", event), **seconds}

    def drain(self) -> dict[str, Any]:
        """A second A10G comes, and the first one is to go within a minute, as when its machine is replaced."""
        nodes, seconds = self._nodes, dict[str, float]()
        old = nodes.by_kind["A10G"]
        nodes.by_kind["A10G"] = nodes.add("A10G")

        def event() -> None:
            _drain(nodes.cluster.gcs_address, old.node_id)
            seconds["moved_s"] = until(
                lambda: (
                    [one["node_id"] for one in nodes.replicas()["FallbackEngine"]] == [nodes.by_kind["A10G"].node_id]
                ),
                "the replica has moved",
            )

        return {**self._under_load("drain", event), **seconds}

    def upgrade(self) -> dict[str, Any]:
        """A config that changes ingress and engines, so that all of their replicas are replaced."""
        nodes, seconds = self._nodes, dict[str, float]()
        before = _ids(nodes)

        def event() -> None:
            nodes.deploy(delay_s=0.05)
            seconds["replaced_s"] = until(lambda: _all_new(before, _ids(nodes)), "all replicas are new")

        return {**self._under_load("upgrade", event), **seconds}

    def head(self) -> dict[str, Any]:
        """The head's GCS, which knows what runs where, ends and comes again; what it knew is in a Redis."""
        nodes = self._nodes
        head: Any = nodes.cluster.head_node

        def event() -> None:
            head.kill_gcs_server()
            time.sleep(_BEFORE_S)
            head.start_gcs_server()

        told = self._under_load("head", event)
        return {**told, "after": {name: nodes.kinds(name) for name in ("Engine", "FallbackEngine")}}

    def _under_load(self, name: str, event: Callable[[], object]) -> dict[str, Any]:
        load = Load(self._nodes.url)
        asyncio.run(load.during(event))
        self.rows += [{"event": name, **one} for one in load.answers]
        return load.told()


def _drain(address: str, node: str) -> None:
    """As a node's own watcher does when its machine is about to go."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", "--address", address, "--node-id", node]
    command += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "replaced"]
    subprocess.run([*command, "--deadline-remaining-seconds", f"{_LIMIT_S:.0f}"], check=True, capture_output=True)


def _ids(nodes: Nodes) -> dict[str, set[str]]:
    changed = ("Ingress", "Engine", "FallbackEngine")
    return {name: {one["replica_id"] for one in nodes.replicas()[name]} for name in changed}


def _all_new(before: dict[str, set[str]], after: dict[str, set[str]]) -> bool:
    return all(len(after[name]) == len(before[name]) and not after[name] & before[name] for name in before)


@contextlib.contextmanager
def redis(port: int) -> Iterator[str]:
    """The address of a Redis of this run's own."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                yield f"127.0.0.1:{port}"
            finally:
                process.kill()


def main() -> None:
    from tests.conftest import free_port

    parser = argparse.ArgumentParser(prog="python -m tests.cluster.nodes", description=__doc__)
    parser.add_argument("events", nargs="+", choices=EVENTS)
    parser.add_argument("--record", help="write docs/results/RECORD.json")
    asked = parser.parse_args()
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    with contextlib.ExitStack() as stack:
        if "head" in asked.events:
            os.environ["RAY_REDIS_ADDRESS"] = stack.enter_context(redis(free_port()))
        nodes = Nodes(free_port())
        stack.callback(nodes.cluster.shutdown)
        nodes.deploy()
        started_s = until(lambda: httpx.get(f"{nodes.url}/readyz").status_code == httpx.codes.OK, "the graph is ready")
        run = Run(nodes)
        summary = {"started_s": started_s, **{event: getattr(run, event)() for event in asked.events}}
        sys.stdout.write(json.dumps(summary) + "\n")
    if asked.record:
        command = f"python -m tests.cluster.nodes {' '.join(asked.events)} --record {asked.record}"
        write_result(asked.record, summary, run.rows, command, load_average=os.getloadavg()[0], clients=_CLIENTS)


if __name__ == "__main__":
    main()
