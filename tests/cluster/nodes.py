"""The graph of cluster/serve.mixed.yaml on several machines of this one, whose GPUs are words only.

`python -m tests.cluster.nodes` prints what became of each event, as JSON; `--record cluster/nodes` writes docs/results.
Engines answer from a script, and each deployment has two replicas. All else is as deployed: accelerators, CPUs, HAProxy
on every machine, the flags of production, tokens, and a Redis.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from schemas.figure import Figure, circumstances, index, write_result
from tests.cluster.machines import ALONE, Machines, until
from tests.cluster.mixed import config
from tests.cluster.steady import CLIENTS, SHORT, Steady

EVENTS = ("placement", "upgrade", "loss", "drain", "silence", "head")
ON_CPUS = ("Ingress", "Validator")
_DEPLOYMENTS = {*ON_CPUS, "Engine", "FallbackEngine"}
_SERVE = "/api/serve/applications/"
_AWAY_S = 2.0
_ITEMS = 20


class Run:
    """The events, one after the other on one cluster. Each tells what became of it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._machines = machines = Machines()
        machines.add("head", cpus=0)
        self._ray = machines.dashboard()
        until(lambda: self._ray.get("/api/version").is_success, "the head is there")
        self._url = f"http://{machines.add('cpu', cpus=16).address}:8000"
        machines.add("a10g", cpus=0, gpu="A10G")
        machines.add("a100", cpus=0, gpu="A100-80G")
        self._deploy()
        self.started_s = until(self._is_ready, "two replicas of each deployment run, and requests reach them")

    def placement(self) -> dict[str, Any]:
        """The machine of each replica."""
        return {name: sorted(places.values()) for name, places in self._places().items()}

    def upgrade(self) -> dict[str, Any]:
        """A config with other arguments: Serve replaces every replica of every deployment."""
        before = self._places()

        def event() -> dict[str, float]:
            self._deploy(delay_s=0.05)
            return {"replaced_s": until(lambda: self._replaced(before), "all replicas are new")}

        return self._under_load("upgrade", event)

    def loss(self) -> dict[str, Any]:
        """All that runs on the only A100 ends at once; after a while it comes again, as a new node."""
        a100 = self._machines["a100"]

        def event() -> dict[str, float]:
            a100.kill()
            missed_s = until(lambda: not self._places()["Engine"], "the loss is seen")
            time.sleep(_AWAY_S)
            a100.start()
            return {"missed_s": missed_s, "back_s": until(lambda: len(self._places()["Engine"]) == 2, "it is back")}

        return self._under_load("loss", event)

    def drain(self) -> dict[str, Any]:
        """A second A10G comes, and the first one is about to go, as a cloud says of a spot machine."""
        [node] = {replica["node_id"] for replica in self._replicas()["FallbackEngine"]}
        self._machines.add("a10g-2", cpus=0, gpu="A10G")

        def event() -> dict[str, float]:
            self._machines.drain(node)
            return {"moved_s": until(self._has_moved, "it has moved", self._state)}

        return self._under_load("drain", event)

    def silence(self) -> dict[str, Any]:
        """A machine with an ingress and a validator falls silent; after a while it comes again, as a new node."""
        second = self._machines.add("cpu-2", cpus=16)
        self._deploy(delay_s=0.3, apart=True)
        until(lambda: all(self._on_both(name) for name in ON_CPUS), "one of each on either machine", self._state)

        def event() -> dict[str, float]:
            second.cut_off()
            missed_s = until(lambda: not any(self._on_both(name) for name in ON_CPUS), "the silence is heard")
            time.sleep(_AWAY_S)
            second.restart()
            back_s = until(lambda: all(self._on_both(name) for name in ON_CPUS), "it is back", self._state)
            return {"missed_s": missed_s, "back_s": back_s}

        return self._under_load("silence", event)

    def _on_both(self, name: str) -> bool:
        return sorted(self._places()[name].values()) == ["cpu", "cpu-2"]

    def head(self) -> dict[str, Any]:
        """The head ends with all that runs on it, and is started again; what it knew is in Redis."""
        head, before, jobs = self._machines["head"], self._places(), list[str]()

        def event() -> dict[str, float]:
            body = {"requests": [{"prompt": SHORT["prompt"]}] * _ITEMS}
            jobs.append(httpx.post(f"{self._url}/v1/jobs", json=body).raise_for_status().headers["location"])
            head.kill()
            time.sleep(_AWAY_S)
            head.start()
            return {"back_s": until(lambda: self._places() == before, "Serve knows all replicas again", self._state)}

        told = self._under_load("head", event)
        return {**told, "job": {"items": _ITEMS, "levels": self._levels(*jobs)}}

    def _levels(self, job: str) -> Counter[str]:
        """The verdicts of a job's items, once it has ended."""
        with httpx.Client(base_url=self._url, timeout=30) as client:
            until(lambda: client.get(job).json()["ended_at"], "the job ends")
            results = [json.loads(line) for line in client.get(f"{job}/results").text.splitlines()]
        return Counter(one["response"]["verdict"]["level"] for one in results)

    def _deploy(self, **changes: Any) -> None:
        self._ray.put(_SERVE, json=config(**changes)).raise_for_status()

    def _state(self) -> str:
        """What Serve says of itself, or why it does not."""
        try:
            return self._ray.get(_SERVE).text
        except httpx.HTTPError as error:
            return repr(error)

    def _all_replicas(self) -> dict[str, list[dict[str, Any]]]:
        """By deployment."""
        deployments = self._ray.get(_SERVE).json()["applications"]["lift"]["deployments"]
        return {name: one["replicas"] for name, one in deployments.items()}

    def _replicas(self) -> dict[str, list[dict[str, Any]]]:
        """Those that run."""
        found = self._all_replicas()
        return {name: [one for one in some if one["state"] == "RUNNING"] for name, some in found.items()}

    def _places(self) -> dict[str, dict[str, str]]:
        """By deployment, of each replica that runs the machine."""
        name_of = self._machines.name_of
        return {
            name: {replica["replica_id"]: name_of(replica["node_ip"]) for replica in replicas}
            for name, replicas in self._replicas().items()
        }

    def _is_ready(self) -> bool:
        """The replicas are there before the HAProxy that leads to them."""
        whole = {name: len(replicas) for name, replicas in self._replicas().items()} == dict.fromkeys(_DEPLOYMENTS, 2)
        return whole and httpx.get(f"{self._url}/readyz").status_code == httpx.codes.OK

    def _replaced(self, before: dict[str, dict[str, str]]) -> bool:
        after = self._places()
        return all(len(after[name]) == len(old) and not after[name].keys() & old for name, old in before.items())

    def _has_moved(self) -> bool:
        """With nothing left behind: a head that is lost meanwhile would take what ends for what is to stay."""
        nothing_ends = len(self._all_replicas()["FallbackEngine"]) == 2
        return nothing_ends and self.placement()["FallbackEngine"] == ["a10g-2"] * 2

    def _under_load(self, name: str, event: Callable[[], dict[str, float]]) -> dict[str, Any]:
        load, seconds = Steady(self._url), dict[str, float]()
        asyncio.run(load.during(lambda: seconds.update(event())))
        self.rows += [{"event": name, **row} for row in load.rows]
        told = {**load.told(), **seconds}
        sys.stderr.write(f"{name}: {json.dumps(told)}\n")
        return told


def alone(*options: str) -> list[str]:
    """The command of a run, in namespaces of its own."""
    return [*ALONE, sys.executable, "-m", "tests.cluster.nodes", "--alone", *options]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.nodes", description=__doc__)
    parser.add_argument("--record", help="write docs/results/RECORD.json")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.alone:
        raise SystemExit(subprocess.run(alone(*sys.argv[1:]), check=False).returncode)
    run = Run()
    summary = {"started_s": run.started_s, **{event: getattr(run, event)() for event in EVENTS}}
    sys.stdout.write(json.dumps(summary) + "\n")
    if asked.record:
        record(asked.record, summary, run.rows)


def record(name: str, summary: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    command = f"python -m tests.cluster.nodes --record {name}"
    write_result(name, summary, rows, command, load_average=os.getloadavg()[0], clients=CLIENTS)
    where = {"command": command, "data": f"{name}.json", **circumstances()}
    for event in EVENTS[1:]:
        failed = sum(row["status"] != httpx.codes.OK for row in rows if row["event"] == event)
        goal = f"<= {CLIENTS}, what an ingress had in work" if event == "silence" else "0"
        index([Figure(id=f"nodes.{event}_failed", value=failed, unit="requests", goal=goal, **where)])
    slowest = summary["silence"]["slowest_s"]
    index([Figure(id="nodes.silence_slowest_s", value=slowest, unit="s", goal="<= 30", **where)])


if __name__ == "__main__":
    main()
