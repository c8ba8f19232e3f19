"""The search for a service's capacity, its intervals, and a result beside an earlier one: all without a clock."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.capacity import Point, Probe, Search, against, capacity_interval
from loadtest.interval import Interval, crossing
from loadtest.rows import Row
from loadtest.slo import Slo

rates = st.floats(0.1, 100)
SLO = Slo(total=2)


@given(true=rates, begin=rates, precision=st.floats(0.01, 0.5))
def test_the_search_ends_below_the_capacity_and_near_it(true: float, begin: float, precision: float) -> None:
    tried: list[float] = []

    def meets(rate: float) -> bool:
        tried.append(rate)
        return rate <= true

    found = Search(begin, precision, probes=100).highest(meets)
    assert found is not None
    assert found <= true < found * (1 + precision) * 1.000_001
    assert len(tried) == len(set(tried)), "no rate is asked for twice"


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_the_search_takes_no_more_probes_than_it_may_and_names_only_what_met(outcomes: list[bool]) -> None:
    given_, met = iter(outcomes), []

    def meets(rate: float) -> bool:
        if outcome := next(given_):
            met.append(rate)
        return outcome

    assert Search(1, 0.001, probes=len(outcomes)).highest(meets) == max(met, default=None)


def probe(due: int, latencies: list[float], verdict: str = "verified") -> Probe:
    """Requests that were due and have no latency were not sent."""
    rows = [
        Row.model_validate({"number": n, "due_s": n, "lag_s": 0, "latency_s": taken, "status": 200, "verdict": verdict})
        for n, taken in enumerate(latencies)
    ]
    return Probe(due, due / 10, tuple(rows))


@given(st.integers(1, 200), st.integers(0, 200), st.integers(0, 200))
def test_stretches_lose_no_request(due: int, sent: int, slow: int) -> None:
    sent, slow = min(sent, due), min(slow, sent, due)
    shares = probe(due, [3.0] * slow + [1.0] * (sent - slow)).shares(SLO.met)
    assert all(0 <= share <= 1 for share in shares)
    # Stretches differ by a request at most, and so does the weight of each.
    assert sum(shares) / len(shares) == pytest.approx((sent - slow) / due, abs=1 / 10)


def test_what_was_not_sent_has_missed_and_what_did_not_pass_is_no_goodput() -> None:
    point = Point(10, (probe(20, [1.0] * 10), probe(20, [1.0] * 20, "rejected")), SLO)
    assert point.attainment.value == 0.75
    assert point.goodput.value == pytest.approx(0.25 * 10)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_an_interval_is_around_its_value_and_within_the_data(values: list[float]) -> None:
    found = Interval.of_mean(values)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9 or len(set(values)) > 1


def test_more_data_narrow_an_interval() -> None:
    few, many = (Interval.of_mean([0.0, 1.0] * n) for n in (4, 100))
    assert many.high - many.low < (few.high - few.low) / 3


def test_the_capacity_lies_where_the_attainment_crosses_its_goal() -> None:
    found = crossing([1, 2, 3], [[1.0] * 10, [1.0] * 10, [0.8] * 10], 0.9)
    assert found == Interval(2.5, 2.5, 2.5)
    assert crossing([1, 2], [[1.0] * 4, [0.99] * 4], 0.9) is None, "it meets the goal wherever it was asked"
    assert crossing([1, 2], [[0.5] * 4, [0.4] * 4], 0.9) is None, "and here nowhere"
    rough = crossing([1, 2, 3], [[1.0] * 10, [1.0, 0.9] * 5, [0.6, 1.0] * 5], 0.9)
    assert rough is not None
    assert 2 <= rough.low < rough.value < rough.high <= 3
    assert capacity_interval([Point(2, (probe(20, [3.0] * 20),), SLO), Point(1, (probe(20, [1.0] * 20),), SLO)], 0.5)


def told(low: float, high: float, **other: Any) -> dict[str, Any]:
    good = Interval((low + high) / 2, low, high).told()
    same = {"slo": "total=4", "attain": 0.9, "goodput_verdicts": ["verified"], "precision": 0.1}
    return {**same, "goodput_per_s": good, **other}


@pytest.mark.parametrize(
    ("now", "before", "word"),
    [
        (told(3, 4), told(3.5, 5), "alike"),
        (told(3, 4), told(4.2, 5), "alike"),  # apart, but by no more than the search can tell
        (told(3, 4), told(4.5, 5), "worse"),
        (told(5, 6), told(3, 4), "better"),
        (told(0, 0, goodput_per_s=None), told(3, 4), "worse"),
    ],
)
def test_only_a_difference_beyond_both_intervals_is_one(now: Any, before: Any, word: str) -> None:
    assert against(now, before).word == word


@given(st.tuples(rates, rates, rates, rates))
def test_the_gate_sees_the_same_from_both_sides(values: tuple[float, float, float, float]) -> None:
    ours, theirs = told(*sorted(values[:2])), told(*sorted(values[2:]))
    turned = {"worse": "better", "better": "worse", "alike": "alike"}
    assert against(ours, theirs).word == turned[against(theirs, ours).word]
    assert against(ours, ours).word == "alike"


def test_results_with_other_objectives_are_not_compared() -> None:
    with pytest.raises(ValueError, match="slo is 'total=4' here and 'total=5' there"):
        against(told(3, 4), told(3, 4, slo="total=5"))
