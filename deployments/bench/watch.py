"""What Serve knows of its replicas, in lines of JSON, several a second: `python -m deployments.bench.watch ADDRESS`.

In a process of its own, since it joins the cluster as a driver, and a process can join one only.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import ray
from ray import serve

_EVERY_S = 0.2


class Watch:
    """A cluster's replicas by state over time, as `time.time()` has it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self.metrics_port = int(json.loads(process.stdout.readline())["metrics_port"])
        self.seen: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: Any) -> None:
        # Its process is killed in the end, maybe in the midst of a line.
        with contextlib.suppress(ValueError):
            self.seen.extend(map(json.loads, lines))

    def wait(self) -> None:
        """Until the first look; the cluster is there already."""
        while not self.seen:
            time.sleep(_EVERY_S)

    def now(self, deployment: str) -> dict[str, int]:
        """Replicas by state, `STARTING` and `RUNNING` among them."""
        return dict(self.seen[-1]["replicas"][deployment]) if self.seen else {}


@contextlib.contextmanager
def watching(service_pid: int) -> Iterator[Watch]:
    """Watch the cluster that a service's process has started."""
    command = [sys.executable, "-m", __name__, gcs_address(service_pid)]
    # A cluster of this machine's own asks for its token; one who joins it by address does not think of that.
    environment = {"RAY_AUTH_MODE": "token", **os.environ}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Watch(process)
        finally:
            process.kill()  # at a SIGTERM Ray would print a stack


def gcs_address(service_pid: int) -> str:
    """Where the Ray that a process has started is joined."""
    for child in psutil.Process(service_pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            for argument in child.cmdline():
                if argument.startswith("--gcs-address="):
                    return argument.partition("=")[2]
    raise LookupError(f"process {service_pid} has started no Ray")


def dashboard_address(service_pid: int) -> str:
    """Where the Ray that a process has started is deployed to, by `serve deploy --address`."""
    for child in psutil.Process(service_pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            words = child.cmdline()
            if any(word.endswith("dashboard/dashboard.py") for word in words):
                [port] = [word.partition("=")[2] for word in words if word.startswith("--port=")]
                return f"http://127.0.0.1:{port}"
    raise LookupError(f"process {service_pid} has started no Ray with a dashboard")


def main() -> None:
    ray.init(sys.argv[1], log_to_driver=False, logging_level=logging.ERROR)
    [node] = ray.nodes()  # type: ignore[no-untyped-call]
    _say({"metrics_port": node["MetricsExportPort"]})
    while True:
        [application] = serve.status().applications.values()
        states = {
            name: {str(state): count for state, count in deployment.replica_states.items()}
            for name, deployment in application.deployments.items()
        }
        _say({"at_s": time.time(), "replicas": states})
        time.sleep(_EVERY_S)


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
