from itertools import pairwise
from pathlib import Path
from random import Random
from typing import get_args

import pytest

from lift_sys.simulation.arrivals import Shape, Traffic, replayed


@pytest.mark.parametrize("shape", get_args(Shape))
def test_arrivals_rise_end_in_time_and_are_as_many_as_asked(shape: Shape) -> None:
    traffic = Traffic(50, 2_000, shape, swing=0.5, period_s=500, cv=2, calm_s=20, burst_s=5)
    times = list(traffic.times(Random(1)))
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 2_000
    # The step is low for a quarter of the time.
    expected = 50 * 2_000 * (1 - 0.5 / 4 if shape == "step" else 1)
    assert len(times) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("shape", "spread"), [("poisson", 1.0), ("gamma", 3.0)])
def test_the_gaps_are_as_unequal_as_asked(shape: Shape, spread: float) -> None:
    times = list(Traffic(50, 2_000, shape, cv=3.0).times(Random(1)))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert deviation / mean == pytest.approx(spread, rel=0.1)


def test_a_day_has_its_trough_and_its_peak_where_the_phase_puts_them() -> None:
    def counts(phase: float) -> list[int]:
        times = list(Traffic(50, 1_000, "diurnal", swing=0.8, period_s=1_000, phase=phase).times(Random(1)))
        return [sum(quarter <= at_s / 250 < quarter + 1 for at_s in times) for quarter in range(4)]

    from_trough, from_peak = counts(0.0), counts(0.5)
    assert min(from_trough[1:3]) > 2 * max(from_trough[0], from_trough[3])
    assert min(from_peak[0], from_peak[3]) > 2 * max(from_peak[1:3])


def test_a_trace_is_replayed_from_its_first_line(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text("1000.5\n1001\n1001\n1004.25\n", encoding="utf-8")
    assert list(replayed(trace).times(Random())) == [0, 0.5, 0.5, 3.75]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1\n2\nnoon\n", ":3: 'noon' is no number of seconds"),
        ("1\n3\n2\n", ":3: 2 s is not after what stands above; sort the trace"),
        ("1\nnan\n", ":2: nan s is not after"),
        ("1\n", "has 1 arrivals; a trace needs two or more"),
    ],
)
def test_a_trace_that_is_none_is_refused_by_its_line(tmp_path: Path, text: str, why: str) -> None:
    trace = tmp_path / "trace"
    trace.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="trace") as refused:
        replayed(trace)
    assert why in str(refused.value)
