"""`lift bench jobs`: accepted jobs, while every process is killed."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from deployments.bench.jobs import Siege
from deployments.cli.bench.arguments import command_line
from deployments.cli.console import REJECTED, fail, out, progress_bars
from schemas.figure import Figure, circumstances, index, write_result


def jobs(
    kills: Annotated[int, typer.Option(help="How often kill -9 comes.", min=1, max=10_000)] = 20,
    seed: Annotated[int, typer.Option(help="Of the times and the victims.")] = 1,
    database: Annotated[
        str | None, typer.Option(help="The URL of a Postgres with an empty database; its password by libpq's own ways.")
    ] = None,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figure.")] = None,
) -> None:
    """Kill both of two ingresses again and again: nothing accepted may be lost, nothing answered twice.

    Exit code 1: something was.
    """
    rows, summary = asyncio.run(_besiege(kills, seed, database))
    table = Table(*summary, box=None)
    table.add_row(*map(str, summary.values()))
    out.print(table)
    if record:
        store = "postgres" if database else "sqlite"
        command = command_line("lift bench jobs", kills=kills, seed=seed, database=database and "URL", record=record)
        _record(record, summary, rows, command, store)
    if summary["lost"] or summary["changed"] or summary["failed"] or summary["strays"]:
        fail("an accepted item has no result, or not the one that it had, or a job was made twice", REJECTED)


async def _besiege(kills: int, seed: int, database: str | None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="lift-jobs-") as folder, progress_bars() as progress:
        siege = Siege(Path(folder), seed=seed, database=database)
        bar = progress.add_task("kills", total=kills)
        rows = await siege.run(kills, lambda: progress.advance(bar))
    totals = {name: sum(row[name] for row in rows) for name in ("items", "lost", "changed", "failed", "attempts")}
    return rows, {"kills": siege.kills, "jobs": len(rows), **totals, "strays": siege.strays}


def _record(name: str, summary: dict[str, Any], rows: list[dict[str, Any]], command: str, store: str) -> None:
    write_result(name, summary, rows, command, store=f"{store}, two ingresses of one machine")
    unit = f"of {summary['items']} accepted items, {summary['kills']} kills"
    lost = summary["lost"] + summary["changed"] + summary["failed"] + summary["strays"]
    where = {"command": command, "data": f"{name}.json", **circumstances()}
    figure = "api.lost_jobs" if store == "sqlite" else f"api.lost_jobs_{store}"
    index([Figure(id=figure, value=lost, unit=unit, goal="0", **where)])
