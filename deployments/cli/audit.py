"""`lift audit`: does the validator accept solutions known to be right, and reject slips made in them?"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from deployments.cli.console import REJECTED, err, fail, out, plain, progress_bars
from lift_sys.audit.audit import audit as run_audit
from lift_sys.audit.dataset import Task, read
from lift_sys.audit.evidence import STRICTEST
from lift_sys.audit.rows import Row, summarise
from lift_sys.errors import SandboxUnavailable
from lift_sys.sandbox import Limits, ProcessSandbox
from schemas.figure import Figure, circumstances, index, write_result

_LIMITS = Limits(call_s=0.5, cpu_s=2, wall_s=4.0)
"""Half a second does for each solution; many a slip makes a loop endless."""


def audit(
    data: Annotated[list[Path], typer.Argument(help="Files of tasks as HumanEval+ and MBPP+ publish them.")],
    mutants: Annotated[int, typer.Option(help="Slips made in each solution, at most.", min=0)] = 12,
    seed: Annotated[int, typer.Option(help="The same seed makes the same slips.")] = 0,
    every: Annotated[int, typer.Option(help="Take one of so many tasks.", min=1)] = 1,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Audit the validator: solutions known to be right must be accepted, and slips made in them rejected.

    Each is judged by three tiers of evidence: the examples in the task's prompt; the results for the dataset's first
    inputs; these and what an IR may say of them. Exit code 1: a solution was rejected by its own results.
    """
    tasks = [(_name(path), task) for path in data for task in _tasks(path)[::every]]
    rows = _audit(tasks, mutants, seed)
    summary = summarise(rows)
    _show(summary)
    if record:
        names = " ".join(path.name for path in data)
        options = f"--mutants {mutants} --seed {seed} --every {every}"
        _record(record, summary, rows, f"lift audit {names} {options} --record {record}")
    strictest = summary["all"][STRICTEST]
    if strictest["accepted"] < strictest["solutions"]:
        fail(f"{strictest['solutions'] - strictest['accepted']} solutions known to be right are rejected", REJECTED)


def _name(path: Path) -> str:
    return path.name.partition(".")[0]


def _tasks(path: Path) -> list[Task]:
    try:
        return read(path)
    except ValueError as error:
        fail(str(error))


def _audit(tasks: list[tuple[str, Task]], mutants: int, seed: int) -> list[Row]:
    with progress_bars() as progress:
        bar = progress.add_task("tasks", total=len(tasks))

        def tell(row: Row) -> None:
            progress.advance(bar)

        try:
            return asyncio.run(
                run_audit(tasks, ProcessSandbox(_LIMITS, concurrency=4), most=mutants, seed=seed, on_row=tell)
            )
        except SandboxUnavailable as error:
            fail(str(error))


def _show(summary: dict[str, Any]) -> None:
    names = Column("dataset", no_wrap=True), Column("evidence", no_wrap=True)
    table = Table(*names, "solutions accepted", "mutants rejected", "equivalents rejected", box=None)
    for dataset, tiers in {**summary["tiers"], "all": summary["all"]}.items():
        for tier, n in tiers.items():
            pairs = ("accepted", "solutions"), ("rejected", "mutants"), ("equivalents_rejected", "equivalents")
            table.add_row(plain(dataset), tier, *(f"{n[part]} of {n[whole]}" for part, whole in pairs))
    out.print(table)
    for line in summary["solutions_rejected"]:
        err.print(plain(line))


def _record(name: str, summary: dict[str, Any], rows: list[Row], command: str) -> None:
    write_result(name, summary, [row.brief() for row in rows], command)
    n = summary["all"][STRICTEST]
    where = {"command": command, "data": f"{name}.json", **circumstances()}
    index([
        Figure(
            id="validator.canonical_accepted", value=_share(n["accepted"], n["solutions"]),
            unit=f"of {n['solutions']} solutions", goal=">= 0.995", **where,
        ),
        Figure(
            id="validator.mutants_rejected", value=_share(n["rejected"], n["mutants"]),
            unit=f"of {n['mutants']} mutants that the dataset rejects", goal=">= 0.95", **where,
        ),
    ])  # fmt: skip


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
