"""A real service for a whole module of tests: `lift serve` in a process of its own, on loopback."""

import contextlib
import gc
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from schemas import LiftResponse
from tests.prometheus import Prometheus, StartPrometheus, running

# What a script runs in the background ignores SIGINT, and so would every service that is started and stopped here.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Service:
    """A running service, and a client of it."""

    client: httpx.Client
    pid: int
    config: Path

    def lift(self, **body: object) -> LiftResponse:
        answer = self.client.post("/v1/lift", json=body)
        assert answer.status_code == 200, answer.text
        return LiftResponse.model_validate_json(answer.content)

    def replica(self, deployment: str) -> psutil.Process:
        """The process of a deployment's only replica. Ray names its workers by their command lines."""
        [found] = self.replicas(deployment)
        return found

    def replicas(self, deployment: str) -> list[psutil.Process]:
        title = f"ServeReplica:lift:{deployment}"
        return [p for p in psutil.Process(self.pid).children(recursive=True) if title in "".join(p.cmdline()[:1])]


Serve = Callable[..., AbstractContextManager[Service]]

_START_S = 240
_NO_CORES = {"num_cpus": 0.05}
_TIMES = {
    "graceful_shutdown_timeout_s": 1,
    "graceful_shutdown_wait_loop_s": 0.1,
    "health_check_period_s": 1,
    "health_check_timeout_s": 120,
}


def config(args: dict[str, Any], port: int, scaling: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A Serve config with one small replica of each deployment, but for those that scale by an `autoscaling_config`."""
    names = ["Ingress", "Validator"]
    names += ["IRStage", "CodeStage"] if args.get("model_stages", "deployed") == "deployed" else []
    names += ["FallbackEngine"] if "engine" in args.get("fallback", {}) else []
    names += ["Engine"] if args.get("pools", "shared") == "shared" else ["IREngine", "CodeEngine"]
    deployments = [
        {"name": name, "num_replicas": 1, "max_ongoing_requests": 32, "ray_actor_options": _NO_CORES} for name in names
    ]
    for deployment in deployments:
        deployment |= _TIMES
        if deployment["name"] in scaling:
            del deployment["num_replicas"]
            deployment["autoscaling_config"] = scaling[str(deployment["name"])]
    application = {
        "name": "lift",
        "route_prefix": "/",
        "import_path": "deployments.app:build",
        "args": args,
        "deployments": deployments,
    }
    http = {"host": "127.0.0.1", "port": port, "request_timeout_s": 900}
    logs = {"encoding": "JSON"}
    return {"proxy_location": "HeadOnly", "http_options": http, "logging_config": logs, "applications": [application]}


def pytest_collection_finish() -> None:
    """Five thousand tests stay until the end: the collector of garbage need not look through them again and again.

    It takes 0.4 s, in which a test against a clock stands still.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    @contextlib.contextmanager
    def running(
        args: dict[str, Any],
        scaling: dict[str, dict[str, Any]] | None = None,
        *,
        some: dict[str, dict[str, Any]] | None = None,
        production: dict[str, str] | None = None,
    ) -> Iterator[Service]:
        """`some`: what is else with deployments, by name. `production`: with its flags, and these besides."""
        port = free_port()
        folder = tmp_path_factory.mktemp("serve")
        file, log = folder / "serve.yaml", folder / "serve.log"
        data = config(args, port, scaling or {})
        for deployment in data["applications"][0]["deployments"]:
            deployment |= (some or {}).get(str(deployment["name"]), {})
        file.write_text(yaml.safe_dump(data), encoding="utf-8")
        options = [] if production is None else ["--production"]
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [str(Path(sys.executable).with_name("lift")), "serve", *options, str(file)],
                env={**os.environ, **(production or {})},
                stdout=output,
                stderr=output,
                start_new_session=True,
            ) as process,
        ):
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
                    wait_until_ready(client, process, log)
                    yield Service(client, process.pid, file)
            finally:
                stop(process)

    return running


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> StartPrometheus:
    """`with prometheus([{"job_name": "lift", "static_configs": [{"targets": ["127.0.0.1:…"]}]}]) as started:`.

    `port` and `folder` of an earlier one start that again where it ended.
    """

    def start(
        scrape: Sequence[dict[str, Any]],
        *,
        rules: Sequence[Path] = (),
        port: int | None = None,
        folder: Path | None = None,
    ) -> AbstractContextManager[Prometheus]:
        return running(folder or tmp_path_factory.mktemp("prometheus"), port or free_port(), scrape, rules=rules)

    return start


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/readyz", timeout=10).status_code == 200:
                return
        time.sleep(0.25)
    pytest.fail(f"the service did not come up:\n{log.read_text(encoding='utf-8', errors='replace')[-6_000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, as a user would; what is then still there of its session is killed."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """A port that nobody takes first: none of Ray's own (10002-19999), and none that the system hands out."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", random.randint(20_000, 30_000)))
            return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def own_port() -> int:
    """For a server of a module's own."""
    return free_port()


@pytest.fixture
def anyio_backend() -> str:
    """Which event loop the async tests run on: the one that the service runs on."""
    return "asyncio"
