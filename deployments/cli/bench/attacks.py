"""`lift bench attacks`: hostile programs, tried on the validator of this machine."""

import asyncio
from typing import Annotated, Any

import typer
from rich.table import Table

from deployments.cli.console import REJECTED, err, fail, out, plain, progress_bars
from lift_sys.audit.attacks import ATTACKS
from lift_sys.audit.siege import LIMITS, Row, Siege, besiege
from lift_sys.errors import SandboxUnavailable
from lift_sys.sandbox import ProcessSandbox
from schemas.figure import Figure, circumstances, index, write_result
from schemas.verdict import Tier

_AT_ONCE = 2


def attacks(
    tier: Annotated[Tier | None, typer.Option(help="Only this tier will do. Default: the strongest.")] = None,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figure.")] = None,
) -> None:
    """Try every attack: the verdict must be right, good code beside it unharmed, and the machine as it was before.

    Exit code 1: one did not hold.
    """
    siege, held_by = asyncio.run(_besiege(tier))
    summary = siege.summary()
    _show(siege)
    if record:
        _record(record, siege, summary, held_by, only=tier)
    if summary["held"] < summary["attacks"] or siege.harm:
        fail(f"{summary['attacks'] - summary['held']} of {summary['attacks']} attacks did not hold", REJECTED)


async def _besiege(only: Tier | None) -> tuple[Siege, str]:
    sandbox = ProcessSandbox(LIMITS, concurrency=2 * _AT_ONCE, tier=only)
    try:
        tier = await sandbox.tier()
        with progress_bars() as progress:
            bar = progress.add_task("attacks", total=len(ATTACKS))
            return await besiege(ATTACKS, sandbox, at_once=_AT_ONCE, on_row=lambda row: progress.advance(bar)), tier
    except SandboxUnavailable as error:
        fail(str(error))
    finally:
        await asyncio.to_thread(sandbox.close)


def _show(siege: Siege) -> None:
    summary = siege.summary()
    table = Table("class", "attacks", "held", box=None)
    for group, counts in summary["groups"].items():
        table.add_row(group, str(counts["attacks"]), str(counts["held"]))
    out.print(table)
    lost = [row for row in siege.rows if not row.held]
    if lost:
        out.print(_lost(lost))
    for harm in siege.harm:
        err.print(plain(harm))


def _lost(rows: list[Row]) -> Table:
    table = Table("not held", "class", "verdict", "seconds", "why", box=None)
    for row in rows:
        table.add_row(plain(row.attack), row.group, row.level, f"{row.seconds:g}", plain("; ".join(row.why)))
    return table


def _record(name: str, siege: Siege, summary: dict[str, Any], tier: str, *, only: Tier | None) -> None:
    command = f"lift bench attacks {f'--tier {only} ' if only else ''}--record {name}"
    figure = f"validator.attacks_held{f'_{only}' if only else ''}"
    write_result(name, summary, [row.model_dump(mode="json") for row in siege.rows], command, tier=tier)
    share = round(summary["held"] / summary["attacks"], 4)
    where = {"command": command, "data": f"{name}.json", **circumstances()}
    unit = f"of {summary['attacks']} attacks"
    index([Figure(id=figure, value=share, unit=unit, goal="1", **where)])
