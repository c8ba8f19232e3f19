"""`lift bench takes`: what a model writes to every way of asking, kept on a tape (`lift_sys/evaluation/tape.py`)."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.bench.arguments import read_settings
from deployments.cli.console import fail, progress_bars
from lift_sys.audit.dataset import read
from lift_sys.evaluation.direct import DIRECT_TOKENS, json_grammar
from lift_sys.evaluation.tasks import tasks18
from lift_sys.framings import FRAMINGS
from lift_sys.grammar.code_frame import code_grammar, planned_code_grammar
from lift_sys.ir_stage import ir_grammar
from schemas.api import LiftRequest

if TYPE_CHECKING:
    from lift_sys.evaluation.takes import Wanted

_PLAN_TOKENS = 160


def takes(
    config: Annotated[Path, typer.Argument(help="A Serve config file: its `args` say which engine.")],
    data: Annotated[list[Path], typer.Argument(help="Files of tasks, as HumanEval+ and MBPP+ publish them.")],
    tape: Annotated[Path, typer.Option(help="The file to write.")],
    concurrency: Annotated[int, typer.Option(help="Tasks at once.", min=1)] = 8,
    framings: Annotated[
        list[str] | None, typer.Option("--framing", help="NAME=COUNT, as `script=8`; again for each. Default: all.")
    ] = None,
    hotter: Annotated[
        list[str] | None, typer.Option("--hotter", help="NAME=COUNT of a framing at temperature 1; again for each.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many tasks of each file.")] = None,
) -> None:
    """Ask a model for all tasks in every way, the 18 tasks too, and keep what it writes."""
    from lift_sys.evaluation.takes import Wanted

    try:
        tasks = [task for path in data for task in read(path)[:limit]]
    except ValueError as error:
        fail(str(error))
    prompts = [*(task.prompt for task in tasks), *(task.prompt for task in tasks18()[:limit])]
    requests = [LiftRequest(prompt=prompt) for prompt in prompts]
    wanted = Wanted(_counts(framings) or dict.fromkeys(FRAMINGS, 8), _counts(hotter))
    asyncio.run(_record(config, requests, wanted, tape, concurrency))


def _counts(options: list[str] | None) -> dict[str, int]:
    counts = {}
    for option in options or ():
        name, _, count = option.partition("=")
        if name not in FRAMINGS or not count.isdecimal():
            fail(f"{option!r} is not NAME=COUNT with a name among {', '.join(FRAMINGS)}")
        counts[name] = int(count)
    return counts


async def _record(config: Path, requests: list[LiftRequest], wanted: "Wanted", tape: Path, concurrency: int) -> None:
    from deployments.bench.free import running
    from lift_sys.evaluation.takes import record
    from lift_sys.evaluation.tape import Recorder

    grammars = [
        ir_grammar(wanted.ir_tokens),
        code_grammar(wanted.code_tokens),
        planned_code_grammar(wanted.code_tokens, _PLAN_TOKENS),
        json_grammar(DIRECT_TOKENS),
    ]
    async with running(read_settings(config).engine, grammars) as engine:
        with tape.open("w", encoding="utf-8") as file, progress_bars() as progress:
            bar = progress.add_task("tasks", total=len(requests))
            recorder = Recorder(engine, file)
            await record(recorder, requests, wanted, concurrency=concurrency, on_done=lambda: progress.advance(bar))
