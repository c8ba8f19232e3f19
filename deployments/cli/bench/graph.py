"""`lift bench graph`: what the graph costs over the engine, on the same work."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.bench.arguments import Change, command_line, read_settings, require_ready, sizes
from deployments.cli.console import fail, out, progress_bars
from deployments.grammars import grammars_of
from schemas.figure import Figure, circumstances, index, write_result

if TYPE_CHECKING:
    from deployments.bench.added import Single
    from deployments.bench.graph import Arm, Ask, Block
    from deployments.settings import Settings


@dataclass(frozen=True)
class _Amounts:
    clients: list[int]
    n: int
    repeats: int
    singles: int
    limit_s: float


def graph(
    config: Annotated[Path, typer.Argument(help="A Serve config file. A service must be running by its `args`.")],
    url: Annotated[str, typer.Option(help="That service.")] = "http://127.0.0.1:8000",
    clients: Annotated[str, typer.Option(help="That ask at once, each waiting for its answer.")] = "1,8,32,64,96",
    n: Annotated[int, typer.Option(help="Variations of each request, all in one wave.", min=1)] = 4,
    repeats: Annotated[int, typer.Option(help="Of each block of requests.", min=1)] = 2,
    singles: Annotated[int, typer.Option(help="Repeats of requests one after the other.", min=0)] = 3,
    minutes: Annotated[float, typer.Option(help="After which no other blocks are begun.", min=0)] = 60,
    change: Change = "",
    gpu: Annotated[
        str | None,
        typer.Option(help="What the service runs on: its price in cluster/gpus.yaml makes dollars of seconds."),
    ] = None,
    record: Annotated[str | None, typer.Option(help="Write docs/results/RECORD.json, and index its figures.")] = None,
) -> None:
    """Compare a running service with its own stages in one process, and with the calls of the engine alone.

    For that a second engine is started beside the service's, with the same settings. SGLang reads a memory fraction as
    one of all memory, so on a GPU the second one's has to be larger: `--change memory_fraction=0.6`.
    """
    settings = read_settings(config, change)
    code = settings.code.model_copy(update={"n": n, "first": n})
    settings = settings.model_copy(update={"code": code, "repairs": 0})
    amounts, price = _Amounts(sizes(clients), n, repeats, singles, minutes * 60), _usd_per_hour(gpu)
    require_ready(url, config)
    asked = {"clients": clients, "n": n, "repeats": repeats, "singles": singles, "minutes": minutes}
    command = command_line("lift bench graph", config, **asked, change=change, gpu=gpu, record=record)

    def keep(blocks: "list[Block]", pairs: "list[Single]") -> None:
        if record:
            summary, rows = _summary(blocks, pairs, price), [row.model_dump() for row in (*blocks, *pairs)]
            write_result(record, summary, rows, command, engine=settings.engine.model_dump(exclude_none=True))
            _index(summary, command, record)

    blocks, pairs = asyncio.run(_run(settings, url, amounts, keep))
    out.print(_summary(blocks, pairs, price))
    if failed := sum(block.failed for block in blocks):
        fail(f"{failed} requests failed", 1)


def _usd_per_hour(gpu: str | None) -> float | None:
    from deployments.fit.errors import UnknownGpu
    from deployments.fit.gpus import named

    try:
        return named(gpu).usd_per_hour if gpu else None
    except UnknownGpu as error:
        fail(str(error))


async def _run(
    settings: "Settings",
    url: str,
    amounts: _Amounts,
    keep: "Callable[[list[Block], list[Single]], None]",
) -> "tuple[list[Block], list[Single]]":
    """Keeps what there is after the pairs and after every turn of the blocks, which take long."""
    from deployments.bench.added import measure_singles
    from deployments.bench.graph import measure_blocks

    async with _arms(settings, url) as arms:
        with progress_bars() as progress:
            both: dict[Arm, Ask] = {name: ask for name, ask in arms.items() if name != "engine"}
            bar = progress.add_task("one by one", total=None)
            pairs = await measure_singles(both, repeats=amounts.singles, on_row=lambda row: progress.advance(bar))
            keep([], pairs)
            bar = progress.add_task("blocks", total=len(arms) * len(amounts.clients) * amounts.repeats)
            blocks = await measure_blocks(
                arms,
                amounts.clients,
                n=amounts.n,
                repeats=amounts.repeats,
                limit_s=amounts.limit_s,
                on_row=lambda row: progress.advance(bar),
                on_turn=lambda rows: keep(rows, pairs),
            )
    return blocks, pairs


@asynccontextmanager
async def _arms(settings: "Settings", url: str) -> "AsyncIterator[dict[Arm, Ask]]":
    from deployments.bench.free import running
    from deployments.bench.graph import http_client, in_process, over_http

    async with (
        running(settings.engine, grammars_of(settings)) as engine,
        http_client(url) as client,
    ):
        yield {
            "engine": in_process(settings, engine, validated=False),
            "process": in_process(settings, engine, validated=True),
            "graph": over_http(client),
        }


def _summary(blocks: "list[Block]", pairs: "list[Single]", price: float | None) -> dict[str, Any]:
    counts = sorted({block.clients for block in blocks})
    return {
        **{str(count): _at([block for block in blocks if block.clients == count], count, price) for count in counts},
        "singles": _added(pairs),
    }


def _added(pairs: "list[Single]") -> dict[str, Any]:
    from deployments.bench.added import added_ms

    added = added_ms(pairs)
    if len(added) < 2:
        return {}
    whole = [one.whole for one in added]
    return {
        "pairs": len(added),
        "added_ms_p50": round(statistics.median(whole), 2),
        "added_ms_quartiles": [round(cut, 2) for cut in statistics.quantiles(whole, n=4)],
        "added_ms_p50_by_part": {
            part: round(statistics.median(getattr(one, part) for one in added), 2) for part in ("ir", "code", "between")
        },
    }


def _at(blocks: "list[Block]", count: int, price: float | None) -> dict[str, Any]:
    from deployments.bench.graph import ratios

    ours = [block for block in blocks if block.arm == "graph"]
    levels: dict[str, int] = {}
    for block in ours:
        for level, times in block.levels.items():
            levels[level] = levels.get(level, 0) + times
    seconds, requests = sum(block.seconds for block in ours), sum(block.requests for block in ours)
    return {
        **{
            arm: {
                "tokens_per_s": round(statistics.median(b.tokens_per_s for b in of), 1),
                "requests_per_s": round(statistics.median(b.requests / b.seconds for b in of), 3),
                "latency_p50_s": round(statistics.median(s for b in of for s in b.latency_s), 4),
                "stage_s": of[-1].stage_s,
            }
            for arm in ("engine", "process", "graph")
            if (of := [block for block in blocks if block.arm == arm])
        },
        "graph_over_process": ratios(blocks, count, "process"),
        "graph_over_engine": ratios(blocks, count, "engine"),
        "cpu_ms": ours[-1].cpu_ms,
        "levels": levels,
        **_dollars(price, seconds, requests, levels.get("verified", 0)),
    }


def _dollars(price: float | None, seconds: float, requests: int, verified: int) -> dict[str, float]:
    """Of a function, and of a verified one, while so many clients are served."""
    if price is None:
        return {}
    spent = price * seconds / 3_600
    found = {"usd_per_request": round(spent / requests, 8)}
    return found | ({"usd_per_verified": round(spent / verified, 8)} if verified else {})


def _index(summary: dict[str, Any], command: str, record: str) -> None:
    where = {"command": command, "data": f"{record}.json", **circumstances()}
    figures = []
    at = {count: found for count, found in summary.items() if count != "singles"}
    for count, found in at.items():
        for key, name, unit in (
            ("graph_over_process", "throughput_ratio", "graph ÷ its stages in one process"),
            ("graph_over_engine", "engine_ratio", "graph ÷ the engine's calls alone"),
        ):
            value = round(statistics.median(found[key]), 4)
            figures.append(Figure(id=f"graph.{name}_{count}", value=value, unit=unit, goal=">= 0.97", **where))
    if summary["singles"]:
        added = summary["singles"]["added_ms_p50"]
        figures.append(Figure(id="graph.added_ms_p50", value=added, unit="ms", goal="< 15", **where))
    cheapest = min((found.get("usd_per_verified") or 1e9 for found in at.values()), default=1e9)
    if cheapest < 1e9:
        figures.append(Figure(id="cost.usd_per_verified", value=cheapest, unit="$", goal="<= 0.001", **where))
    index(figures)
