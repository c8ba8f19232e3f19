"""One Ray for the services of a study, one after the other: its start is waited for once."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from deployments.bench.redeploy import redeploy
from loadtest.service import Served, served, wait_until_ready

_TAIL = 2_000
"""Characters of a log that are told where a service does not start."""
_NO_MULTICAST = {
    "NCCL_NVLS_ENABLE": "0",
    "TORCH_SYMM_MEM_DISABLE_MULTICAST": "1",
    "NVSHMEM_DISABLE_NVLS": "1",
    "SGLANG_OPT_USE_CUSTOM_ALL_REDUCE_V2": "0",
}
"""NVLink multicast can hang hosts that share a switch. SGLang's own all-reduce takes it, too, in its second version."""
_VARIABLES = {**_NO_MULTICAST, "RAY_metrics_report_interval_ms": "500"}
"""Metrics are else ten seconds old."""


class Host:
    """A context. What is served stays until something else is, or until the end."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._service: Served | None = None
        self._args: dict[str, Any] = {}
        self.start_s = 0.0
        """What the slowest start of an engine took so far, the first with Ray's own."""

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def starts_engines(self, data: dict[str, Any]) -> bool:
        """Whether engines have to start for it: those that run stay if nothing but their number changes."""
        return self._args != _args(data)

    def serve(self, data: dict[str, Any], within_s: float) -> tuple[str, Served]:
        """Its address. Raises `RuntimeError` where it does not run in time; then the next one starts from nothing."""
        begun = time.monotonic()
        url = f"http://127.0.0.1:{data['http_options']['port']}"
        starts = self.starts_engines(data)
        try:
            if self._service is None:
                self._service = self._start(data, url, within_s)
            else:
                self._change(data, within_s)
        except RuntimeError:
            self._stop()
            raise
        self._args = _args(data)
        if starts:
            self.start_s = max(self.start_s, time.monotonic() - begun)
        return url, self._service

    def _start(self, data: dict[str, Any], url: str, within_s: float) -> Served:
        folder = Path(self._running.enter_context(tempfile.TemporaryDirectory()))
        config, log = folder / "scale.yaml", folder / "serve.log"
        config.write_text(yaml.safe_dump(data), encoding="utf-8")
        output = self._running.enter_context(log.open("wb"))
        serving = served(config, url, start_s=within_s, variables=_VARIABLES, log=output)
        try:
            return self._running.enter_context(serving)
        except RuntimeError as error:
            tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
            raise RuntimeError(f"{error}; the end of its log:\n{tail}") from None

    def _change(self, data: dict[str, Any], within_s: float) -> None:
        assert self._service
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as config:
            yaml.safe_dump(data, config)
            config.flush()
            redeploy(self._service.process.pid, Path(config.name), within_s)
        wait_until_ready(self._service.client, within_s)

    def _stop(self) -> None:
        self._running.close()
        self._service, self._args = None, {}


def _args(data: dict[str, Any]) -> dict[str, Any]:
    args: dict[str, Any] = data["applications"][0]["args"]
    return args
