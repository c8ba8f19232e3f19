"""`lift bench engine`: what our grammars cost a real engine, and whether noise breaks them."""

import asyncio
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import command_line, read_settings, sizes
from deployments.cli.console import fail, out, progress_bars
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.engine import Output, Pair
    from deployments.settings import Settings


def engine(
    config: Annotated[Path, typer.Argument(help="A Serve config file: its `args` say which engine.")],
    ir: Annotated[int, typer.Option(help="IRs to write at temperature 1.", min=0)] = 100,
    code: Annotated[int, typer.Option(help="Pieces of code to write at temperature 1.", min=0)] = 100,
    concurrency: Annotated[int, typer.Option(help="Of them at once.", min=1)] = 16,
    minutes: Annotated[float, typer.Option(help="After which no other is begun.", min=0)] = 60,
    tokens: Annotated[int, typer.Option(help="Of each request when tokens are timed.", min=8)] = 128,
    repeats: Annotated[int, typer.Option(help="Of each timing; 0 times nothing.", min=0)] = 5,
    batches: Annotated[str, typer.Option(help="Requests at once, when tokens are timed.")] = "1,8,32,64",
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Start an engine; time its tokens with and without our grammars; have it write by them, and count what is invalid.

    Exit code 1: something was invalid. `load_format: dummy` in the config makes the model write noise.
    """
    settings, times = read_settings(config), _Times(sizes(batches) if repeats else [], tokens, repeats)
    pairs, outputs = asyncio.run(_run(settings, times, {"ir": ir, "code": code}, concurrency, minutes * 60))
    summary = _summary(pairs, outputs, times.batches)
    out.print(summary)
    if record:
        amounts = {"ir": ir, "code": code, "concurrency": concurrency, "minutes": minutes, "tokens": tokens}
        command = command_line("lift bench engine", config, **amounts, repeats=repeats, batches=batches, record=record)
        conditions = settings.engine.model_dump(exclude_none=True)
        write_result(record, summary, [row.model_dump() for row in (*pairs, *outputs)], command, engine=conditions)
        _index(summary, command, record)
    if summary["invalid"]:
        fail(f"{summary['invalid']} outputs are invalid: {summary['reasons']}", 1)


@dataclass(frozen=True)
class _Times:
    """How tokens are timed."""

    batches: list[int]
    tokens: int
    repeats: int


async def _run(
    settings: "Settings", times: _Times, wanted: dict[str, int], concurrency: int, limit_s: float
) -> "tuple[list[Pair], list[Output]]":
    from deployments.bench.engine import ARMS, chats, measure_tokens, prove
    from deployments.engines import sglang_engine
    from deployments.grammars import grammars_of

    grammars = grammars_of(settings)
    with sglang_engine(settings.engine, grammars) as running:
        await running.warm_up([chat for grammar in grammars for chat in chats(grammar.name)])
        with progress_bars() as progress:
            bar = progress.add_task("timing", total=len(ARMS) * len(times.batches) * times.repeats)
            pairs = await measure_tokens(
                running,
                times.batches,
                tokens=times.tokens,
                repeats=times.repeats,
                on_row=lambda row: progress.advance(bar),
            )
            bar = progress.add_task("writing", total=sum(wanted.values()))
            outputs = await prove(
                running,
                grammars,
                wanted,
                concurrency=concurrency,
                limit_s=limit_s,
                on_row=lambda row: progress.advance(bar),
            )
    return pairs, outputs


def _summary(pairs: "list[Pair]", outputs: "list[Output]", sizes: list[int]) -> dict[str, Any]:
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


def _index(summary: dict[str, Any], command: str, record: str) -> None:
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
