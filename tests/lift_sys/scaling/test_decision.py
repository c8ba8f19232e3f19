"""The decision about replicas: what it promises for whatever it is told, and what it says of itself."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lift_sys.scaling import Decision, EngineScaling, Load, Pace, Seen, State, ValidatorScaling, decide

ENGINE = EngineScaling(max_replicas=20, concurrency=10, down_delay_s=5, guard_delay_s=5)
TO_ZERO = ENGINE.model_copy(update={"min_replicas": 0, "idle_to_zero_s": 20.0})
VALIDATOR = ValidatorScaling(max_replicas=20, sandboxes=4, down_delay_s=5)
TICK_S = 1.0

policies = st.sampled_from([ENGINE, TO_ZERO, VALIDATOR])
amounts = st.floats(0, 1e6)
anything = st.floats()  # NaN, infinities and negative ones too
loads = st.builds(Load, amounts, amounts, amounts, st.just(50_000.0), amounts)
words = st.builds(Load, anything, anything, anything, anything, anything, anything)
states = st.builds(State, anything, amounts, st.integers(0, 20), amounts, amounts)


@st.composite
def sights(draw: st.DrawFn, load: st.SearchStrategy[Load] = words, number: st.SearchStrategy[float] = anything) -> Seen:
    """Some of the replicas that run say something."""
    told = draw(st.lists(load, max_size=6))
    running = len(told) + draw(st.integers(0, 3))
    target = draw(st.integers(0, 25))
    return Seen(draw(number), target, running, tuple(told), draw(number), draw(st.none() | number))


def shared(total: Load, running: int) -> tuple[Load, ...]:
    """The same load on however many replicas."""
    if not running:
        return ()
    part = Load(
        running=total.running / running,
        used_tokens=total.used_tokens / running,
        capacity_tokens=50_000,
        uncached_tokens=total.uncached_tokens / running,
    )
    return (part,) * running


def course(
    settings: Pace, total: Load, *, start: int = 1, ready_s: int = 3, guard: float | None = None, ticks: int = 120
) -> Iterator[Decision]:
    """Decisions under a constant load, where a new replica takes some seconds to start."""
    state, target, begun = State(), start, [-ready_s] * start
    for tick in range(ticks):
        running = sum(tick - since >= ready_s for since in begun)
        queued = 0.0 if running else total.running
        seen = Seen(tick * TICK_S, target, running, shared(total, running), queued, guard)
        decision, state = decide(settings, state, seen)
        target = decision.replicas
        begun = (begun + [tick] * (target - len(begun)))[:target]
        yield decision


@given(policies, states, sights())
def test_whatever_it_is_told_it_stays_within_its_bounds(settings: Pace, state: State, seen: Seen) -> None:
    decision, after = decide(settings, state, seen)
    assert settings.min_replicas <= decision.replicas <= settings.max_replicas
    assert all(math.isfinite(term) and term >= 0 for term in decision.terms.values())
    assert decision.reason
    assert after.idle_for_s >= 0


@given(policies, states, sights())
def test_a_step_is_bounded_both_ways(settings: Pace, state: State, seen: Seen) -> None:
    decision, _ = decide(settings, state, seen)
    start = min(max(seen.target, settings.min_replicas), settings.max_replicas)
    most_up = seen.running + max(settings.most_up_step, math.ceil(seen.running * settings.most_up_share))
    assert decision.replicas <= max(start, most_up)
    assert start - decision.replicas <= max(1, start * settings.most_down_share)


@given(policies, states, sights(), st.sampled_from(["running", "waiting", "used_tokens", "uncached_tokens"]), amounts)
def test_more_load_never_asks_for_fewer(settings: Pace, state: State, seen: Seen, of: str, more: float) -> None:
    seen = replace(
        seen, replicas=tuple(Load(2, 1, 9_000, 50_000, 500) for _ in seen.replicas), running=len(seen.replicas)
    )
    if not seen.replicas:
        return
    first = replace(seen.replicas[0], **{of: getattr(seen.replicas[0], of) + more})
    heavier = replace(seen, replicas=(first, *seen.replicas[1:]))
    assert decide(settings, state, heavier)[0].replicas >= decide(settings, state, seen)[0].replicas


@given(states, sights(loads, amounts), amounts)
def test_a_longer_queue_never_asks_for_fewer(state: State, seen: Seen, more: float) -> None:
    longer = replace(seen, queued=seen.queued + more)
    assert decide(ENGINE, state, longer)[0].replicas >= decide(ENGINE, state, seen)[0].replicas


@given(policies, loads, st.integers(1, 20), st.integers(0, 30))
def test_a_constant_load_turns_it_at_most_once(settings: Pace, total: Load, start: int, ready_s: int) -> None:
    numbers = [start, *(decision.replicas for decision in course(settings, total, start=start, ready_s=ready_s))]
    ways = [after > before for before, after in pairwise(numbers) if after != before]
    assert len(set(ways)) <= 1, numbers


@given(states, sights())
def test_what_is_not_known_takes_no_replica_away(state: State, seen: Seen) -> None:
    told = replace(seen, replicas=(), running=max(seen.running, 1), target=min(max(seen.target, 1), 20))
    for blind in (told, replace(seen, queued=math.nan), replace(seen, guard=math.nan)):
        assert decide(ENGINE, state, blind)[0].replicas >= min(max(blind.target, 1), 20)


@given(states, sights(loads, amounts))
def test_no_replica_goes_while_anything_waits(state: State, seen: Seen) -> None:
    waiting = replace(seen, queued=seen.queued + 1, target=min(seen.target, 20))
    assert decide(TO_ZERO, state, waiting)[0].replicas >= waiting.target


@given(st.lists(anything, min_size=1, max_size=20))
def test_a_clock_that_jumps_ends_no_delay(times: Sequence[float]) -> None:
    """An idle replica of two may go after 5 s at the soonest, and one jump counts as 10 s at most."""
    patient = ENGINE.model_copy(update={"down_delay_s": 10.0 * len(times) + 1})
    state = State()
    for at_s in times:
        decision, state = decide(patient, state, Seen(at_s, 2, 2, (Load(), Load())))
        assert decision.replicas == 2


REASONS: dict[str, tuple[Seen, int, str, str]] = {
    "requests": (Seen(0, 1, 1, (Load(running=25),)), 3, "up", "requests asks for 2.5"),
    "tokens": (Seen(0, 1, 1, (Load(used_tokens=70_000, capacity_tokens=50_000),)), 2, "up", "tokens asks for 2"),
    "prompts": (Seen(0, 1, 1, (Load(uncached_tokens=20_000),)), 3, "up", "prefill asks for 2.5"),
    "the guard": (Seen(0, 3, 3, (Load(running=1),) * 3, guard=1.5), 4, "up", "guard asks for 4"),
    "a guard near its limit": (Seen(0, 3, 3, (Load(),) * 3, guard=0.8), 3, "steady", "guard asks for 3"),
    "replicas that start": (Seen(0, 3, 1, (Load(running=25),)), 3, "steady", "requests asks for 2.5"),
    "a queue": (Seen(0, 0, 0, queued=1), 1, "up", "requests asks for 0.1"),
    "a flood": (Seen(0, 1, 1, (Load(running=999),)), 5, "pinned", "requests asks for 99.9"),
    "a silent replica": (Seen(0, 2, 2, (Load(),)), 2, "held", "1 of 2 replicas say nothing"),
    "a stale replica": (Seen(0, 1, 1, (Load(running=25, age_s=11),)), 1, "held", "1 of 1 replicas say nothing"),
    "a lie": (Seen(0, 1, 1, (Load(running=1e300),)), 1, "held", "1 of 1 replicas say nothing"),
    "an unknown guard": (Seen(0, 1, 1, (Load(),), guard=math.nan), 1, "held", "the guard is not known"),
    "an unknown queue": (Seen(0, 1, 1, (Load(),), queued=math.inf), 1, "held", "queued is not known"),
}


@pytest.mark.parametrize(("seen", "replicas", "cause", "reason"), REASONS.values(), ids=REASONS)
def test_it_says_why(seen: Seen, replicas: int, cause: str, reason: str) -> None:
    decision, _ = decide(TO_ZERO, State(), seen)
    assert (decision.replicas, decision.cause) == (replicas, cause)
    assert reason in decision.reason


def test_it_goes_to_zero_after_the_idle_time_and_not_before() -> None:
    numbers = [decision.replicas for decision in course(TO_ZERO, Load(), start=1)]
    assert numbers.index(0) == 20
    assert set(numbers[20:]) == {0}


def test_where_zero_is_not_allowed_one_stays() -> None:
    assert {decision.replicas for decision in course(ENGINE, Load(), start=1)} == {1}


def test_a_guard_that_goes_on_burning_gets_a_replica_at_a_time() -> None:
    numbers = [decision.replicas for decision in course(ENGINE, Load(running=5), guard=2.0, ticks=12)]
    assert numbers == [2] * 5 + [3] * 5 + [4] * 2


def test_it_comes_down_by_halves_after_the_delay() -> None:
    numbers = [decision.replicas for decision in course(ENGINE, Load(running=5), start=16, ticks=40)]
    assert [after for before, after in pairwise([16, *numbers]) if after != before] == [8, 4, 2, 1]
    assert numbers.index(8) == 5


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_replica": 3}, "max_replica"),
        ({"max_replicas": 0}, "max_replicas"),
        ({"min_replicas": 3, "max_replicas": 2}, "min_replicas is 3"),
        ({"min_replicas": 0}, "idle_to_zero_s and min_replicas: 0"),
        ({"idle_to_zero_s": 300}, "idle_to_zero_s and min_replicas: 0"),
        ({"token_share": 1.5}, "token_share"),
        ({"concurrency": math.nan}, "concurrency"),
        ({"down_delay_s": -1}, "down_delay_s"),
        ({"most_up_step": 0}, "most_up_step"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        EngineScaling.model_validate(wrong)
