"""`lift doctor`: is everything here, and what to do if it is not."""

import asyncio
import json as json_text
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import psutil
import typer
from rich.table import Column, Table
from rich.text import Text

from deployments.cli.console import out, plain
from deployments.cli.service import LOCAL, port_is_free
from deployments.fit.errors import DoesNotFit
from deployments.models import cache
from deployments.models.errors import ReaderMissing, WeightsMissing
from deployments.secrets import missing_secrets
from deployments.settings import Settings
from lift_sys.errors import SandboxUnavailable
from lift_sys.executor import host
from lift_sys.grammar.bound import BoundExceeded
from lift_sys.sandbox import ProcessSandbox

_NEEDED_GB, _NEEDED_DISK_GB, _NEEDED_SHARED_GB = 7, 10, 0.25
_SHARED = Path("/dev/shm")
_PACKAGES = ("ray", "sglang", "torch", "xgrammar")
_MARKS = {"ok": Text("✓", "green"), "warning": Text("!", "yellow"), "problem": Text("✗", "bold red")}


@dataclass(frozen=True)
class Finding:
    what: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    remedy: str = ""


def doctor(
    config: Annotated[Path, typer.Option(help="A Serve config file.", show_default="cluster/serve.local.yaml")] = LOCAL,
    json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Check this machine for what a config needs, and say the remedy. Exit code 1: there is a problem."""
    findings = [*(check() for check in CHECKS), *config_checks(config)]
    if json:
        typer.echo(json_text.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        table = Table("", "what", Column("finding", overflow="fold"), Column("remedy", overflow="fold"), box=None)
        for finding in findings:
            table.add_row(_MARKS[finding.state], finding.what, plain(finding.detail), plain(finding.remedy))
        out.print(table)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)


def python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 14):
        return Finding("python", "ok", found)
    return Finding("python", "problem", found, "install Python 3.11, 3.12 or 3.13")


def memory() -> Finding:
    free_gb = psutil.virtual_memory().available / 2**30
    detail = f"{free_gb:.1f} GB free"
    if free_gb >= _NEEDED_GB:
        return Finding("memory", "ok", detail)
    return Finding("memory", "warning", detail, f"the 1.5B model wants {_NEEDED_GB} GB; the 0.5B model wants 4")


def cores() -> Finding:
    count = psutil.cpu_count() or 1
    return Finding(
        "cores", "ok" if count >= 2 else "warning", str(count), "" if count >= 2 else "expect half the speed"
    )


def disk() -> Finding:
    folder = cache.root()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    state: Literal["ok", "warning"] = "ok" if free_gb >= _NEEDED_DISK_GB else "warning"
    return Finding(
        "disk",
        state,
        f"{free_gb:.0f} GB free for {folder}",
        "" if state == "ok" else "make room, or set XDG_CACHE_HOME",
    )


def gpu() -> Finding:
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    if not shutil.which(query[0]):
        return Finding("gpu", "ok", "none; the engine runs on the CPU")
    try:
        shown = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except subprocess.SubprocessError as error:
        return Finding("gpu", "warning", f"nvidia-smi fails: {error}", "mend the driver; a CPU needs none")
    return Finding("gpu", "ok", "; ".join(shown.stdout.strip().splitlines()))


def packages() -> Finding:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if find_spec("sgl_kernel") is None:  # whose package has another name on a CPU
        missing.append("sgl_kernel")
    if missing:
        return Finding("packages", "problem", f"{', '.join(missing)} missing", "make install")
    return Finding("packages", "ok", ", ".join(found))


def sandbox() -> Finding:
    try:
        tier = asyncio.run(ProcessSandbox(allow_weak=True).tier())
    except SandboxUnavailable as error:
        return Finding("sandbox", "problem", str(error), "can this user start processes?")
    if tier == "rlimits":
        return Finding("sandbox", "problem", tier, "a kernel with Landlock (5.13 or newer); or allow_weak_sandbox")
    around = host.kind()
    return Finding("sandbox", "ok", f"tier {tier}{f', within {around}' if around else ''}")


def shared_memory() -> Finding:
    size_gb = shutil.disk_usage(_SHARED).total / 2**30 if _SHARED.is_dir() else 0.0
    if size_gb >= _NEEDED_SHARED_GB:
        return Finding("shared_memory", "ok", f"{size_gb:.1f} GB at {_SHARED}")
    remedy = "in a container, start it with --shm-size=1g; Ray uses the disk instead"
    return Finding("shared_memory", "warning", f"{size_gb:.2f} GB at {_SHARED}", remedy)


CHECKS: tuple[Callable[[], Finding], ...] = (python, memory, cores, disk, gpu, packages, shared_memory, sandbox)


def config_checks(path: Path) -> Iterator[Finding]:
    """What the config asks for: itself readable, its weights here, its port free."""
    if find_spec("ray") is None:  # then there is nothing to read the config with, and `packages` says so
        return
    from deployments.serve_config import ConfigInvalid, load

    try:
        config = load(path)
    except ConfigInvalid as error:
        yield Finding("config", "problem", str(error), "mend the file")
        return
    yield Finding("config", "ok", str(path))
    for missing in missing_secrets(config.settings, os.environ):
        yield Finding("secrets", "problem", *missing.split("; ", 1))
    if config.settings.engine.device == "cuda" and not shutil.which("nvidia-smi"):
        yield Finding(
            "device", "problem", "cuda, and there is no nvidia-smi", "install the driver, or serve on the CPU"
        )
    if config.settings.engine.kind == "sglang":
        yield from model_checks(config.settings)
    if port_is_free(config.host, config.port):
        yield Finding("port", "ok", f"{config.port} is free")
    else:
        yield Finding("port", "warning", f"{config.port} is taken", "stop what listens there, or set http_options.port")


def model_checks(settings: Settings) -> Iterator[Finding]:
    """Its weights here, small enough for the GPU if there is to be one, and its answers short enough."""
    from deployments.grammars import grammars_of
    from deployments.prepare import prepared

    try:
        yield Finding("weights", "ok", str(prepared(settings.engine, grammars_of(settings))))
        yield Finding("grammars", "ok", "the longest answer fits its limit")
    except WeightsMissing as error:
        yield Finding("weights", "problem", f"none of {error.model}", error.remedy)
    except ReaderMissing as error:
        yield Finding("weights", "problem", f"no package {error.package}, which is to read them", error.remedy)
    except DoesNotFit as error:
        yield Finding("gpu_memory", "problem", str(error), "mend args.engine of the file")
    except BoundExceeded as error:
        yield Finding("grammars", "problem", str(error), "mend args of the file")
