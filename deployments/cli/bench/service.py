"""`lift bench service`: how much a running service bears, and what its clients see of a replica that is killed."""

import asyncio
import json
import statistics
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import command_line, require_ready, sizes
from deployments.cli.console import fail, out, progress_bars
from schemas.figure import RESULTS, Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.graph import Block
    from deployments.bench.loss import Answered

_KILL_AFTER_S = 15
_FIGURE = "scale.replicas_2"
_GOALS = {"2": ">= 1.9", "4": ">= 3.8", "8": ">= 7.36"}
"""Times the tokens a second of one replica, by the number of them."""


def service(
    url: Annotated[str, typer.Option(help="A running service.")] = "http://127.0.0.1:8000",
    clients: Annotated[str, typer.Option(help="That ask at once, each waiting for its answer.")] = "64,128",
    n: Annotated[int, typer.Option(help="Variations of each request.", min=1)] = 4,
    repeats: Annotated[int, typer.Option(help="Of each block of requests.", min=1)] = 2,
    over: Annotated[
        str | None, typer.Option(help="An earlier RECORD of one replica: tokens a second over its best are indexed.")
    ] = None,
    figure: Annotated[str, typer.Option(help="The id of that ratio; the number of replicas at its end.")] = _FIGURE,
    kill: Annotated[str | None, typer.Option(help="A deployment of which one replica is killed under load.")] = None,
    seconds: Annotated[float, typer.Option(help="Of the load in which it is killed.", min=30)] = 90,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Ask a service of any size, as its clients would: tokens and requests a second, and what a loss costs."""
    counts = sizes(clients)
    require_ready(url)
    blocks, answers = asyncio.run(_run(url, counts, n, repeats, kill, seconds))
    summary = _summary(blocks, counts) | (_loss(answers) if kill else {})
    out.print(summary)
    if record:
        amounts = {"url": url, "clients": clients, "n": n, "repeats": repeats, "over": over}
        amounts |= {"figure": figure} if over else {}
        killed = {"kill": kill, "seconds": seconds if kill else None}
        command = command_line("lift bench service", **amounts, **killed, record=record)
        write_result(record, summary, [row.model_dump() for row in (*blocks, *answers)], command)
        _index(summary, over, figure, {"command": command, "data": f"{record}.json", **circumstances()})


async def _run(
    url: str, counts: list[int], n: int, repeats: int, kill: str | None, seconds: float
) -> "tuple[list[Block], list[Answered]]":
    from deployments.bench.graph import http_client, measure_blocks, over_http
    from deployments.bench.loss import ask_for, kill_one

    async with http_client(url) as client:
        with progress_bars() as progress:
            bar = progress.add_task("blocks", total=len(counts) * repeats)
            blocks = await measure_blocks(
                {"graph": over_http(client)},
                counts,
                n=n,
                repeats=repeats,
                limit_s=3_600,
                on_row=lambda row: progress.advance(bar),
            )
            if not kill:
                return blocks, []
            progress.add_task(f"a replica of {kill} is killed", total=None)
            try:
                answers = await ask_for(
                    client,
                    max(counts),
                    n=n,
                    seconds=seconds,
                    kill_after_s=_KILL_AFTER_S,
                    kill=lambda: kill_one(kill),
                )
            except LookupError as error:
                fail(f"--kill {kill}: {error}")
            return blocks, answers


def _summary(blocks: "list[Block]", counts: list[int]) -> dict[str, Any]:
    return {
        str(count): {
            "tokens_per_s": round(statistics.median(b.tokens_per_s for b in found), 1),
            "requests_per_s": round(statistics.median(b.requests / b.seconds for b in found), 3),
            "latency_p50_s": round(statistics.median(s for b in found for s in b.latency_s), 4),
            "failed": sum(b.failed for b in found),
        }
        for count in counts
        if (found := [block for block in blocks if block.clients == count and block.latency_s])
    }


def _loss(answers: "list[Answered]") -> dict[str, Any]:
    from deployments.bench.loss import back_after_s, latency_p50_s, rate, statuses

    return {
        "loss": {
            "statuses": statuses(answers),
            "requests_per_s_before": round(rate(answers, 5, _KILL_AFTER_S), 3),
            "requests_per_s_after": round(rate(answers, _KILL_AFTER_S, _KILL_AFTER_S + 10), 3),
            "back_after_s": back_after_s(answers, _KILL_AFTER_S),
            "latency_p50_s": round(latency_p50_s(answers), 3),
        }
    }


def _index(summary: dict[str, Any], over: str | None, figure: str, where: dict[str, Any]) -> None:
    if over:
        one = json.loads((RESULTS / f"{over}.json").read_text(encoding="utf-8"))["summary"]
        ratio = round(_most(summary) / _most(one), 4)
        goal = _GOALS.get(figure.rpartition("_")[2], "")
        index([Figure(id=figure, value=ratio, unit="x", goal=goal, **where)])


def _most(summary: dict[str, Any]) -> float:
    return max(float(found["tokens_per_s"]) for name, found in summary.items() if name != "loss")
