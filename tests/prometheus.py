"""A real Prometheus on loopback, for tests that need to know what it makes of our metrics."""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

_READY_WITHIN_S = 30
StartPrometheus = Callable[..., AbstractContextManager["Prometheus"]]


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus, and a client of it."""

    client: httpx.Client
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The instant vector, one object a series: its labels under `metric`, its `value` as time and text."""
        answer = self.client.get("/api/v1/query", params={"query": promql})
        assert answer.status_code == 200, f"{promql}: {answer.text}"
        found = answer.json()["data"]
        return [{"metric": {}, "value": found["result"]}] if found["resultType"] == "scalar" else found["result"]

    def value(self, promql: str) -> float:
        """Of a query with one series."""
        [series] = self.query(promql)
        return float(series["value"][1])

    def until(self, promql: str, within_s: float = 60) -> list[dict[str, Any]]:
        """The answer to a query, once there is one."""
        end = time.monotonic() + within_s
        while not (found := self.query(promql)):
            assert time.monotonic() < end, f"nothing for {promql} within {within_s} s"
            time.sleep(0.25)
        return found


def program(name: str) -> str:
    """`prometheus` or `promtool`, where `make test` has put it or on PATH."""
    found = shutil.which(str(Path(sys.executable).with_name(name))) or shutil.which(name)
    return found or pytest.fail(f"{name} is missing: run `make {Path(sys.prefix).name}/bin/prometheus`")


@contextlib.contextmanager
def running(
    folder: Path, port: int, scrape: Sequence[dict[str, Any]], *, rules: Sequence[Path] = ()
) -> Iterator[Prometheus]:
    """Scrapes and evaluates every second. What it stored stays in the folder: started there again, it goes on."""
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": list(scrape),
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    log = folder / "prometheus.log"
    command = [program("prometheus"), f"--config.file={folder}/prometheus.yaml"]
    command += [f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                _wait_until_ready(client, process, log)
                yield Prometheus(client, process)
        finally:
            process.terminate()


def _wait_until_ready(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/-/ready").status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail(f"Prometheus did not come up:\n{log.read_text(encoding='utf-8', errors='replace')[-4_000:]}")
