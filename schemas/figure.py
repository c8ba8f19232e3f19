"""A measured figure, and the index of all of them: docs/results/summary.json, written by the commands that measure."""

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from schemas.wire import Wire

RESULTS = Path("docs/results")
"""Below the project's root, where the commands that measure are run."""


class Figure(Wire):
    id: str
    value: float
    unit: str
    goal: str
    command: str
    """Reproduces the figure, in the project's root."""
    data: str
    """The file with the raw rows, below docs/results."""
    commit: str
    date: str
    machine: str


def write_result(
    name: str, summary: dict[str, Any], rows: Sequence[dict[str, Any]], command: str, **conditions: Any
) -> None:
    """Write docs/results/NAME.json: what was run where and under which conditions, every raw row, and the summary."""
    content = {"command": command, **circumstances(), **conditions, "summary": summary, "rows": list(rows)}
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def index(figures: Sequence[Figure], path: Path = RESULTS / "summary.json") -> None:
    """Put the figures into the index, each in the place of an earlier one of its id."""
    adapter = TypeAdapter(list[Figure])
    known = adapter.validate_json(path.read_text(encoding="utf-8")) if path.exists() else []
    merged = {figure.id: figure for figure in [*known, *figures]}
    ordered = [merged[name] for name in sorted(merged)]
    path.write_text(json.dumps(adapter.dump_python(ordered), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def circumstances() -> dict[str, str]:
    """The commit, the date and the machine of a measurement."""
    # A copy without its history, such as on a rented GPU, carries the commit in a file.
    commit = _said_by("git", "rev-parse", "--short", "HEAD") or _said_by("cat", ".commit")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"commit": commit or "unknown", "date": today, "machine": _machine()}


def _said_by(*command: str) -> str:
    """The first line that a command prints; nothing if it fails or is not there."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.strip().partition("\n")[0]


def _machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
    cpu = names[0].partition(":")[2].strip() if names else platform.processor()
    gpu = _said_by("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    where = f"{gpu}, {os.cpu_count()} cores {cpu}" if gpu else f"{os.cpu_count()} cores {cpu}"
    return f"{where}, {memory_gb:.0f} GB, {platform.system()}, Python {platform.python_version()}"
