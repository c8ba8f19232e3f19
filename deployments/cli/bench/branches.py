"""`lift bench branches`: many variations of one prompt against as many separate requests."""

import asyncio
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import Change, command_line, read_settings, sizes
from deployments.cli.console import out, progress_bars
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.branches import Branches
    from deployments.settings import Settings


def branches(
    config: Annotated[Path, typer.Argument(help="A Serve config file: its `args` say which engine.")],
    change: Change = "",
    counts: Annotated[str, typer.Option(help="Variations.")] = "1,2,4,8,16",
    prompt_tokens: Annotated[int, typer.Option(help="Of each prompt.", min=16)] = 2_048,
    tokens: Annotated[int, typer.Option(help="Of each answer.", min=8)] = 128,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    figures: Annotated[str, typer.Option(help="What the ids of its figures begin with.")] = "graph",
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Time n answers that share a prompt, and n that share nothing; how much of the prompts was in the cache."""
    settings, wanted = read_settings(config, change), sizes(counts)
    rows = asyncio.run(_run(settings, wanted, prompt_tokens, tokens, repeats))
    summary = _summary(rows, wanted)
    out.print(summary)
    if record:
        amounts = {"counts": counts, "prompt_tokens": prompt_tokens, "tokens": tokens, "repeats": repeats}
        command = command_line("lift bench branches", config, change=change, **amounts, figures=figures, record=record)
        conditions = settings.engine.model_dump(exclude_none=True)
        write_result(record, summary, [row.model_dump() for row in rows], command, engine=conditions)
        _index(summary, figures, {"command": command, "data": f"{record}.json", **circumstances()})


async def _run(
    settings: "Settings", counts: list[int], prompt_tokens: int, tokens: int, repeats: int
) -> "list[Branches]":
    from deployments.engines import sglang_engine
    from deployments.grammars import grammars_of

    with sglang_engine(settings.engine, grammars_of(settings)) as engine, progress_bars() as progress:
        # It imports SGLang, for which this process was not ready before.
        from deployments.bench.branches import WAYS, measure_branches

        bar = progress.add_task("batches", total=len(counts) * len(WAYS) * repeats)
        return await measure_branches(
            engine,
            counts,
            prompt_tokens=prompt_tokens,
            tokens=tokens,
            repeats=repeats,
            on_row=lambda row: progress.advance(bar),
        )


def _summary(rows: "list[Branches]", counts: list[int]) -> dict[str, Any]:
    def at(way: str, n: int) -> "list[Branches]":
        return [row for row in rows if (row.way, row.n) == (way, n)]

    one = {row.repeat: row.seconds for row in at("shared", 1)}
    return {
        f"{way}_{n}": {
            "seconds": round(statistics.median(row.seconds for row in found), 4),
            "over_one": round(statistics.median(row.seconds / one[row.repeat] for row in found), 4) if one else None,
            "lowest": min(row.seconds for row in found),
            "highest": max(row.seconds for row in found),
            "cached_share": round(statistics.median(row.cached_share for row in found), 4),
            "kv_share": max(row.kv_share for row in found),
        }
        for n in counts
        for way in ("shared", "separate")
        if (found := at(way, n))
    }


def _index(summary: dict[str, Any], figures: str, where: dict[str, Any]) -> None:
    eight = summary.get("shared_8")
    if eight and eight["over_one"]:
        ratio, share = eight["over_one"], eight["cached_share"]
        index(
            [
                Figure(id=f"{figures}.n8_latency_ratio", value=ratio, unit="n = 8 ÷ n = 1", goal="<= 1.5", **where),
                Figure(id=f"{figures}.cached_share", value=share, unit="share of the prompt", goal=">= 0.95", **where),
            ]
        )
