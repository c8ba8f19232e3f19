"""`lift eval`: how many tasks are answered right, by tests that whoever answers never sees."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import read_settings
from deployments.cli.console import fail, out, plain, progress_bars
from deployments.grammars import grammars_of
from lift_sys.audit.dataset import read
from lift_sys.evaluation.direct import DIRECT_TOKENS, json_grammar
from lift_sys.evaluation.exams import Exam, RefusalTask, checked, solved
from lift_sys.evaluation.rows import SERVICE
from lift_sys.evaluation.summary import Price, summarise
from lift_sys.evaluation.tape import Tape
from lift_sys.evaluation.tasks import refusals, tasks18
from lift_sys.sandbox import ProcessSandbox
from schemas.figure import RESULTS, Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.evaluation.arms import Arm
    from deployments.settings import Settings
    from lift_sys.engine import Engine
    from lift_sys.evaluation.rows import Row

    Arms = Mapping[str, Sequence[Arm]]
    """By name, one for each seed."""

_REFUSALS = "refusals"
_FEW = 18


def evaluate(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            help="Tasks as HumanEval+ and MBPP+ publish them; `refusals`: requests of which half ask for no function. "
            "Default: the 18 small tasks."
        ),
    ] = None,
    url: Annotated[str, typer.Option(help="The service to ask, without --tape and --live.")] = "http://127.0.0.1:8000",
    tape: Annotated[
        list[Path] | None, typer.Option(help="Ask what a model said once (`lift bench takes`); again for more files.")
    ] = None,
    live: Annotated[bool, typer.Option(help="Ask the engine of the config, started in this process.")] = False,
    config: Annotated[
        Path, typer.Option(help="A Serve config file: how the pipeline over a tape or a live engine is set.")
    ] = Path("cluster/serve.yaml"),
    arm: Annotated[
        list[str] | None,
        typer.Option(help="`direct`, `json`, `service`, `service:n=4,policy=clusters`; again for more. Not of a URL."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Of each arm: other samples, or other parts of the tape.", min=1)] = 1,
    n: Annotated[int | None, typer.Option(help="Variations a task. Default: the deployment's.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many tasks.")] = None,
    concurrency: Annotated[int, typer.Option(help="Tasks at once.", min=1)] = 6,
    most_plus: Annotated[int, typer.Option(help="Of a benchmark's added inputs, as many as this.", min=1)] = 1_000,
    price: Annotated[
        tuple[float, float] | None, typer.Option(help="Dollars for a million tokens of a prompt, and of an answer.")
    ] = None,
    rows: Annotated[Path | None, typer.Option("--out", help="Keep rows here; a second run goes on from them.")] = None,
    record: Annotated[
        str | None, typer.Option(help="Write docs/results/RECORD.json with a picture, and index its figures.")
    ] = None,
) -> None:
    """Ask tasks of a service, or of the pipeline over a tape or a live engine; grade by what nobody asked ever sees."""
    if tape and live:
        fail("--tape and --live are two engines: choose one")
    sandbox = ProcessSandbox(concurrency=os.cpu_count() or 1)
    exams = _exams(dataset, sandbox, most_plus)[:limit]
    names = arm or [SERVICE]
    asked = _over_http(names, url, n, seeds) if not tape and not live else _in_process(names, config, n, seeds, tape)
    found = asyncio.run(_ask(exams, asked, concurrency, rows, len(names) * seeds, aloud=not tape and not live))
    sandbox.close()
    order = {name: place for place, name in enumerate(names)}
    found.sort(key=lambda row: (order.get(row.arm, len(order)), row.seed))
    summary = summarise(found, Price(*price) if price else None)
    out.print(summary)
    if record:
        amounts = {"n": n, "limit": limit, "seeds": seeds, "most-plus": most_plus}
        _record(record, _command(dataset, tape, live, config, arm, amounts, record), summary, found, len(exams))


def _exams(dataset: Path | None, sandbox: ProcessSandbox, most_plus: int) -> list[Exam]:
    if dataset is None:
        return checked(tasks18(), sandbox)
    if dataset == Path(_REFUSALS):
        return [RefusalTask(request) for request in refusals()]
    try:
        return solved(read(dataset), sandbox, most_plus)
    except (ValueError, OSError) as error:
        fail(str(error))


@asynccontextmanager
async def _over_http(names: list[str], url: str, n: int | None, seeds: int) -> "AsyncIterator[Arms]":
    from deployments.evaluation.run import over_http

    if names != [SERVICE]:
        fail("a service answers in its own way: other arms need --tape FILE or --live")
    yield {SERVICE: [over_http(url, n)] * seeds}


@asynccontextmanager
async def _in_process(
    names: list[str], config: Path, n: int | None, seeds: int, tapes: list[Path] | None
) -> "AsyncIterator[Arms]":
    from deployments.evaluation.arms import UnknownArm, plan

    settings = read_settings(config)
    if n:
        settings = settings.model_copy(update={"code": settings.code.model_copy(update={"n": n})})
    try:
        plans = {name: plan(name, settings) for name in names}
    except UnknownArm as error:
        fail(str(error))
    async with _engines(settings, seeds, tapes) as engines:
        yield {name: [begin(engine) for engine in engines] for name, begin in plans.items()}


@asynccontextmanager
async def _engines(settings: "Settings", seeds: int, tapes: list[Path] | None) -> "AsyncIterator[list[Engine]]":
    """One for each seed: parts of the tapes, or one engine that samples anew."""
    if tapes:
        try:
            parts: list[Engine] = [Tape(tapes, part=(k, seeds)) for k in range(seeds)]
        except OSError as error:
            fail(str(error))
        yield parts
        return
    from deployments.bench.free import running

    async with running(settings.engine, (*grammars_of(settings), json_grammar(DIRECT_TOKENS))) as engine:
        yield [engine] * seeds


async def _ask(
    exams: list[Exam],
    asked: "AbstractAsyncContextManager[Arms]",
    concurrency: int,
    kept: Path | None,
    of_each: int,
    *,
    aloud: bool,
) -> "list[Row]":
    """All rows, those of an earlier run among them; each is kept as soon as it is there."""
    from deployments.evaluation.run import read_rows, run

    found = read_rows(kept) if kept else []
    if kept:  # without the line that was cut, to which the next would else be added
        kept.write_text("".join(f"{row.model_dump_json()}\n" for row in found), encoding="utf-8")
    done = {row.key for row in found}
    with progress_bars() as progress:
        bar = progress.add_task("answers", total=len(exams) * of_each, completed=len(found))

        def tell(row: "Row") -> None:
            found.append(row)
            progress.advance(bar)
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(row.model_dump_json() + "\n")
            if aloud:
                right = plain(row.task, "green" if row.plus else "red")
                progress.console.print(right + plain(f" {row.level} {row.said[:200]} {row.seconds:.0f} s"))

        async with asked as arms:
            await run(exams, arms, concurrency=concurrency, done=done, on_row=tell)
    return found


def _command(
    dataset: Path | None,
    tapes: list[Path] | None,
    live: bool,
    config: Path,
    arms: list[str] | None,
    amounts: dict[str, int | None],
    record: str,
) -> str:
    words = ["lift eval", *([dataset.name] if dataset else [])]
    words += [f"--tape {path.name}" for path in tapes or ()] + ["--live"] * live
    words += [f"--config {config}"] if tapes or live else []
    words += [f"--arm {name}" for name in arms or ()]
    words += [f"--{name} {amount}" for name, amount in amounts.items() if amount is not None]
    return " ".join([*words, f"--record {record}"])


def _record(name: str, command: str, summary: dict[str, Any], rows: "list[Row]", exams: int) -> None:
    from deployments.evaluation.plots import plot

    write_result(name, summary, [row.model_dump(exclude={"source"}) for row in rows], command)
    plot(summary, name, RESULTS / f"{name}.png")
    service: dict[str, Any] = next((found for arm, found in summary.items() if arm.startswith(SERVICE)), {})
    prefix = f"eval.{name.removeprefix('eval/')}"
    index(
        [
            Figure(
                id=".".join(filter(None, [prefix, key])),
                value=value,
                unit=unit,
                goal=goal,
                command=command,
                data=f"{name}.json",
                **circumstances(),
            )
            for key, value, unit, goal in _figures(service, summary, exams)
            if value is not None
        ]
    )


def _figures(
    service: dict[str, Any], summary: dict[str, Any], exams: int
) -> Iterator[tuple[str, float | None, str, str]]:
    """Name, value, unit and goal. Of a benchmark the shares; of the few tasks of ours how many are right."""
    if exams <= _FEW:
        yield "", round(service.get("plus", 0.0) * exams), f"of {exams}", f"{exams}"
        return
    verified = service.get("levels", {}).get("verified", {})
    yield "service", service.get("plus"), "share", "higher is better"
    yield "direct", summary.get("direct", {}).get("plus"), "share", "for comparison"
    yield "oracle", service.get("oracle"), "share", "for comparison"
    yield "verified_precision", verified.get("precision"), "share", "0.98"
    yield "verified_coverage", verified.get("coverage"), "share", "0.5"
    yield "tokens_ratio", service.get("over direct", {}).get("tokens_ratio"), "of one direct answer's", "<= 6"
