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
    naps: Annotated[int, typer.Option(help="Each engine gives its memory back and wakes so often.", min=0)] = 0,
    figure: Annotated[str, typer.Option(help="The id under which the time of a start is indexed.")] = "coldstart.cpu_s",
    wake_figure: Annotated[str, typer.Option(help="The same for the time of waking.")] = "coldstart.wake_s",
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Start an engine in a new process, again and again: imports, weights, cache, graphs, grammars, first token.

    The first start is no part of the figure's median. Naps need `--change sglang.enable_memory_saver=true,
    sglang.enable_weights_cpu_backup=true`.
    """
    engine = read_settings(config, change).engine
    if naps and not engine.sglang.get("enable_memory_saver"):
        fail(f"--naps {naps}: an engine naps with --change sglang.enable_memory_saver=true only")
    rows = []
    with progress_bars() as progress:
        bar = progress.add_task("starts", total=rounds)
        for _ in range(rounds):
            rows.append(_start(config, change, naps))
            progress.advance(bar)
    summary = _summary(rows)
    out.print(summary)
    if record:
        amounts = {"change": change, "rounds": rounds, "naps": naps or None}
        ids = {"figure": figure, "wake_figure": wake_figure if naps else None}
        command = command_line("lift bench start", config, **amounts, **ids, record=record)
        conditions = engine.model_dump(exclude_none=True)
        write_result(record, summary, [row.model_dump() for row in rows], command, engine=conditions)
        _index(summary, figure, wake_figure, {"command": command, "data": f"{record}.json", **circumstances()})


def _start(config: Path, change: str, naps: int) -> "Start":
    from deployments.bench.start import Start

    command = [sys.executable, "-m", "deployments.bench.start", str(config), change, str(naps), str(time.time())]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode:
        fail(f"the engine did not start: exit code {ran.returncode}; its words are above", 1)
    return Start.model_validate_json(ran.stdout.splitlines()[-1])


def _summary(rows: "list[Start]") -> dict[str, Any]:
    """The first start, and medians of the others."""
    summary: dict[str, Any] = {"first": _phases(rows[:1]), "memory": rows[-1].memory}
    if len(rows) > 1:
        summary["later"] = _phases(rows[1:])
    if naps := [nap for row in rows for nap in row.naps]:
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


def _index(summary: dict[str, Any], figure: str, wake_figure: str, where: dict[str, Any]) -> None:
    figures = []
    if "later" in summary:
        figures.append(
            Figure(id=figure, value=summary["later"]["total_s"], unit="s", goal="<= 45 at true size", **where)
        )
    if "wake_s" in summary:
        figures.append(Figure(id=wake_figure, value=summary["wake_s"], unit="s", goal="<= 6", **where))
    index(figures)
