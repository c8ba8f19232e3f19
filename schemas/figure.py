"""A measured figure, and the index of all of them: docs/results/summary.json, written by the commands that measure.

figures.md beside it is the same to be read. `python -m schemas.figure` writes it anew.
"""

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from schemas.wire import Wire

RESULTS = Path("docs/results")
"""Below the project's root, where the commands that measure are run."""
SUMMARY = RESULTS / "summary.json"
_HEAD = """# Figures

Written by the commands that measure. [README.md](README.md) says what they mean and how far to trust them.
"""


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


def index(figures: Sequence[Figure], path: Path = SUMMARY) -> None:
    """Put the figures into the index, each in the place of an earlier one of its id, and write its page."""
    known = indexed(path) if path.exists() else []
    merged = {figure.id: figure for figure in [*known, *figures]}
    ordered = [merged[name] for name in sorted(merged)]
    rows = TypeAdapter(list[Figure]).dump_python(ordered)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path.with_name("figures.md").write_text(page(ordered), encoding="utf-8")


def indexed(path: Path = SUMMARY) -> list[Figure]:
    """Raises `OSError` and `ValidationError`."""
    return TypeAdapter(list[Figure]).validate_json(path.read_text(encoding="utf-8"))


def page(figures: Sequence[Figure]) -> str:
    """Markdown: each file of rows with its command, its circumstances, and a table of its figures."""
    by_file = groupby(sorted(figures, key=lambda figure: (figure.data, figure.id)), key=lambda figure: figure.data)
    return "\n".join([_HEAD, *(_section(data, list(of)) for data, of in by_file)])


def _section(data: str, figures: Sequence[Figure]) -> str:
    first = figures[0]
    rows = "\n".join(f"| `{one.id}` | {_plain(one.value)} | {one.unit} | {one.goal} |" for one in figures)
    return f"""## [{data}]({data})

`{first.command}`

{first.date}, commit {first.commit}, {first.machine}

| figure | value | unit | goal |
|---|---|---|---|
{rows}
"""


def _plain(value: float) -> str:
    """Without an exponent."""
    return format(Decimal(str(value)).normalize(), "f")


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


if __name__ == "__main__":
    index([])
