"""A step of the load against a real cluster that scales itself, and what came of it."""

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from deployments.bench.watch import Watch

_PROMPT = {"prompt": "Double a number: double(2) == 4"}
_SCRAPE_S = 0.5
_WINDOW_S = 5.0
"""Of the requests that one p99 of the timeline is taken from."""


@dataclass(frozen=True)
class Phase:
    """A constant load, open loop: nobody waits for an answer before the next one asks."""

    requests_per_s: float
    seconds: float


@dataclass(frozen=True)
class Asked:
    """One request; its latency counts from when it was due."""

    due_s: float
    latency_s: float
    status: int


@dataclass(frozen=True)
class Replicas:
    at_s: float
    running: int
    starting: int

    @property
    def wanted(self) -> int:
        return self.running + self.starting


@dataclass(frozen=True)
class Run:
    """All times count from the begin of the first phase."""

    phases: tuple[Phase, ...]
    asked: tuple[Asked, ...]
    replicas: tuple[Replicas, ...]
    terms: tuple[tuple[float, dict[str, float]], ...]


async def run(url: str, watch: Watch, phases: Sequence[Phase], deployment: str) -> Run:
    begun = time.time()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    terms: list[tuple[float, dict[str, float]]] = []
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as client:
        scraping = asyncio.create_task(_scrape(watch.metrics_port, deployment, begun, terms))
        asked = await asyncio.gather(*(_ask(client, begun, due_s) for due_s in _due(phases)))
        await asyncio.sleep(begun + sum(phase.seconds for phase in phases) - time.time())
        scraping.cancel()
    states = [(seen["at_s"] - begun, seen["replicas"][deployment]) for seen in watch.seen if seen["at_s"] >= begun]
    replicas = [Replicas(at_s, of.get("RUNNING", 0), of.get("STARTING", 0)) for at_s, of in states]
    return Run(tuple(phases), tuple(asked), tuple(replicas), tuple(terms))


def _due(phases: Sequence[Phase]) -> Iterator[float]:
    begun = 0.0
    for phase in phases:
        yield from (begun + i / phase.requests_per_s for i in range(int(phase.requests_per_s * phase.seconds)))
        begun += phase.seconds


async def _ask(client: httpx.AsyncClient, begun: float, due_s: float) -> Asked:
    await asyncio.sleep(begun + due_s - time.time())
    answer = await client.post("/v1/lift", json=_PROMPT)
    return Asked(round(due_s, 3), round(time.time() - begun - due_s, 3), answer.status_code)


async def _scrape(port: int, deployment: str, begun: float, terms: list[tuple[float, dict[str, float]]]) -> None:
    """What the policy tells of its terms, from the metrics port of the only node."""
    async with httpx.AsyncClient() as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                text = (await client.get(f"http://127.0.0.1:{port}/metrics", timeout=5)).text
                terms.append((round(time.time() - begun, 2), _terms(text, deployment)))
            await asyncio.sleep(_SCRAPE_S)


def _terms(text: str, deployment: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.startswith("ray_lift_scaling_term{")]
    return {
        sample.labels["term"]: sample.value
        for family in text_string_to_metric_families("\n".join(lines) + "\n")
        for sample in family.samples
        if sample.labels["deployment"] == deployment
    }


def summary(run: Run) -> dict[str, Any]:
    ends = [sum(phase.seconds for phase in run.phases[: i + 1]) for i in range(len(run.phases))]
    spans = list(zip([0.0, *ends], ends, strict=False))
    return {
        "step_to_start_s": step_to_start_s(run.replicas, run.phases[0].seconds),
        "flaps": sum(reversals([r.wanted for r in run.replicas if begun <= r.at_s < end]) for begun, end in spans),
        "failed": sum(asked.status != 200 for asked in run.asked),
        "p99_s": [p99([a.latency_s for a in run.asked if begun <= a.due_s < end]) for begun, end in spans],
        "replica_s": round(sum((b.at_s - a.at_s) * a.wanted for a, b in pairwise(run.replicas)), 1),
        "timeline": list(_timeline(run)),
    }


def step_to_start_s(replicas: Sequence[Replicas], step_s: float) -> float | None:
    """From the step of the load until another replica is starting; None if none ever was."""
    before = max((one.wanted for one in replicas if one.at_s <= step_s), default=0)
    more = [one.at_s for one in replicas if one.at_s > step_s and one.wanted > before]
    return round(more[0] - step_s, 2) if more else None


def reversals(numbers: Sequence[int]) -> int:
    """How often a number that rose falls, or one that fell rises."""
    ways = [after > before for before, after in pairwise(numbers) if after != before]
    return sum(after != before for before, after in pairwise(ways))


def p99(latencies: Sequence[float]) -> float | None:
    return sorted(latencies)[math.ceil(0.99 * len(latencies)) - 1] if latencies else None


def _timeline(run: Run) -> Iterator[dict[str, Any]]:
    """Second by second: load, replicas, every term of the policy, and the p99 of the requests due around then."""
    rates = [phase.requests_per_s for phase in run.phases for _ in range(int(phase.seconds))]
    for second in range(len(rates)):
        replicas = [one for one in run.replicas if one.at_s <= second + 1]
        terms = [terms for at_s, terms in run.terms if at_s <= second + 1]
        near = [asked.latency_s for asked in run.asked if abs(asked.due_s - second) <= _WINDOW_S / 2]
        yield {
            "at_s": second,
            "requests_per_s": rates[second],
            "running": replicas[-1].running if replicas else 1,
            "starting": replicas[-1].starting if replicas else 0,
            "p99_s": p99(near),
            "terms": {name: round(need, 3) for name, need in terms[-1].items()} if terms else {},
        }
