"""`lift eval`: how many tasks are answered right, by tests that whoever answers never sees."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.engine import read_settings
from deployments.cli.console import fail, out, plain, progress_bars
from lift_sys.audit.dataset import read
from lift_sys.evaluation.exams import Exam, checked, solved
from lift_sys.evaluation.summary import summarise
from lift_sys.evaluation.tasks import tasks18
from lift_sys.sandbox import ProcessSandbox
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.evaluation.arms import Arm
    from lift_sys.evaluation.rows import Row

_SERVICE = "service"
_FEW = 18


def evaluate(
    dataset: Annotated[
        Path | None, typer.Argument(help="Tasks as HumanEval+ and MBPP+ publish them. Default: the 18 of this project.")
    ] = None,
    url: Annotated[str, typer.Option(help="The service to ask, where no tape is given.")] = "http://127.0.0.1:8000",
    tape: Annotated[
        list[Path] | None, typer.Option(help="Ask what a model said once (`lift bench takes`); again for more files.")
    ] = None,
    config: Annotated[Path, typer.Option(help="A Serve config file: how the pipeline over a tape is set.")] = Path(
        "cluster/serve.yaml"
    ),
    arm: Annotated[
        list[str] | None,
        typer.Option(help="`direct`, `json`, `service`, `service:n=4,policy=clusters`; again for more. A tape only."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Of each arm, on other parts of the tape.", min=1)] = 1,
    n: Annotated[int | None, typer.Option(help="Variations a task. Default: the deployment's.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many tasks.")] = None,
    concurrency: Annotated[int, typer.Option(help="Tasks at once.", min=1)] = 6,
    most_plus: Annotated[int, typer.Option(help="Of a benchmark's added inputs, as many as this.", min=1)] = 1_000,
    rows: Annotated[Path | None, typer.Option("--out", help="Keep rows here; a second run goes on from them.")] = None,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json and index its figures.")] = None,
) -> None:
    """Ask tasks of a service, or of the pipeline over a tape, and grade the code by what they never saw."""
    from deployments.evaluation.run import read_rows, run

    sandbox = ProcessSandbox(concurrency=2)
    exams = _exams(dataset, sandbox, most_plus)[:limit]
    arms = _arms(tape, config, arm or [_SERVICE], seeds, url, n)
    found = read_rows(rows) if rows else []
    if rows:  # without the line that was cut, to which the next would else be added
        rows.write_text("".join(f"{row.model_dump_json()}\n" for row in found), encoding="utf-8")
    with progress_bars() as progress:
        bar = progress.add_task("answers", total=len(exams) * len(arms) * seeds, completed=len(found))

        def tell(row: "Row") -> None:
            found.append(row)
            progress.advance(bar)
            if rows:
                with rows.open("a", encoding="utf-8") as file:
                    file.write(row.model_dump_json() + "\n")
            if not tape:
                right = plain(row.task, "green" if row.plus else "red")
                progress.console.print(right + plain(f" {row.level} {row.said[:200]} {row.seconds:.0f} s"))

        done = {row.key for row in found}
        asyncio.run(run(exams, arms, concurrency=concurrency, done=done, on_row=tell))
    sandbox.close()
    order = {name: place for place, name in enumerate(arms)}
    found.sort(key=lambda row: (order.get(row.arm, len(order)), row.seed))
    summary = summarise(found)
    out.print(summary)
    if record:
        _record(
            record,
            _command(
                dataset, tape, config, arm, {"n": n, "limit": limit, "seeds": seeds, "most-plus": most_plus}, record
            ),
            summary,
            found,
            len(exams),
        )


def _exams(dataset: Path | None, sandbox: ProcessSandbox, most_plus: int) -> list[Exam]:
    if dataset is None:
        return checked(tasks18(), sandbox)
    try:
        return solved(read(dataset), sandbox, most_plus)
    except (ValueError, OSError) as error:
        fail(str(error))


def _arms(
    tapes: list[Path] | None, config: Path, names: list[str], seeds: int, url: str, n: int | None
) -> "dict[str, list[Arm]]":
    from deployments.evaluation.arms import UnknownArm, make_arm
    from deployments.evaluation.run import over_http
    from lift_sys.evaluation.tape import Tape

    if not tapes:
        if names != [_SERVICE]:
            fail("a service answers in its own way: other arms need a tape, `--tape FILE`")
        return {_SERVICE: [over_http(url, n)] * seeds}
    settings = read_settings(config)
    if n:
        settings = settings.model_copy(update={"code": settings.code.model_copy(update={"n": n})})
    try:
        return {name: [make_arm(name, Tape(tapes, part=(k, seeds)), settings) for k in range(seeds)] for name in names}
    except (UnknownArm, OSError) as error:
        fail(str(error))


def _command(
    dataset: Path | None,
    tapes: list[Path] | None,
    config: Path,
    arms: list[str] | None,
    amounts: dict[str, int | None],
    record: str,
) -> str:
    words = ["lift eval", *([dataset.name] if dataset else [])]
    if tapes:
        words += [f"--tape {path.name}" for path in tapes] + [f"--config {config}"]
    words += [f"--arm {name}" for name in arms or ()]
    words += [f"--{name} {amount}" for name, amount in amounts.items() if amount is not None]
    return " ".join([*words, f"--record {record}"])


def _record(name: str, command: str, summary: dict[str, Any], rows: "list[Row]", exams: int) -> None:
    write_result(name, summary, [row.model_dump(exclude={"source"}) for row in rows], command)
    service: dict[str, Any] = next((found for arm, found in summary.items() if arm.startswith(_SERVICE)), {})
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
