"""Schedules, prompts, streams and what a run came to: all of a load test that needs no clock."""

import json
import math
import statistics
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.arrivals import Arrivals, part
from loadtest.prompts import Mix
from loadtest.report import summary
from loadtest.rows import Row
from loadtest.selfcheck import SelfCheck
from loadtest.shapes import SHAPES, constant
from loadtest.slo import Slo
from loadtest.stream import Seen, read
from schemas import LiftRequest

PROCESSES = ("poisson", "even", "gamma:2", "gamma:0.5", "mmpp:5")
shapes = st.sampled_from(sorted(SHAPES))
rates = st.floats(0.5, 50)
lengths = st.floats(1, 60)
seeds = st.integers(0, 2**32)


@given(shapes, rates, lengths)
def test_what_a_shape_expects_is_the_integral_of_its_rate(name: str, rate: float, seconds: float) -> None:
    shape, slices = SHAPES[name](rate, seconds), 2_000
    middles = (shape.rate((i + 0.5) * seconds / slices) for i in range(slices))
    assert shape.expected(seconds) == pytest.approx(sum(middles) * seconds / slices, rel=0.01)
    assert max(value for _, value in shape.points) == pytest.approx(rate)


@given(shapes, rates, lengths, st.floats(0, 0.999))
def test_a_shape_says_when_so_many_are_expected(name: str, rate: float, seconds: float, share: float) -> None:
    shape = SHAPES[name](rate, seconds)
    wanted = share * shape.expected(seconds)
    assert shape.expected(shape.second(wanted)) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@given(st.sampled_from(PROCESSES), shapes, rates, seeds)
def test_a_schedule_rises_within_its_run_and_is_the_same_for_the_same_seed(
    process: str, name: str, rate: float, seed: int
) -> None:
    shape = SHAPES[name](rate, 20)
    due = Arrivals.parse(process).due(shape, seed)
    assert list(due) == sorted(due)
    assert all(0 <= second <= 20 for second in due)
    assert due == Arrivals.parse(process).due(shape, seed)


@given(st.lists(st.floats(0, 100)).map(tuple), st.integers(1, 9))
def test_the_workers_shares_are_together_the_schedule(due: tuple[float, ...], parts: int) -> None:
    shares = [share for index in range(parts) for share in part(due, index, parts)]
    assert sorted(shares) == list(enumerate(due))


@pytest.mark.parametrize(("process", "variation"), [("poisson", 1), ("even", 0), ("gamma:2", 2), ("gamma:0.5", 0.5)])
def test_gaps_have_the_mean_and_the_variation_of_their_process(process: str, variation: float) -> None:
    due = Arrivals.parse(process).due(constant(100, 200), seed=7)
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert statistics.mean(gaps) == pytest.approx(0.01, rel=0.06)
    assert statistics.stdev(gaps) * 100 == pytest.approx(variation, rel=0.06, abs=1e-6)


def test_bursts_keep_the_mean_rate_and_bunch_what_arrives() -> None:
    due = Arrivals.parse("mmpp:10").due(constant(100, 600), seed=7)
    counts = [0] * 600
    for second in due:
        counts[int(second)] += 1
    assert statistics.mean(counts) == pytest.approx(100, rel=0.05)
    assert statistics.variance(counts) > 2 * statistics.mean(counts), "a Poisson process has 1"


@pytest.mark.parametrize("text", ["0.5\n2\n1\n99\n", '{"due_s": 2}\n{"due_s": 0.5, "status": 200}\n{"due_s": 1}\n'])
def test_a_trace_is_replayed_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_text(text, encoding="utf-8")
    assert Arrivals.parse(f"replay:{path}").due(constant(1, 10), seed=1) == (0.5, 1, 2)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("uniform", "none of poisson"),
        ("poisson:3", "none of poisson"),
        ("gamma:x", "gamma:x"),
        ("gamma:0", "above 0"),
        ("mmpp:1", "above 1"),
        ("replay:/nowhere", "No such file"),
    ],
)
def test_arrivals_that_are_none_are_refused_by_name(said: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Arrivals.parse(said)


@given(seeds, st.integers(0, 400), st.floats(0, 1))
def test_prompts_share_the_beginning_that_was_asked_for_and_nothing_else(seed: int, words: int, shared: float) -> None:
    mix = Mix(seed, words, shared)
    first, second = mix.prompt(0), mix.prompt(1)
    assert LiftRequest(prompt=first).prompt == first == mix.prompt(0)
    alike = round(words * shared)
    assert first.split()[:alike] == second.split()[:alike]
    assert first.split()[alike : alike + 2] != second.split()[alike : alike + 2], "the salt"


@pytest.mark.parametrize(
    ("said", "slo"),
    [("", Slo()), ("total=40,ttft=2", Slo(total=40, ttft=2)), ("ttft=0.5", Slo(ttft=0.5))],
)
def test_an_objective_is_read(said: str, slo: Slo) -> None:
    assert Slo.parse(said) == slo


@pytest.mark.parametrize("said", ["total", "total=x", "total=-1", "total=inf", "p99=3"])
def test_an_objective_that_is_none_is_refused_by_name(said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Slo.parse(said)


def test_a_stream_is_read_past_comments_and_what_is_cut_off_is_left_out() -> None:
    problem = {"event": "problem", "problem": {"title": "Busy", "status": 503, "detail": "later"}}
    wire = f": ping\n\nevent: problem\ndata: {json.dumps(problem)}\n\ndata: {{".encode()
    seen = Seen()
    for event in read(wire.splitlines(keepends=True)):
        seen.add(event, 1.5)
    assert seen.problem
    assert (seen.problem.status, seen.first_output_s) == (503, None)


def row(number: int, latency_s: float = 1.0, **other: object) -> Row:
    told = {"number": number, "due_s": number, "lag_s": 0.001, "latency_s": latency_s, "status": 200} | other
    return Row.model_validate(told)


def test_goodput_counts_what_came_in_time_and_passed() -> None:
    rows = [
        row(0, verdict="verified", first_output_s=0.5),
        row(1, verdict="rejected", first_output_s=0.5),
        row(2, 9.0, verdict="verified", first_output_s=0.5),
        row(3, verdict="likely", first_output_s=3.0),
        row(4, status=503, error="503: Busy"),
    ]
    told = summary(rows, due=5, seconds=10, slo=Slo(total=5, ttft=2))
    assert (told["attainment"], told["goodput_per_s"]) == (0.4, 0.1)
    assert told["statuses"] == {"200": 4, "503": 1}
    assert told["errors"] == {"503: Busy": 1}
    assert told["seconds"]["total"]["max"] == 9.0


@pytest.mark.parametrize(
    ("lag_s", "due", "faults"), [(0.005, 100, 0), (0.006, 100, 1), (0.0, 101, 0), (0.0, 102, 1), (0.1, 200, 2)]
)
def test_a_run_counts_only_if_its_requests_left_in_time(lag_s: float, due: int, faults: int) -> None:
    assert len(SelfCheck.of([row(n, lag_s=lag_s) for n in range(100)], due).faults) == faults


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([], "nothing was sent"),
        ([row(0, status=401)], "--api-key"),
        ([row(0, status=0)], "not one request was answered"),
        (
            [row(n, **({"verdict": "verified"} if n < 5 else {"status": 0})) for n in range(10)],
            "after 4.0 s not one of 5",
        ),
    ],
)
def test_the_report_says_what_went_wrong_on_the_whole(rows: list[Row], note: str) -> None:
    [said] = summary(rows, due=10, seconds=10, slo=Slo(total=math.inf))["notes"]
    assert note in said
