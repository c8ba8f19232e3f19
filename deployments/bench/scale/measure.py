"""One service measured: its knee, a load below it, a lost replica, or a step that it is to follow."""

import contextlib
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from deployments.bench.loss import kill_one
from deployments.bench.scale.arms import Arm
from deployments.bench.scale.cores import Cores, fullest
from deployments.bench.scale.crowd import TASKS, Crowd
from deployments.bench.scale.load import Asked, Phase, Ramp, climb, hold, ramp, told
from deployments.bench.scaling import Replicas, reversals, step_to_start_s
from deployments.bench.watch import Watch
from schemas import LiftRequest

LOAD = 0.8
"""Of the knee."""
_LOW = 0.4
"""Of one replica's knee: before a step and after it."""
_CALM_S = 10.0
"""Before a step, at most."""
_KILLED_AT = 0.25
"""Of the load in which a replica is killed."""
_PATIENCE_S = 60.0
"""For the first answers of all, and those after a loss: what comes late is not lost."""
_ENGINE = "Engine"
_WARM_S = 5.0
"""Of requests that are not counted: the first use of a kernel compiles it, and a ramp would take that for a knee."""


@dataclass(frozen=True)
class Plan:
    clients: int
    """Processes."""
    low_per_s: float
    """That one replica can surely do: a ramp begins there."""
    objective_s: float
    seconds: float
    """Of a load below the knee."""
    step_s: float | None
    """Of the step that the autoscaler follows, and of the time after it. None: with room for a start."""
    climb_s: float
    """Until that step's load is reached, and again until it has gone; 0: at once."""
    knee_per_s: float | None
    """Of one replica, where it is known already."""
    seed: int
    requests: Sequence[LiftRequest] = TASKS

    def crowd(self, url: str) -> Crowd:
        return Crowd(url, self.clients, self.requests)


@dataclass
class Measured:
    arm: Arm
    knee_per_s: float
    ramp: tuple[Asked, ...] = ()
    held: list[Asked] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


async def arm(url: str, plan: Plan, which: Arm, limits: Mapping[str, float], *, fresh: bool) -> Measured:
    """`fresh`: its engines have just started. Raises `RuntimeError` where no knee is found."""
    if fresh:
        await _warm(url, plan, which)
    with Cores() as cores:
        begun = time.time()
        found = await _ramp(url, plan, which)
        full = cores.between(begun + found.full_s[0], begun + found.full_s[1])
        begun = time.time()
        held = await _hold(url, plan, found.knee_per_s)
        used = cores.between(begun, begun + plan.seconds)
    summary = {
        "kind": which.kind,
        "gpus": which.gpus,
        "knee_per_s": found.knee_per_s,
        "knee_tokens_per_s": found.tokens_per_s,
        **told(held, plan.seconds, plan.objective_s),
        "cores": used,
        "first_full": fullest(full, limits),
    }
    return Measured(which, found.knee_per_s, found.rows, held, summary)


async def _warm(url: str, plan: Plan, which: Arm) -> None:
    """Where the knee is sought, with as many requests at once as then: a larger batch takes other kernels."""
    phases = [Phase(plan.low_per_s * which.gpus, _WARM_S)]
    async with plan.crowd(url) as crowd:
        await hold(crowd, phases, seed=plan.seed, wait_s=_PATIENCE_S)
    with contextlib.suppress(RuntimeError):
        await _ramp(url, plan, which)


async def _ramp(url: str, plan: Plan, which: Arm) -> Ramp:
    if plan.knee_per_s:
        return Ramp(plan.knee_per_s * which.gpus, 0.0, (0.0, 0.0), ())
    async with plan.crowd(url) as crowd:
        return await ramp(crowd, plan.low_per_s * which.gpus, plan.objective_s)


async def _hold(url: str, plan: Plan, knee_per_s: float) -> list[Asked]:
    phases = [Phase(LOAD * knee_per_s, plan.seconds)]
    async with plan.crowd(url) as crowd:
        return await hold(crowd, phases, seed=plan.seed, wait_s=plan.objective_s)


async def loss(url: str, plan: Plan, knee_per_s: float, seconds: float) -> tuple[dict[str, Any], list[Asked]]:
    """One engine replica is killed under load. Raises `LookupError` where there is none."""
    at_s = _KILLED_AT * seconds
    async with plan.crowd(url) as crowd:
        event = (at_s, functools.partial(kill_one, _ENGINE))
        rows = await hold(crowd, [Phase(LOAD * knee_per_s, seconds)], seed=plan.seed, wait_s=_PATIENCE_S, event=event)
    before, after = [[r for r in rows if (r.due_s < at_s) is early] for early in (True, False)]
    summary = {
        "killed_at_s": at_s,
        "lost": sum(row.status != 200 for row in rows),
        "before": told(before, at_s, plan.objective_s),
        "after": told(after, seconds - at_s, plan.objective_s),
    }
    return summary, rows


async def step(
    url: str, plan: Plan, watch: Watch, knee_per_s: float, most: int, seconds: float
) -> tuple[dict[str, Any], list[Asked]]:
    """From what one replica bears to what all do, and back; as much time for either."""
    low, high = _LOW * knee_per_s, LOAD * knee_per_s * most
    calm_s = min(_CALM_S, seconds)
    spans = {
        "before": [Phase(low, calm_s)],
        "step": [*climb(low, high, plan.climb_s), Phase(high, seconds)],
        "after": [*climb(high, low, plan.climb_s), Phase(low, seconds)],
    }
    async with plan.crowd(url) as crowd:
        begun = time.time()
        rows = await hold(crowd, [*chain(*spans.values())], seed=plan.seed, wait_s=plan.objective_s)
    seen = [(one["at_s"] - begun, one["replicas"][_ENGINE]) for one in watch.seen if one["at_s"] >= begun]
    replicas = [Replicas(at_s, of.get("RUNNING", 0), of.get("STARTING", 0)) for at_s, of in seen]
    told_of = followed(replicas, calm_s, plan.climb_s + seconds, most)
    return {"climb_s": plan.climb_s, **told_of, **_by_span(rows, spans, plan.objective_s)}, rows


def followed(replicas: Sequence[Replicas], step_s: float, seconds: float, most: int) -> dict[str, Any]:
    """How replicas came and went: seconds from the step up or down; None for what did not happen in its time."""
    down_s = step_s + seconds
    all_s = next((one.at_s for one in replicas if step_s <= one.at_s < down_s and one.running >= most), None)
    back_s = next((one.at_s for one in replicas if one.at_s >= down_s and one.wanted <= 1), None)
    spans = ([one.wanted for one in replicas if (one.at_s < down_s) is early] for early in (True, False))
    return {
        "step_to_start_s": step_to_start_s(replicas, step_s),
        "step_to_all_s": round(all_s - step_s, 2) if all_s is not None else None,
        "back_to_one_s": round(back_s - down_s, 2) if back_s is not None else None,
        "most": max((one.running for one in replicas), default=0),
        "flaps": sum(map(reversals, spans)),
        "replicas": [[round(one.at_s, 1), one.running, one.starting] for one in _changes(replicas)],
    }


def _changes(replicas: Sequence[Replicas]) -> list[Replicas]:
    kept = list(replicas[:1])
    for one in replicas[1:]:
        if (one.running, one.starting) != (kept[-1].running, kept[-1].starting):
            kept.append(one)
    return kept


def _by_span(rows: Sequence[Asked], spans: Mapping[str, Sequence[Phase]], objective_s: float) -> dict[str, Any]:
    found, begin = {}, 0.0
    for name, phases in spans.items():
        seconds = sum(phase.seconds for phase in phases)
        inside = [row for row in rows if begin <= row.due_s < begin + seconds]
        found[name] = told(inside, seconds, objective_s)
        begin += seconds
    return found
