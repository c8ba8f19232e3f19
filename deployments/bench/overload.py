"""What a service still answers in time while it is asked for more than it can do."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from lift_sys.simulation.outcome import percentile
from schemas import LiftResponse

_PROMPT = {"prompt": "Double a number: double(2) == 4"}
_KEPT_SHARE = 0.95
"""Of the requests up to the knee are answered in time."""
_SETTLE_S = 2.0


@dataclass(frozen=True)
class Asked:
    """One request; its times count from when it was due."""

    offered_per_s: float
    due_s: float
    lag_s: float
    """Until it was sent, which is the client's own doing."""
    latency_s: float
    status: int
    """0 where the connection broke."""
    verified: bool


@dataclass(frozen=True)
class Step:
    """A constant load, and what came of it."""

    offered_per_s: float
    seconds: float
    asked: tuple[Asked, ...]

    def goodput_per_s(self, objective_s: float) -> float:
        """Verified answers within the objective."""
        return sum(one.verified and one.latency_s <= objective_s for one in self.asked) / self.seconds

    def told(self, objective_s: float) -> dict[str, Any]:
        latencies = sorted(one.latency_s for one in self.asked if one.status == httpx.codes.OK)
        lags = sorted(one.lag_s for one in self.asked)
        statuses = [one.status for one in self.asked]
        return {
            "offered_per_s": self.offered_per_s,
            "arrived_per_s": round(len(self.asked) / self.seconds, 3),
            "goodput_per_s": round(self.goodput_per_s(objective_s), 3),
            "latency_p50_s": _quantile(latencies, 50),
            "latency_p99_s": _quantile(latencies, 99),
            "lag_p99_s": _quantile(lags, 99),
            "statuses": {str(status): statuses.count(status) for status in sorted(set(statuses))},
        }


async def steps(url: str, rates: Sequence[float], seconds: float, seed: int) -> list[Step]:
    """One after the other, each once all requests of the one before have been answered."""
    done = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        for number, rate in enumerate(rates):
            done.append(await _step(client, rate, seconds, random.Random(f"{seed} {number} {rate}")))
            await asyncio.sleep(_SETTLE_S)
    return done


async def _step(client: httpx.AsyncClient, rate: float, seconds: float, chance: random.Random) -> Step:
    """Open loop, at random like strangers: nobody waits for anybody's answer."""
    begun = time.monotonic()
    due, at_s = [], chance.expovariate(rate)
    while at_s < seconds:
        due.append(at_s)
        at_s += chance.expovariate(rate)
    asked = await asyncio.gather(*(_ask(client, rate, begun, due_s) for due_s in due))
    return Step(rate, seconds, tuple(asked))


async def _ask(client: httpx.AsyncClient, rate: float, begun: float, due_s: float) -> Asked:
    await asyncio.sleep(begun + due_s - time.monotonic())
    lag_s = time.monotonic() - begun - due_s
    status, verified = 0, False
    try:
        answer = await client.post("/v1/lift", json=_PROMPT)
    except httpx.TransportError:
        pass
    else:
        status = answer.status_code
        verified = status == httpx.codes.OK and (
            LiftResponse.model_validate_json(answer.content).verdict.level == "verified"
        )
    return Asked(rate, round(due_s, 4), round(lag_s, 4), round(time.monotonic() - begun - due_s, 4), status, verified)


def knee(found: Sequence[Step], objective_s: float) -> float | None:
    """The highest of rising loads up to which all that arrives is answered in time, but for a few in a hundred."""
    kept = None
    for step in found:
        if step.goodput_per_s(objective_s) * step.seconds < _KEPT_SHARE * len(step.asked):
            break
        kept = step.offered_per_s
    return kept


def summary(ladder: Sequence[Step], beyond: Sequence[Step], objective_s: float) -> dict[str, Any]:
    """`beyond` begins at the knee and ends at three times the knee."""
    at_knee, *_, last = (step.goodput_per_s(objective_s) for step in beyond)
    return {
        "objective_s": objective_s,
        "knee_per_s": beyond[0].offered_per_s,
        "goodput_at_3x": round(last / at_knee, 3),
        "ladder": [step.told(objective_s) for step in ladder],
        "beyond": [step.told(objective_s) for step in beyond],
    }


def rows(found: Sequence[Step]) -> list[dict[str, Any]]:
    return [asdict(one) for step in found for one in step.asked]


def _quantile(ordered: Sequence[float], p: int) -> float | None:
    return percentile(ordered, p) if ordered else None
