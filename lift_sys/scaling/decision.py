"""The decision. What is known can add a replica; what is not known never takes one away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from lift_sys.scaling.load import Load, Seen, is_sound
from lift_sys.scaling.settings import Pace

Cause = Literal["up", "pinned", "steady", "held", "waiting", "down", "idle"]
"""`pinned`: more are asked for than there may be. `held`: something is not known. `waiting`: nothing goes meanwhile."""


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered from one decision to the next. Spans, not times: a clock that jumps cannot end one."""

    at_s: float = math.nan
    low_for_s: float = 0.0
    """How long fewer replicas have been enough."""
    low_peak: int = 0
    """The most that were wanted meanwhile."""
    idle_for_s: float = 0.0
    since_guard_s: float = math.inf
    """Since replicas came because of the guard."""


@dataclass(frozen=True, slots=True)
class Decision:
    replicas: int
    cause: Cause
    reason: str
    terms: Mapping[str, float] = field(default_factory=dict)
    """How many replicas each of them asks for."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is left of what was seen once nothing unsound is believed."""

    terms: dict[str, float]
    work: float
    """Requests of all kinds."""
    waiting: float
    unknown: str
    """What is not known, in words; empty when all is."""

    @property
    def need(self) -> float:
        return max(self.terms.values())

    @property
    def said(self) -> str:
        """The term that asks for most, in words."""
        name = max(self.terms, key=self.terms.__getitem__)
        return f"{name} asks for {self.terms[name]:.3g}"


def decide(settings: Pace, state: State, seen: Seen) -> tuple[Decision, State]:
    """How many replicas there should be. Call it several times in the shortest of the settings' spans."""
    gap_s = _gap_s(settings, state, seen.at_s)
    state = replace(state, at_s=seen.at_s, since_guard_s=state.since_guard_s + gap_s)
    facts = _facts(settings, state, seen)
    idle = not facts.unknown and facts.work == 0
    state = replace(state, idle_for_s=state.idle_for_s + gap_s if idle else 0.0)
    decision = _up(settings, seen, facts)
    if decision is None:
        return _down(settings, state, seen, facts, gap_s)
    by_guard = facts.terms["guard"] > seen.target
    since_guard_s = 0.0 if by_guard and decision.replicas > seen.target else state.since_guard_s
    return decision, replace(state, low_for_s=0.0, low_peak=0, since_guard_s=since_guard_s)


def _gap_s(settings: Pace, state: State, at_s: float) -> float:
    """Since the last decision, as far as a clock can be believed."""
    gap_s = at_s - state.at_s
    return min(max(gap_s, 0.0), settings.stale_after_s) if math.isfinite(gap_s) else 0.0


def _facts(settings: Pace, state: State, seen: Seen) -> _Facts:
    heard = [load for load in seen.replicas if load.is_sound(settings.stale_after_s)]
    queued = seen.queued if is_sound(seen.queued) else 0.0
    guard = 0.0 if seen.guard is None or not is_sound(seen.guard) else seen.guard
    waiting = sum(load.waiting for load in heard) + queued
    return _Facts(
        terms={**settings.needs(heard, queued), "guard": _guard_term(settings, state, seen, guard)},
        work=sum(load.running for load in heard) + waiting,
        waiting=waiting,
        unknown=_unknown(seen, heard),
    )


def _unknown(seen: Seen, heard: list[Load]) -> str:
    if (silent := seen.running - len(heard)) > 0:
        return f"{silent} of {seen.running} replicas say nothing that can be believed"
    if not is_sound(seen.queued):
        return "how many requests are queued is not known"
    if seen.guard is not None and not is_sound(seen.guard):
        return "the guard is not known"
    return ""


def _guard_term(settings: Pace, state: State, seen: Seen, guard: float) -> float:
    """Above 1 it asks for more, a step at a time: how far an objective is missed does not say by how many replicas."""
    if guard > 1 and seen.running >= seen.target and state.since_guard_s >= settings.guard_delay_s:
        return seen.target + max(1, seen.target * settings.guard_step_share) if seen.target else 0.0
    return float(seen.target) if guard > settings.guard_keep else 0.0


def _up(settings: Pace, seen: Seen, facts: _Facts) -> Decision | None:
    """More replicas, where more are needed than run and start."""
    wanted = max(_whole(facts.need), 1 if facts.work else 0)
    if wanted <= seen.target and seen.target >= settings.min_replicas:
        return None
    step = max(settings.most_up_step, math.ceil(seen.running * settings.most_up_share))
    replicas = max(seen.target, min(wanted, seen.running + step))
    cause: Cause = "pinned" if wanted > settings.max_replicas else "up"
    return Decision(_within(settings, replicas), cause, facts.said, facts.terms)


def _down(settings: Pace, state: State, seen: Seen, facts: _Facts, gap_s: float) -> tuple[Decision, State]:
    """Fewer replicas, or as many as there are."""

    def settled(replicas: int, cause: Cause, reason: str, state: State) -> tuple[Decision, State]:
        return Decision(_within(settings, replicas), cause, reason, facts.terms), state

    high = replace(state, low_for_s=0.0, low_peak=0)
    if facts.unknown:
        return settled(seen.target, "held", facts.unknown, high)
    if settings.idle_to_zero_s is not None and state.idle_for_s >= settings.idle_to_zero_s and seen.target <= 1:
        return settled(0, "idle", f"no work for {settings.idle_to_zero_s:g} s", high)
    enough = max(_whole(facts.need / settings.slack), 1, settings.min_replicas)
    if enough >= seen.target:
        return settled(seen.target, "steady", facts.said, high)
    low_for_s = state.low_for_s + gap_s if state.low_peak else 0.0
    low = replace(state, low_for_s=low_for_s, low_peak=max(state.low_peak, enough))
    if facts.waiting > settings.waiting_share * facts.work:
        return settled(seen.target, "waiting", f"{facts.waiting:.3g} requests wait", low)
    if low_for_s < settings.down_delay_s:
        return settled(seen.target, "steady", f"{enough} are enough for {low_for_s:.0f} s", low)
    replicas = max(low.low_peak, seen.target - max(1, int(seen.target * settings.most_down_share)))
    return settled(replicas, "down", f"{low.low_peak} were enough for {low_for_s:.0f} s", high)


def _whole(need: float) -> int:
    return math.ceil(round(need, 6))  # 3.0000000001 is 3


def _within(settings: Pace, replicas: int) -> int:
    return min(max(replicas, settings.min_replicas), settings.max_replicas)
