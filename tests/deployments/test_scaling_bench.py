"""What `lift bench scaling` concludes from what it saw."""

import json
from pathlib import Path

import pytest

from deployments.bench.plots import draw
from deployments.bench.scaling import Asked, Phase, Replicas, Run, p99, reversals, step_to_start_s, summary


@pytest.mark.parametrize(
    ("numbers", "times"), [([1, 1, 1], 0), ([1, 2, 3, 3], 0), ([3, 2, 1], 0), ([1, 3, 2], 1), ([1, 2, 1, 1, 2], 2)]
)
def test_a_flap_is_a_turn(numbers: list[int], times: int) -> None:
    assert reversals(numbers) == times


@pytest.mark.parametrize(
    ("wanted", "seconds"), [([1, 1, 1, 2, 3], 1.0), ([1, 1, 1, 1, 1], None), ([2, 2, 1, 1, 3], 2.0)]
)
def test_a_start_counts_from_the_step(wanted: list[int], seconds: float | None) -> None:
    seen = [Replicas(float(second), 1, number - 1) for second, number in enumerate(wanted)]
    assert step_to_start_s(seen, 2.0) == seconds


def test_p99_is_one_that_was_seen() -> None:
    assert p99([float(n) for n in range(1, 101)]) == 99.0
    assert p99([]) is None


RUN = Run(
    phases=(Phase(1, 4), Phase(2, 4)),
    asked=tuple(Asked(second, 0.5, 200 if second else 500) for second in range(8)),
    replicas=tuple(Replicas(second, 1 if second < 6 else 2, second == 5) for second in range(8)),
    terms=((0.2, {"requests": 0.5}), (4.1, {"requests": 1.6})),
)


def test_a_run_becomes_figures_and_a_timeline() -> None:
    found = summary(RUN)
    assert (found["step_to_start_s"], found["flaps"], found["failed"]) == (1.0, 0, 1)
    assert [one["terms"]["requests"] for one in found["timeline"]] == [0.5] * 4 + [1.6] * 4
    assert [one["running"] for one in found["timeline"]] == [1] * 5 + [2] * 3


def test_a_timeline_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "step.json"
    result = {"command": "lift bench scaling x.yaml", "machine": "here", "date": "today"}
    content = {**result, "summary": {"ours": summary(RUN), "default": summary(RUN)}}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert draw(path).read_bytes().startswith(b"\x89PNG")
