"""How many replicas a load needs: by arithmetic on the measured steps first, by the simulator then."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from lift_sys.simulation.arrivals import Traffic
from lift_sys.simulation.outcome import Objective, Outcome, quantiles
from lift_sys.simulation.policies import Fixed
from lift_sys.simulation.profile import Profile
from lift_sys.simulation.service import Scenario, simulate

Limit = Literal["tokens", "time", "cache", "sequences"]
_CHECKED_REQUESTS = 15_000
_CHECKED_REPLICAS = 20
_SHORTEST_S, _LONGEST_S = 120.0, 3_600.0
_BUSY = 0.8
"""Of the Validator's replicas."""
_TRIES = 12
_MORE = 1.06


class Impossible(ValueError):
    """No number of replicas meets the objective. The text says why, and what would."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one replica is to carry."""

    sequences: int
    requests_per_s: float
    total_s: float
    """Of the slowest requests that must be in time."""
    limit: Limit
    """Why it does not carry more: it writes as many tokens as it can, or requests take as long as they may, …"""


@dataclass(frozen=True, slots=True)
class Plan:
    batch: Batch
    by_arithmetic: int
    replicas: int
    validators: int
    checked_replicas: int
    """That were simulated, with the same load each."""
    outcome: Outcome


def plan(profile: Profile, rps: float, objective: Objective) -> Plan:
    """The replicas that arithmetic asks for, and so many more until the simulation is in time. Raises `Impossible`."""
    batch = batch_for(profile, objective)
    by_arithmetic = replicas = max(1, math.ceil(rps / batch.requests_per_s - 1e-9))
    for _ in range(_TRIES):
        checked, outcome = _checked(profile, replicas, rps / replicas, objective)
        if outcome.attainment >= objective.share:
            return Plan(batch, by_arithmetic, replicas, _validators(profile, rps), checked, outcome)
        replicas = max(replicas + 1, math.ceil(replicas * _MORE))
    total, ttft = (quantiles(column)["p99"] for column in (outcome.served.total_s, outcome.served.ttft_s))
    raise Impossible(
        f"{replicas} replicas serve only {outcome.attainment:.2%} in time (p99 {total:.1f} s, TTFT {ttft:.2f} s); "
        f"allow more than {objective.total_s:g} s or {objective.ttft_s:g} s, or a smaller share"
    )


def batch_for(profile: Profile, objective: Objective) -> Batch:
    """The largest batch in which nearly all are in time, as long as a larger one writes more. Raises `Impossible`."""
    best = max(range(1, profile.max_running + 1), key=profile.requests_per_s)
    if (alone_s := _total_s(profile, 1, objective.share)) > objective.total_s:
        raise Impossible(
            f"--slo {objective.total_s:g} cannot be met: {objective.share:.0%} of the requests take up to "
            f"{alone_s:.1f} s on {profile.gpu} even alone; allow --slo {math.ceil(alone_s)} or a smaller "
            "--share, or say that the GPU is faster (--speed)"
        )
    in_time = max(size for size in range(1, best + 1) if _total_s(profile, size, objective.share) <= objective.total_s)
    cached = max(1, int(profile.capacity_tokens * _sequence_share(profile)))
    size = min(in_time, cached)
    limit: Limit = "tokens"
    if size < best:
        limit = "cache" if cached < in_time else "time"
    elif best == profile.max_running:
        limit = "sequences"
    return Batch(size, profile.requests_per_s(size), _total_s(profile, size, objective.share), limit)


def _total_s(profile: Profile, size: int, share: float) -> float:
    """Of a request that is among the slowest that must be in time, in a batch that has this size all the time."""
    depths = sorted(kind.depth_tokens for kind in profile.kinds)
    waves = max(kind.waves for kind in profile.kinds)
    tokens = depths[min(len(depths) - 1, math.ceil(len(depths) * share) - 1)]
    reading_s = profile.uncached_per_request * profile.prefill_s_per_token
    return tokens * profile.steps[size] + reading_s + waves * max(profile.validate_s) + max(profile.overhead_s)


def _sequence_share(profile: Profile) -> float:
    """One over the tokens of the cache that a sequence holds, in the mean."""
    calls = [call for kind in profile.kinds for call in (kind.ir, kind.wave) if call]
    return sum(call.sequences for call in calls) / sum(call.kv_tokens for call in calls)


def _checked(profile: Profile, replicas: int, per_replica: float, objective: Objective) -> tuple[int, Outcome]:
    """Many replicas do as few with the same load each: each has its share of the ring, and none helps another."""
    small = min(replicas, _CHECKED_REPLICAS)
    rps = per_replica * small
    duration_s = min(max(_CHECKED_REQUESTS / rps, _SHORTEST_S), _LONGEST_S)
    made = Scenario(profile, Traffic(rps, duration_s).times, duration_s, small, objective=objective)
    made = replace(made, validators=_validators(profile, rps), warm_s=duration_s)
    return small, simulate(made, Fixed(small), seed=0)


def _validators(profile: Profile, rps: float) -> int:
    waves = sum(kind.waves for kind in profile.kinds) / len(profile.kinds)
    return math.ceil(rps * waves * sum(profile.validate_s) / len(profile.validate_s) / _BUSY)
