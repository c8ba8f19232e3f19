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


def write_result(name: str, summary: dict[str, Any], rows: Sequence[dict[str, Any]], command: str) -> None:
    """Write docs/results/NAME.json: what was run where, every raw row, and the summary."""
    content = {"command": command, **circumstances(), "summary": summary, "rows": list(rows)}
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
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"commit": commit.stdout.strip() or "unknown", "date": today, "machine": _machine()}


def _machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
    cpu = names[0].partition(":")[2].strip() if names else platform.processor()
    return f"{os.cpu_count()} cores {cpu}, {memory_gb:.0f} GB, {platform.system()}, Python {platform.python_version()}"
