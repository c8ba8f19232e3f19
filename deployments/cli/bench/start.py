"""`lift bench start`: from launch to the first token, phase by phase, and how soon a paused engine wakes."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import Change, command_line, read_settings
from deployments.cli.console import fail, out, progress_bars
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.start import Start


def start(
    config: Annotated[Path, typer.Argument(help="A Serve config file: its `args` say which engine.")],
    change: Change = "",
    rounds: Annotated[int, typer.Option(help="Starts, one after the other. The first finds cold files.", min=1)] = 3,
    figure: Annotated[str, typer.Option(help="The id under which the time of a start is indexed.")] = "coldstart.cpu_s",
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Start an engine in a new process, again and again: imports, weights, cache, graphs, grammars, first token.

    With SGLang's `enable_memory_saver` it is also paused and woken. The first start is no part of the figure's median.
    """
    conditions = read_settings(config, change).engine.model_dump(exclude_none=True)
    rows = []
    with progress_bars() as progress:
        bar = progress.add_task("starts", total=rounds)
        for _ in range(rounds):
            rows.append(_start(config, change))
            progress.advance(bar)
    summary = _summary(rows)
    out.print(summary)
    if record:
        command = command_line("lift bench start", config, change=change, rounds=rounds, figure=figure, record=record)
        write_result(record, summary, [row.model_dump() for row in rows], command, engine=conditions)
        _index(summary, figure, command, record)


def _start(config: Path, change: str) -> "Start":
    from deployments.bench.start import Start

    command = [sys.executable, "-m", "deployments.bench.start", str(config), change, str(time.time())]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode:
        fail(f"the engine did not start: exit code {ran.returncode}; its words are above", 1)
    return Start.model_validate_json(ran.stdout.splitlines()[-1])


def _summary(rows: "list[Start]") -> dict[str, Any]:
    """The first start, and medians of the others."""
    summary: dict[str, Any] = {"first": _phases(rows[:1]), "memory": rows[-1].memory}
    if len(rows) > 1:
        summary["later"] = _phases(rows[1:])
    naps = [row.nap for row in rows if row.nap]
    if naps:
        wakes = [nap.resume_s + nap.first_token_s for nap in naps]
        summary["wake_s"] = round(statistics.median(wakes), 3)
        summary["pause_s"] = round(statistics.median(nap.pause_s for nap in naps), 3)
    return summary


def _phases(rows: "list[Start]") -> dict[str, float]:
    names = ("imports_s", "engine_s", "grammars_s", "first_token_s", "total_s")
    found = {name: round(statistics.median(getattr(row, name) for row in rows), 3) for name in names}
    parts = {
        f"engine.{part}_s": round(statistics.median(row.engine_parts_s[part] for row in rows), 3)
        for part in rows[0].engine_parts_s
    }
    return found | parts


def _index(summary: dict[str, Any], figure: str, command: str, record: str) -> None:
    where = {"unit": "s", "command": command, "data": f"{record}.json", **circumstances()}
    figures = []
    if "later" in summary:
        figures.append(Figure(id=figure, value=summary["later"]["total_s"], goal="<= 45 at true size", **where))
    if "wake_s" in summary:
        figures.append(Figure(id="coldstart.wake_s", value=summary["wake_s"], goal="<= 6", **where))
    index(figures)
