"""`lift bench`: measurements of the parts, written to docs/results."""

import asyncio
import statistics
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from deployments.cli.console import fail, out, progress_bars
from deployments.cli.grammar import TEST_MODEL, folder_of, grammars_in
from deployments.settings import Settings
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.engine import Output, Pair

bench = typer.Typer(help="Measure the parts, and record what was measured.", no_args_is_help=True)


@bench.command()
def engine(
    config: Annotated[Path, typer.Argument(help="A Serve config file: its `args` say which engine.")],
    ir: Annotated[int, typer.Option(help="IRs to write at temperature 1.", min=0)] = 100,
    code: Annotated[int, typer.Option(help="Pieces of code to write at temperature 1.", min=0)] = 100,
    concurrency: Annotated[int, typer.Option(help="Of them at once.", min=1)] = 16,
    tokens: Annotated[int, typer.Option(help="Of each request when tokens are timed.", min=8)] = 128,
    repeats: Annotated[int, typer.Option(help="Of each timing; 0 times nothing.", min=0)] = 5,
    batches: Annotated[str, typer.Option(help="Requests at once, when tokens are timed.")] = "1,8,32,64",
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Start an engine; time its tokens with and without our grammars; have it write by them, and count what is invalid.

    Exit code 1: something was invalid. `load_format: dummy` in the config makes the model write noise.
    """
    settings = Settings.model_validate(yaml.safe_load(config.read_text(encoding="utf-8"))["applications"][0]["args"])
    sizes = [int(size) for size in batches.split(",")]
    pairs, outputs = asyncio.run(_engine(settings, sizes, tokens, repeats, {"ir": ir, "code": code}, concurrency))
    summary = _engine_summary(pairs, outputs, sizes if repeats else [])
    out.print(summary)
    if record:
        command = (
            f"lift bench engine {config} --ir {ir} --code {code} --concurrency {concurrency} --tokens {tokens} "
            f"--repeats {repeats} --batches {batches} --record {record}"
        )
        write_result(record, summary, [row.model_dump() for row in (*pairs, *outputs)], command,
                     engine=settings.engine.model_dump(exclude_none=True))  # fmt: skip
        _index_engine(summary, command, record)
    if summary["invalid"]:
        fail(f"{summary['invalid']} outputs are invalid: {summary['reasons']}", 1)


async def _engine(
    settings: Settings, sizes: list[int], tokens: int, repeats: int, wanted: dict[str, int], concurrency: int
) -> "tuple[list[Pair], list[Output]]":
    from deployments.bench.engine import ARMS, chats, measure_tokens, prove
    from deployments.grammars import grammars_of
    from deployments.sglang_engine import SGLangEngine

    grammars = grammars_of(settings)
    running = SGLangEngine(settings.engine, grammars)
    try:
        await running.warm_up([chat for grammar in grammars for chat in chats(grammar.name)])
        with progress_bars() as progress:
            bar = progress.add_task("timing", total=len(ARMS) * len(sizes) * repeats)
            pairs = await measure_tokens(
                running, sizes, tokens=tokens, repeats=repeats, on_row=lambda row: progress.advance(bar)
            ) if repeats else []  # fmt: skip
            bar = progress.add_task("writing", total=sum(wanted.values()))
            outputs = await prove(
                running, grammars, wanted, concurrency=concurrency, on_row=lambda row: progress.advance(bar)
            )
    finally:
        running.shutdown()
    return pairs, outputs


def _engine_summary(pairs: "list[Pair]", outputs: "list[Output]", sizes: list[int]) -> dict[str, Any]:
    from deployments.bench.engine import ratios

    invalid = [row for row in outputs if row.reason]
    timed = {
        f"{arm}_{size}": {
            "ratio": round(statistics.median(found), 4),
            "lowest": min(found),
            "highest": max(found),
            "repeats": len(found),
            "free_ms": round(
                statistics.median(r.ms_per_token for r in pairs if (r.arm, r.concurrency) == ("free", size)), 3
            ),
        }
        for size in sizes
        for arm in ("ir", "code")
        if (found := ratios(pairs, arm, size))
    }
    return {
        "outputs": len(outputs),
        "invalid": len(invalid),
        "reasons": dict(Counter(row.reason for row in invalid)),
        "unusable": sum(row.unusable for row in outputs),
        "longest_tokens": {
            name: max(r.tokens for r in outputs if r.grammar == name) for name in {r.grammar for r in outputs}
        },
        "tokens": sum(row.tokens for row in outputs),
        "ms_per_token": timed,
    }


def _index_engine(summary: dict[str, Any], command: str, record: str) -> None:
    where = {"command": command, "data": f"{record}.json", **circumstances()}
    figures = []
    if summary["outputs"]:
        of = f"of {summary['outputs']} outputs"
        figures.append(Figure(id="grammar.invalid_gpu", value=summary["invalid"], unit=of, goal="0", **where))
    at_32 = [row["ratio"] for name, row in summary["ms_per_token"].items() if name.endswith("_32")]
    if at_32:
        figures.append(
            Figure(id="grammar.tpot_ratio_32", value=max(at_32), unit="constrained ÷ free", goal="<= 1.03", **where)
        )
    index(figures)


@bench.command()
def grammar(
    model: Annotated[str, typer.Option(help="Whose tokenizer.")] = TEST_MODEL,
    every: Annotated[int, typer.Option(help="Take one of so many schemas.", min=1)] = 1,
    outlines_every: Annotated[int, typer.Option(help="The same for outlines-core, which is slow.", min=1)] = 8,
    limit: Annotated[float, typer.Option(help="Seconds for one schema and engine.", min=1)] = 10,
    ours_limit: Annotated[float, typer.Option(help="The same for one grammar of ours.", min=1)] = 180,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Compare XGrammar, llguidance and outlines-core on our grammars and 324 JSON Schemas, on this machine's CPU."""
    from lift_sys.proof import comparison, pinning
    from lift_sys.proof.vocabulary import load

    folder = folder_of(model)
    ours, schemas = comparison.ours(grammars_in(None)), comparison.schemas()
    work = [
        (engine, [*ours, *schemas[:: outlines_every if engine == "outlines-core" else every]])
        for engine in comparison.ENGINES
    ]
    rows = []
    with progress_bars() as progress:
        for engine, subjects in work:
            bar = progress.add_task(engine, total=len(subjects))
            for row in comparison.compare(engine, subjects, folder, limit_s=limit, ours_limit_s=ours_limit):
                progress.advance(bar)
                rows.append(row)
    summary = comparison.summarise(rows)
    summary["pinning"] = pinning.measure(load(folder), 200).model_dump()
    out.print(summary)
    if record:
        command = (
            f"lift bench grammar --every {every} --outlines-every {outlines_every} --limit {limit:g} --record {record}"
        )
        versions = {name: version(name) for name in ("xgrammar", "llguidance", "outlines-core")}
        raw = [{**row.model_dump(exclude={"mask_us"}), **row.quantiles()} for row in rows]
        write_result(record, summary, raw, command, tokenizer=model, versions=versions)
        held = summary["ours"]["xgrammar"]
        where = {"command": command, "data": f"{record}.json", **circumstances()}
        index([
            Figure(id="grammar.compile_s", value=held["slowest_compile_s"], unit="s", goal="<= 0.4", **where),
            Figure(id="grammar.mask_us_p50", value=held["mask_us_p50"], unit="us", goal="<= 5", **where),
        ])  # fmt: skip


if __name__ == "__main__":
    bench()
