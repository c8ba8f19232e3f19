"""`lift bench engines`: the same batches on several engines, in turn."""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import command_line, read_settings, sizes
from deployments.cli.console import fail, out, progress_bars
from schemas import LiftRequest
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.engines import Batch, Told

_AS_IT_IS = "as configured"


def engines(
    config: Annotated[Path, typer.Argument(help="A Serve config file: its `args` say which engine.")],
    also: Annotated[
        list[str], typer.Option(help="The same with KEY=VALUE,… changed, compared with the first; again for more.")
    ],
    data: Annotated[
        list[Path] | None, typer.Option(help="HumanEval+ or MBPP+ JSONL: what is asked. Default: 18 small tasks.")
    ] = None,
    batches: Annotated[str, typer.Option(help="Requests at once.")] = "1,8,32",
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.7,
    apart: Annotated[bool, typer.Option(help="One engine after the other: they do not fit beside each other.")] = False,
    figure: Annotated[str | None, typer.Option(help="The gain of the last is indexed as FIGURE_SIZE.")] = None,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Ask IRs and code of several engines, held to our grammars: tokens a second, memory, accepted drafts."""
    from deployments.bench.engines import compare

    settings = {changes or _AS_IT_IS: read_settings(config, changes) for changes in ("", *also)}
    wanted = sizes(batches)
    with progress_bars() as progress:
        bar = progress.add_task("batches", total=len(settings) * len(wanted) * repeats)
        rows, told = compare(
            settings,
            wanted,
            requests=_requests(data or []),
            repeats=repeats,
            temperature=temperature,
            apart=apart,
            on_row=lambda row: progress.advance(bar),
        )
    summary = _summary(rows, told, wanted)
    out.print(summary)
    if record:
        amounts = {"batches": batches, "repeats": repeats, "temperature": temperature, "apart": apart}
        command = command_line(
            "lift bench engines", config, also=also, data=data or [], **amounts, figure=figure, record=record
        )
        conditions = settings[_AS_IT_IS].engine.model_dump(exclude_none=True)
        write_result(record, summary, [row.model_dump() for row in (*rows, *told)], command, engine=conditions)
        _index(summary, figure, told[-1].engine, command, record)


def _requests(files: list[Path]) -> list[LiftRequest]:
    from lift_sys.audit.dataset import read
    from lift_sys.evaluation.tasks import tasks18

    try:
        prompts = [task.prompt for file in files for task in read(file)] or [task.prompt for task in tasks18()]
    except ValueError as error:
        fail(str(error))
    return [LiftRequest(prompt=prompt) for prompt in prompts]


def _summary(rows: "list[Batch]", told: "list[Told]", wanted: list[int]) -> dict[str, Any]:
    from deployments.bench.engines import speedups

    first = told[0].engine
    return {
        one.engine: {
            "memory": one.memory,
            "accept_length": one.accept_length,
            **{
                f"tokens_per_s_{size}": round(
                    statistics.median(r.tokens_per_s for r in rows if (r.engine, r.concurrency) == (one.engine, size)),
                    1,
                )
                for size in wanted
            },
            **{
                f"speedup_{size}": round(statistics.median(speedups(rows, one.engine, first, size)), 4)
                for size in wanted
                if one.engine != first
            },
        }
        for one in told
    }


def _index(summary: dict[str, Any], figure: str | None, engine: str, command: str, record: str) -> None:
    if figure:
        index(
            [
                Figure(
                    id=f"{figure}_{name.removeprefix('speedup_')}",
                    value=value,
                    unit="x",
                    goal="> 1 where switched on",
                    command=command,
                    data=f"{record}.json",
                    **circumstances(),
                )
                for name, value in summary[engine].items()
                if name.startswith("speedup_")
            ]
        )
