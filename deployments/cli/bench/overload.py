"""`lift bench overload`: what a service still answers in time, up to three times the load that it can bear."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import err, fail, out
from deployments.cli.service import checked, end_on_sigterm, started, wait_until_ready
from schemas.figure import Figure, circumstances, index, write_result

_BEYOND = (1.0, 1.5, 2.0, 3.0)


def overload(
    config: Annotated[Path, typer.Argument(help="A Serve config file, such as cluster/bench.overload.yaml.")],
    rates: Annotated[
        str, typer.Option(help="Rising loads in requests a second, among which the knee is looked for.")
    ] = "1.5,2,2.5,3,3.5,4",
    seconds: Annotated[float, typer.Option(help="Of each load; twice that at the knee and beyond.", min=1)] = 10,
    objective_s: Annotated[float, typer.Option(help="A verified answer counts if it comes within this.")] = 4.0,
    seed: Annotated[int, typer.Option(help="Of the arrivals.")] = 1,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figure.")] = None,
) -> None:
    """Start the config's service, look for the knee, and go on to three times its load.

    Requests arrive at random and wait for nobody (open loop); their latency counts from when they were due.
    """
    from deployments.bench.overload import knee, rows, steps, summary

    end_on_sigterm()
    loads = _loads(rates)
    known = checked(config)
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "serve.log").open("wb") as log,
        started(config, log) as process,
    ):
        wait_until_ready(process, known.url)
        with err.status("looking for the knee …"):
            asyncio.run(steps(known.url, loads[:1], seconds, seed))  # the estimate of a request's tokens settles
            ladder = asyncio.run(steps(known.url, loads, seconds, seed))
        found = knee(ladder, objective_s)
        if found is None:
            fail(f"{loads[0]:g} requests a second are too many already; try less with --rates", 1)
        with err.status(f"the knee is at {found:g} requests a second; going beyond …"):
            beyond = asyncio.run(steps(known.url, [found * times for times in _BEYOND], 2 * seconds, seed))
    told = summary(ladder, beyond, objective_s)
    out.print(told)
    if record:
        command = command_line(
            "lift bench overload",
            config,
            rates=rates,
            seconds=seconds,
            objective_s=objective_s,
            seed=seed,
            record=record,
        )
        _record(record, told, rows([*ladder, *beyond]), command)


def _loads(rates: str) -> list[float]:
    try:
        loads = [float(rate) for rate in rates.split(",")]
    except ValueError:
        loads = []
    if not loads or loads != sorted(loads) or loads[0] <= 0:
        fail(f"--rates {rates!r}: rising numbers above 0 with commas between them are wanted, such as 1,2,4")
    return loads


def _record(record: str, told: dict[str, Any], rows: list[dict[str, Any]], command: str) -> None:
    from deployments.bench.plots import draw
    from schemas.figure import RESULTS

    write_result(record, told, rows, command, load_average=os.getloadavg()[0])
    where = {"command": command, "data": f"{record}.json", **circumstances()}
    share = told["goodput_at_3x"]
    index([Figure(id="api.goodput_at_3x", value=share, unit="share of the knee's", goal=">= 0.9", **where)])
    draw(RESULTS / f"{record}.json")
