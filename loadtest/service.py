"""A service started for a measurement, and stopped after it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import psutil


@dataclass(frozen=True)
class Served:
    client: httpx.Client
    process: psutil.Process

    def cpu_s(self) -> float:
        """Of all its processes until now."""
        used = 0.0
        for process in self.process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                used += sum(process.cpu_times()[:2])
        return used


@contextlib.contextmanager
def served(
    config: Path,
    url: str,
    *,
    start_s: float = 180,
    production: bool = False,
    variables: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
) -> Iterator[Served]:
    """`lift serve CONFIG` as long as the block runs, with these environment variables besides.

    `production`: with HAProxy and Serve's other flags of cluster/production.env.

    What it says on standard error goes to `log`, or to where ours goes.

    Raises `RuntimeError` when it does not become ready in time.
    """
    command = [
        str(Path(sys.executable).with_name("lift")),
        "serve",
        str(config),
        *(["--production"] if production else []),
    ]
    environment = {**os.environ, **(variables or {})}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True, env=environment
    ) as process:
        try:
            with httpx.Client(base_url=url, timeout=60) as client:
                wait_until_ready(client, start_s, lambda: process.poll() is not None)
                yield Served(client, psutil.Process(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def wait_until_ready(client: httpx.Client, limit_s: float, is_over: Callable[[], bool] = lambda: False) -> None:
    """Raises `RuntimeError` when it does not become so in time, or is over first."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until and not is_over():
        with contextlib.suppress(httpx.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"{client.base_url} did not become ready within {limit_s:g} s")
