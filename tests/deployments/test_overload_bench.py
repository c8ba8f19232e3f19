"""What `lift bench overload` concludes from what it saw."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.bench.overload import Asked, Step, knee, summary
from deployments.bench.plots import draw
from deployments.cli.bench import bench


def step(offered_per_s: float, good: int, late: int = 0, refused: int = 0) -> Step:
    """Ten seconds of it."""
    kinds = [(0.5, 200, True)] * good + [(9.0, 200, True)] * late + [(0.01, 429, False)] * refused
    return Step(offered_per_s, 10, tuple(Asked(offered_per_s, 0, 0, *kind) for kind in kinds))


def test_goodput_is_verified_and_in_time() -> None:
    assert step(5, good=30, late=15, refused=5).goodput_per_s(objective_s=1) == 3.0
    assert step(5, good=30, late=15, refused=5).goodput_per_s(objective_s=10) == 4.5


@pytest.mark.parametrize(
    ("ladder", "found"),
    [
        ([step(1, 10), step(2, 20), step(3, 20, late=10)], 2),
        ([step(1, 10), step(2, 15, refused=5), step(3, 30)], 1),
        ([step(1, 5, late=5), step(2, 20)], None),
    ],
)
def test_the_knee_is_the_last_load_before_answers_are_late_or_refused(ladder: list[Step], found: float | None) -> None:
    assert knee(ladder, objective_s=1) == found


def test_a_plateau_is_told_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    told = summary([step(1, 10), step(2, 20)], [step(2, 20), step(4, 20, refused=20), step(6, 19, refused=41)], 1)
    assert told["goodput_at_3x"] == 0.95
    assert told["beyond"][-1]["statuses"] == {"200": 19, "429": 41}
    path = tmp_path / "overload.json"
    path.write_text(
        json.dumps({"command": "lift bench overload x.yaml", "machine": "here", "date": "today", "summary": told}),
        encoding="utf-8",
    )
    assert draw(path).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("rates", ["", "a", "2,1", "0,1"])
def test_loads_that_do_not_rise_are_refused(rates: str) -> None:
    root = Path(__file__).parents[2]
    done = CliRunner().invoke(bench, ["overload", str(root / "cluster" / "bench.overload.yaml"), "--rates", rates])
    assert done.exit_code != 0
    assert "rising numbers" in done.output
