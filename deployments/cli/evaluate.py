"""`lift eval`: how many of the 18 tasks a running service solves."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from deployments.cli.console import err, out, plain
from deployments.cli.generate import URL
from lift_sys.evaluation.tasks import tasks18
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.evaluation import Row


def evaluate(
    url: URL = "http://127.0.0.1:8000",
    n: Annotated[int | None, typer.Option(help="Variations a task. Default: the deployment's.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many tasks.")] = None,
    concurrency: Annotated[int, typer.Option(help="Tasks at once.", min=1)] = 6,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json and index the figure.")] = None,
) -> None:
    """Send the 18 tasks to a service and check its code by what it never saw: `lift eval --record tasks18.cpu`."""
    from deployments.evaluation import evaluate

    tasks = tasks18()[:limit]
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn(), console=err) as progress:
        bar = progress.add_task("tasks", total=len(tasks))

        def tell(row: "Row") -> None:
            progress.advance(bar)
            colour = "green" if row.solved else "red"
            words = f" {row.verdict} {row.wrong or ''} {row.seconds:.0f} s"
            progress.console.print(plain(row.task, colour) + plain(words))

        rows = asyncio.run(evaluate(url, tasks, concurrency=concurrency, n=n, on_row=tell))
    solved = sum(row.solved for row in rows)
    verified = [row for row in rows if row.verdict == "verified"]
    summary = {
        "tasks": len(rows),
        "solved": solved,
        "verified": len(verified),
        "verified_and_solved": sum(row.solved for row in verified),
    }
    out.print(summary)
    if record:
        _record(record, summary, rows)


def _record(name: str, summary: dict[str, int], rows: "list[Row]") -> None:
    command = f"lift eval --record {name}"
    write_result(name, summary, [row.model_dump() for row in rows], command)
    figure = Figure(
        id=f"eval.{name}",
        value=summary["solved"],
        unit="of 18",
        goal="18",
        command=command,
        data=f"{name}.json",
        **circumstances(),
    )
    index([figure])
