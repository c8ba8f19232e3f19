"""`lift bench simulation`: how far the simulator is from a real cluster that was given the same."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import fail, out, progress_bars
from deployments.simulation.study import NotAnswerable
from schemas.figure import RESULTS, Figure, circumstances, index, write_result


def simulation(
    result: Annotated[Path, typer.Argument(help="What `lift bench scaling` recorded.")],
    config: Annotated[Path, typer.Argument(help="The Serve config file that it ran.")],
    seeds: Annotated[int, typer.Option(help="Simulated runs, of which the median counts.", min=1)] = 15,
    ring_points: Annotated[int, typer.Option(help="A replica had on the router's ring then.", min=1)] = 1_000,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json and .png.")] = None,
) -> None:
    """Simulate a recorded run with its own arrivals, and compare latencies and replicas."""
    from deployments.simulation.real import RealRun, mean_error, rows

    try:
        real = RealRun(result, config, ring_points)
        with progress_bars() as progress:
            bar = progress.add_task("arms", total=len(real.arms))
            gaps = []
            for arm in real.arms:
                gaps += real.compare(arm, seeds)
                progress.advance(bar)
    except NotAnswerable as problem:
        fail(str(problem))
    table = Table("policy", "", *(Column(name, justify="right") for name in ("real", "simulated", "error")), box=None)
    for gap in gaps:
        table.add_row(gap.arm, gap.quantity, f"{gap.real:.2f}", f"{gap.simulated:.2f}", f"{gap.error:.1%}")
    out.print(table)
    out.print(f"mean error {mean_error(gaps):.1%}")
    if record:
        from deployments.simulation.plots import draw_beside

        command = command_line(
            "lift bench simulation", result, config, seeds=seeds, ring_points=ring_points, record=record
        )
        error = round(mean_error(gaps), 4)
        write_result(record, {"error": error, "largest": max(gap.error for gap in gaps)}, rows(gaps), command)
        draw_beside({arm: real.timelines(arm) for arm in real.arms}, command, RESULTS / f"{record}.png")
        where = {"command": command, "data": f"{record}.json", **circumstances()}
        index([Figure(id="sim.error_vs_real", value=error, unit="share", goal="<= 0.1", **where)])
