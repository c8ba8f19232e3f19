"""Open-loop load: nobody waits for an answer before the next one asks, and latencies count from when one was due."""

import asyncio
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.bench.scale.asker import Answer
from deployments.bench.scale.crowd import Crowd
from lift_sys.simulation.outcome import percentile
from schemas import StageReport

_OK = 200
_RAMP_S = 240.0
_REFUSED_SHARE = 0.2
_LOOK_S = 0.05
_LATELY = 0.5
"""Of the objective: over which a full service's rate is counted."""


@dataclass(frozen=True)
class Asked:
    """Seconds from the begin of the load, or from when it was due."""

    due_s: float
    lag_s: float
    """Until it was sent, which is the client's own doing."""
    latency_s: float
    status: int
    """0 where there was no answer, or none by the end."""
    verified: bool
    variations: int
    stages: tuple[StageReport, ...]

    @property
    def ended_s(self) -> float:
        return self.due_s + self.latency_s

    @property
    def tokens(self) -> int:
        return sum(stage.completion_tokens for stage in self.stages)


class Load:
    """One load and what comes of it, while it comes."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._begun = time.time()
        self._tasks: dict[asyncio.Task[None], float] = {}
        self._ended: deque[tuple[float, int]] = deque()
        self.rows: list[Asked] = []

    @property
    def now_s(self) -> float:
        return time.time() - self._begun

    @property
    def open(self) -> int:
        return len(self._tasks)

    async def ask(self, due_s: float) -> None:
        """Sleeps until then; waits for no answer."""
        await asyncio.sleep(max(0.0, due_s - self.now_s))
        task = asyncio.create_task(self._one(due_s))
        self._tasks[task] = due_s
        task.add_done_callback(self._tasks.pop)

    async def _one(self, due_s: float) -> None:
        answer = await self._crowd.ask()
        self.rows.append(self._row(due_s, answer))
        self._ended.append((self.now_s, answer.status))

    def _row(self, due_s: float, answer: Answer) -> Asked:
        sent_s, ended_s = answer.sent - self._begun, answer.ended - self._begun
        lag_s, latency_s = round(sent_s - due_s, 4), round(ended_s - due_s, 4)
        return Asked(
            round(due_s, 4), lag_s, latency_s, answer.status, answer.verified, answer.variations, answer.stages
        )

    def lately(self, seconds: float) -> tuple[float, float]:
        """Good answers and others, a second."""
        while self._ended and self._ended[0][0] < self.now_s - seconds:
            self._ended.popleft()
        good = sum(status == _OK for _, status in self._ended)
        return good / seconds, (len(self._ended) - good) / seconds

    async def end(self, wait_s: float) -> list[Asked]:
        """All rows, once everybody is answered or the time is over."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=wait_s)
        left = dict(self._tasks)
        for task, due_s in left.items():
            task.cancel()
            self.rows.append(Asked(round(due_s, 4), 0.0, round(self.now_s - due_s, 4), 0, False, 0, ()))
        return sorted(self.rows, key=lambda row: row.due_s)


@dataclass(frozen=True)
class Ramp:
    knee_per_s: float
    tokens_per_s: float
    """Written for those requests; 0 where the knee was known."""
    full_s: tuple[float, float]
    """From when to when the service had more than it could do."""
    rows: tuple[Asked, ...]


async def ramp(crowd: Crowd, low: float, objective_s: float) -> Ramp:
    """A load that doubles every half of the objective, until what is asked is late; then as much as keeps it late.

    By Little's law a request is late as soon as more are open than are answered in the time of the objective. The knee
    is what is answered while so many are, once that has settled. It takes about four objectives. Raises `RuntimeError`
    when nothing is answered, early or then.
    """
    load = Load(crowd)
    await _rise(load, low, objective_s)
    good, _ = load.lately(objective_s)
    if not good:
        raise RuntimeError(f"no request was answered in {load.now_s:.0f} s; allow more time with --slo")
    await _keep_late(load, objective_s)
    full_s = load.now_s
    await _keep_late(load, objective_s)
    end_s = load.now_s
    rows = await load.end(0)
    answered = [row for row in rows if row.status == _OK and full_s <= row.ended_s < end_s]
    if not answered:
        raise RuntimeError(f"the service stood still for {end_s - full_s:.0f} s while it had more than it could do")
    knee_per_s, tokens_per_s = (
        all_ / (end_s - full_s) for all_ in (len(answered), sum(row.tokens for row in answered))
    )
    return Ramp(round(knee_per_s, 3), round(tokens_per_s, 1), (full_s, end_s), tuple(rows))


async def _rise(load: Load, low: float, objective_s: float) -> None:
    at_s = 0.0
    while not _late(load, objective_s):
        if load.now_s > _RAMP_S:
            raise RuntimeError(f"no knee found within {_RAMP_S:g} s from {low:g} requests a second; begin with more")
        at_s += 1 / (low * 2 ** (2 * at_s / objective_s))
        await load.ask(at_s)


async def _keep_late(load: Load, objective_s: float) -> None:
    """For an objective's time so many open as are answered in it: more and more, until a service answers its most.

    What it answered before it was full says little: while a load rises, answers are those of a lower one. No more are
    asked than twice what is answered, since whom a service refuses it answers at once.
    """
    until_s = load.now_s + objective_s
    while load.now_s < until_s:
        good, _ = load.lately(_LATELY * objective_s)
        missing = math.ceil(good * objective_s) - load.open
        for _ in range(min(missing, math.ceil(2 * good * _LOOK_S))):
            await load.ask(load.now_s)
        await asyncio.sleep(_LOOK_S)


def _late(load: Load, objective_s: float) -> bool:
    good, refused = load.lately(objective_s)
    if load.now_s < 1.5 * objective_s or not good:
        return load.now_s > 3 * objective_s
    return load.open > good * objective_s or refused > _REFUSED_SHARE * good


@dataclass(frozen=True)
class Phase:
    requests_per_s: float
    seconds: float


def climb(begin_per_s: float, end_per_s: float, seconds: float) -> list[Phase]:
    """From one rate to another, by a stair a second; none for no seconds."""
    stairs = math.ceil(seconds)
    rise = (end_per_s - begin_per_s) / max(1, stairs)
    return [Phase(begin_per_s + rise * (stair + 0.5), seconds / stairs) for stair in range(stairs)]


def arrivals(phases: Sequence[Phase], seed: int) -> Iterator[float]:
    """Seconds at which requests come at random, like strangers' (Poisson), in one phase after the other."""
    chance, begun = random.Random(seed), 0.0
    for phase in phases:
        at_s = begun + chance.expovariate(phase.requests_per_s)
        begun += phase.seconds
        while at_s < begun:
            yield at_s
            at_s += chance.expovariate(phase.requests_per_s)


async def hold(
    crowd: Crowd,
    phases: Sequence[Phase],
    *,
    seed: int,
    wait_s: float,
    event: tuple[float, Callable[[], None]] | None = None,
) -> list[Asked]:
    """So many requests as the phases say; at a second of it something happens."""
    load = Load(crowd)
    happening = asyncio.create_task(_happen(*event)) if event else None
    for due_s in arrivals(phases, seed):
        await load.ask(due_s)
    await asyncio.sleep(max(0.0, sum(phase.seconds for phase in phases) - load.now_s))
    if happening:
        await happening
    return await load.end(wait_s)


async def _happen(at_s: float, event: Callable[[], None]) -> None:
    await asyncio.sleep(at_s)
    event()


def told(rows: Sequence[Asked], seconds: float, objective_s: float) -> dict[str, Any]:
    """`goodput_per_s`: verified answers within the objective."""
    good = [row for row in rows if row.status == _OK]
    latencies = sorted(row.latency_s for row in good)
    lags = sorted(row.lag_s for row in rows)
    return {
        "offered_per_s": round(len(rows) / seconds, 3),
        "goodput_per_s": round(sum(r.verified and r.latency_s <= objective_s for r in good) / seconds, 3),
        "verified_share": round(sum(row.verified for row in good) / max(1, len(good)), 4),
        "tokens_per_s": round(sum(row.tokens for row in good) / seconds, 1),
        "latency_p50_s": percentile(latencies, 50) if latencies else None,
        "latency_p99_s": percentile(latencies, 99) if latencies else None,
        "lag_p99_ms": round(percentile(lags, 99) * 1e3, 2) if lags else None,
        "statuses": {str(status): n for status, n in sorted(Counter(row.status for row in rows).items())},
    }
