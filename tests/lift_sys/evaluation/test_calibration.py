"""The threshold of `verified`, fitted on rows."""

import pytest

from lift_sys.evaluation.calibration import fit
from lift_sys.evaluation.rows import Row
from lift_sys.validation.levels import Grounds


def rows(agreement: float, right: int, wrong: int, grounds: Grounds = "confirmed") -> list[Row]:
    return [
        Row(
            task=f"{agreement}/{grounds}/{i}", arm="service", seed=0, level="likely", base=True, plus=i < right,
            agreement=agreement, grounds=grounds,
        )
        for i in range(right + wrong)
    ]  # fmt: skip


LADDER = [*rows(0.25, 5, 5), *rows(0.5, 19, 1), *rows(1.0, 20, 0)]


@pytest.mark.parametrize(
    ("precision", "threshold", "coverage"),
    [(0.85, 0.25, 1.0), (0.95, 0.5, 0.8), (0.99, 1.0, 0.4)],
)
def test_the_lowest_threshold_that_is_right_often_enough_is_taken(
    precision: float, threshold: float, coverage: float
) -> None:
    found = fit(LADDER, precision)
    assert (found.threshold, found.coverage) == (threshold, coverage)
    assert found.precision >= precision


def test_where_nothing_is_right_often_enough_the_highest_is_taken() -> None:
    assert fit(rows(0.5, 1, 1) + rows(0.9, 1, 1), 0.99).threshold == 0.9


@pytest.mark.parametrize("grounds", ["refuted", "doubted", "unstated"])
def test_what_cannot_be_verified_counts_in_the_coverage_only(grounds: Grounds) -> None:
    found = fit([*LADDER, *rows(1.0, 0, 50, grounds)], 0.95)
    assert (found.threshold, found.coverage, found.precision) == (0.5, 0.4, 0.975)


def test_what_holds_on_all_rows_is_told_beside_what_holds_on_tasks_left_out() -> None:
    lucky = [*rows(0.5, 19, 1), *rows(0.49, 1, 0), *rows(1.0, 20, 0)]
    found = fit(lucky, 0.976)
    assert found.held_out_precision <= found.precision
    assert found.held_out_coverage <= 1.0
