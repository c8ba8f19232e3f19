"""One who knows what will come, and starts replicas a cold start ahead: what no policy can be cheaper than by much.

It follows the tokens that are to be written, at one use of the replicas for the whole run; the highest that meets the
objective is searched for. So it is the best of its kind, not of all schedules.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from lift_sys.simulation.outcome import Outcome
from lift_sys.simulation.policies import Schedule
from lift_sys.simulation.service import Scenario, simulate

_SPAN_S = 5.0
_USES = tuple(0.95 - 0.025 * step for step in range(15))
"""Of what a replica can write at most: from the cheapest to the safest."""


@dataclass(frozen=True, slots=True)
class Known:
    use: float
    outcome: Outcome


class MapLike(Protocol):
    def __call__(self, function: Callable[[float], Known], uses: Iterable[float], /) -> Iterable[Known]: ...


def oracle(scenario: Scenario, seed: int, maps: MapLike = map) -> Known:
    """The cheapest that meets the objective; if none does, the safest. `maps` may try several at once."""
    for found in maps(partial(_at, scenario, seed), _USES):
        if found.outcome.attainment >= scenario.objective.share:
            break
    return found


def _at(scenario: Scenario, seed: int, use: float) -> Known:
    replicas = needs(scenario, seed, use)
    begun = replace(scenario, replicas=replicas[0])
    return Known(use, simulate(begun, Schedule(replicas, _SPAN_S), seed))


def needs(scenario: Scenario, seed: int, use: float) -> list[int]:
    """Replicas of each span, started so early that they run when they are needed. Short dips are not worth a start."""
    profile = scenario.profile
    rate = use * max(profile.requests_per_s(batch) for batch in range(1, profile.max_running + 1))
    work = _work(scenario, seed)
    ahead = math.ceil(max(profile.cold_start_s) * (1 + scenario.conditions.start_spread) / _SPAN_S)
    return [max(1, math.ceil(max(work[at : at + ahead + 1]) / rate)) for at in range(len(work))]


def _work(scenario: Scenario, seed: int) -> list[float]:
    """Requests a second that are being worked on, for each span: each is spread over the time that it takes."""
    profile = scenario.profile
    spans = [0.0] * (int(scenario.duration_s / _SPAN_S) + 1)
    for at_s in scenario.times(seed):
        if at_s < scenario.duration_s:
            spans[int(at_s / _SPAN_S)] += 1 / _SPAN_S
    batch = min(range(1, profile.max_running + 1), key=lambda size: -profile.requests_per_s(size))
    depth = sum(kind.depth_tokens for kind in profile.kinds) / len(profile.kinds)
    width = max(1, round(depth * profile.steps[batch] / _SPAN_S))
    return [sum(spans[max(0, at - width + 1) : at + 1]) / min(width, at + 1) for at in range(len(spans))]
