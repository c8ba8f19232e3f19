"""What rows add up to: shares, precision and coverage of a verdict, and a paired comparison with the first arm."""

from typing import Any

import pytest

from lift_sys.evaluation.rows import Row
from lift_sys.evaluation.summary import summarise


def row(task: int, arm: str, plus: bool, **what: Any) -> Row:
    return Row(task=str(task), arm=arm, seed=0, level=what.pop("level", None), base=True, plus=plus, **what)


ROWS = [
    *(row(i, "direct", i < 5, completion_tokens=100) for i in range(10)),
    *(
        row(
            i,
            "service",
            i < 8,
            level="verified" if i < 4 or i == 9 else "likely",
            agreement=1.0 if i < 5 else 0.6,
            samples=4,
            right=2 if i < 9 else 0,
            completion_tokens=300,
        )
        for i in range(10)
    ),
]


def test_an_arm_is_summed_up() -> None:
    service = summarise(ROWS)["service"]
    assert (service["tasks"], service["base"], service["plus"], service["oracle"]) == (10, 1.0, 0.8, 0.9)
    assert service["mean_sample"] == pytest.approx(0.45)
    assert service["levels"] == {
        "verified": {"coverage": 0.5, "precision": 0.8},
        "likely": {"coverage": 0.5, "precision": 0.8},
    }
    assert service["calibration"] == [
        {"from": 0.5, "answers": 5, "right": 0.6},
        {"from": 1.0, "answers": 5, "right": 1.0},
    ]


def test_arms_are_compared_task_by_task_with_the_first() -> None:
    gain = summarise(ROWS)["service"]["over direct"]
    assert (gain["points"], gain["tokens_ratio"]) == (30.0, 3.0)
    low, high = gain["points_interval"]
    assert 0 <= low < 30 < high <= 70
    assert "over direct" not in summarise(ROWS)["direct"]


def test_an_error_is_an_answer_that_is_not_right() -> None:
    failed = row(10, "service", False, level="error").model_copy(update={"base": False})
    service = summarise([*ROWS, failed])["service"]
    assert (service["errors"], service["tasks"]) == (1, 11)
    assert service["plus"] == pytest.approx(8 / 11, abs=1e-4)
