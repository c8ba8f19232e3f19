"""`lift soak`: whether a service loses memory, files, processes or speed over a long time."""

import asyncio
import contextlib
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import psutil
import typer
from rich.table import Column, Table

from deployments.cli.bench.arguments import command_line
from deployments.cli.console import REJECTED, fail, out, progress_bars
from deployments.cli.service import LOCAL, checked, end_on_sigterm, started, wait_until_ready
from schemas.figure import write_result

if TYPE_CHECKING:
    from deployments.bench.scale.load import Asked
    from deployments.soak.samples import Use
    from deployments.soak.slopes import Slope

_SETTLED_SHARE = 0.4
"""Of the time: caches fill, and pools grow to what the load needs."""
_BAR_S = 1.0


def soak(
    config: Annotated[Path, typer.Argument(help="A Serve config file.")] = LOCAL,
    minutes: Annotated[float, typer.Option(help="Of load, of which the first two fifths do not count.", min=0.1)] = 60,
    rate: Annotated[float, typer.Option(help="Requests a second, at random times.", min=0.001)] = 0.5,
    every: Annotated[float, typer.Option(help="Seconds from one look at the processes to the next.", min=0.2)] = 10,
    window: Annotated[float, typer.Option(help="Seconds from whose answers one p99 is taken.", min=1)] = 60,
    seed: Annotated[int, typer.Option(help="Of the arrivals.")] = 1,
    note: Annotated[str, typer.Option(help="What else is to be known of the machine; kept in the result.")] = "",
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json.")] = None,
) -> None:
    """Start the config's service, ask it for a long time, and say what grows.

    Exit code 1: something leaks, or a request failed. A leak is a slope whose interval lies above zero, and which is
    more than a floor (`FLOORS` in deployments/soak/slopes.py).
    """
    end_on_sigterm()
    known = checked(config)
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "serve.log").open("wb") as log,
        started(config, log) as process,
    ):
        wait_until_ready(process, known.url)
        # Who asked last may take as long as anybody.
        load = (rate, every, seed, known.settings.api.default_timeout_s)
        uses, rows = asyncio.run(_run(known.url, psutil.Process(process.pid), minutes * 60, load))
    slopes = _slopes(uses, rows, minutes * 60, window)
    summary = _summary(slopes, rows, minutes)
    _show(slopes)
    if record:
        command = command_line(
            "lift soak", config, minutes=minutes, rate=rate, every=every, window=window, seed=seed, record=record
        )
        from deployments.soak.samples import as_rows

        write_result(record, summary, as_rows(uses, rows), command, load_average=os.getloadavg()[0], note=note)
    if summary["leaks"] or summary["failed"]:
        fail(f"{summary['failed']} requests failed; leaks: {', '.join(summary['leaks']) or 'none'}", REJECTED)


async def _run(
    url: str, service: psutil.Process, seconds: float, load: tuple[float, float, int, float]
) -> "tuple[list[Use], list[Asked]]":
    from deployments.bench.scale.crowd import Crowd
    from deployments.bench.scale.load import Phase, hold
    from deployments.soak.samples import Use, watch

    rate, every_s, seed, wait_s = load
    uses: list[Use] = []
    async with Crowd(url, 1) as crowd:
        beside = [asyncio.create_task(watch(service, every_s, uses)), asyncio.create_task(_bar(seconds))]
        rows = await hold(crowd, [Phase(rate, seconds)], seed=seed, wait_s=wait_s)
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return uses, rows


async def _bar(seconds: float) -> None:
    with progress_bars() as progress:
        bar = progress.add_task("soaking, s", total=int(seconds))
        while True:
            await asyncio.sleep(_BAR_S)
            progress.advance(bar, _BAR_S)


def _slopes(uses: "list[Use]", rows: "list[Asked]", seconds: float, window_s: float) -> "list[Slope]":
    from deployments.soak.samples import series
    from deployments.soak.slopes import slope

    found = series(uses, rows, settled_s=_SETTLED_SHARE * seconds, window_s=window_s)
    return [one for (part, quantity), samples in found.items() if (one := slope(part, quantity, samples))]


def _summary(slopes: "list[Slope]", rows: "list[Asked]", minutes: float) -> dict[str, Any]:
    from deployments.soak.slopes import FLOORS

    return {
        "minutes": minutes,
        "statuses": dict(Counter(str(row.status) for row in rows)),
        "failed": sum(row.status != 200 for row in rows),
        "leaks": [f"{one.quantity} of {one.part}" for one in slopes if one.leaks],
        "floors_per_hour": dict(FLOORS),
        "slopes": [one.told() for one in slopes],
    }


def _show(slopes: "list[Slope]") -> None:
    table = Table("part", "", *(Column(name, justify="right") for name in ("an hour", "from", "to")), "", box=None)
    for one in slopes:
        amounts = (f"{amount:+.2f}" for amount in (one.per_hour, one.low, one.high))
        table.add_row(one.part, one.quantity, *amounts, "leaks" if one.leaks else "")
    out.print(table)
