"""One run of the load generator, locust in a process of its own, and what it wrote."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployments.cli.console import err, fail, plain

LOCUSTFILE = Path(__file__).parents[3] / "loadtest" / "locustfile.py"
LATE = 3
"""The exit code of a run in which the load generator did not keep its schedule."""
_GRACE_S = 30.0
"""For the load generator to begin, to end and to write."""


@dataclass(frozen=True)
class Ran:
    told: dict[str, Any]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Target:
    """Whom to ask, and how."""

    url: str
    api_key: str | None
    insecure: bool
    workers: int

    def require_listening(self) -> None:
        """Ends the command where requests would have nobody to go to."""
        import httpx

        if importlib.util.find_spec("locust") is None:
            fail("locust is missing: pip install 'lift-sys[loadtest]'")
        try:
            httpx.get(f"{self.url}/healthz", timeout=10, verify=not self.insecure)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            fail(f"--url {self.url!r} is no address: {error}; write it as http://127.0.0.1:8000")
        except httpx.ConnectError as error:
            if "CERTIFICATE" in str(error) or "SSL" in str(error):
                fail(f"{self.url}: TLS failed ({error}); take the name that its certificate has, or --insecure")
            fail(f"no service at {self.url} ({error}); start one with `lift serve`")
        except httpx.TimeoutException:
            err.print(plain(f"{self.url} does not answer /healthz within 10 s; asking all the same"))
        except httpx.TransportError as error:
            fail(f"{self.url} broke off: {error}; is it HTTP that is spoken there?")

    def run(self, asked: Mapping[str, Any]) -> Ran:
        """What locust wrote of the run; ends the command with its words where it wrote nothing."""
        with tempfile.TemporaryDirectory() as folder:
            summary, rows, log = (Path(folder) / name for name in ("summary.json", "rows.jsonl", "log"))
            command = [*self._command(asked), f"--rows={rows}", f"--summary={summary}"]
            with (
                log.open("wb") as output,
                subprocess.Popen(command, env=self._environment(), stdout=subprocess.DEVNULL, stderr=output) as process,
            ):
                _wait(process, asked["seconds"] + asked["timeout_s"] + _GRACE_S)
            if not summary.exists():
                fail(_last_line(log))
            told = json.loads(summary.read_text(encoding="utf-8"))
            lines = rows.read_text(encoding="utf-8").splitlines() if rows.exists() else []
        return Ran(told, [json.loads(line) for line in lines])

    def _command(self, asked: Mapping[str, Any]) -> list[str]:
        command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--host", self.url]
        command += [f"--{name.replace('_', '-')}={value}" for name, value in asked.items()]
        command += ["--insecure"] if self.insecure else []
        return command + (["--processes", str(self.workers)] if self.workers > 1 else [])

    def _environment(self) -> dict[str, str]:
        key = {"LIFT_API_KEY": self.api_key} if self.api_key else {}
        return {**os.environ, "PYTHONPATH": str(LOCUSTFILE.parents[1]), **key}


def _wait(process: subprocess.Popen[bytes], limit_s: float) -> None:
    """Ctrl-C reaches the load generator too, which then writes what it has. One that hangs is ended."""
    for ending in (process.terminate, process.kill):
        try:
            process.wait(limit_s)
            return
        except KeyboardInterrupt:
            process.wait(limit_s)
            return
        except subprocess.TimeoutExpired:
            ending()
            limit_s = _GRACE_S


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    said = next((line for line in lines if "error: " in line), lines[-1] if lines else "locust ended without a word")
    return said.rpartition("error: ")[2]
