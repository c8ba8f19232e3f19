"""From how much agreement on code is `verified`: fitted on rows of an evaluation, and tried on tasks left out."""

import random
from collections.abc import Sequence

from lift_sys.evaluation.rows import Row
from schemas.wire import Wire


class Fit(Wire):
    """A threshold, and what becomes of it on tasks that it was not fitted on."""

    threshold: float
    precision: float
    """Of the rows used for fitting: the share of those at the threshold or above that are right."""
    coverage: float
    """The share of all rows that are."""
    held_out_precision: float
    held_out_coverage: float
    folds: int


def fit(rows: Sequence[Row], precision: float, folds: int = 10) -> Fit:
    """The lowest threshold of agreement that is right as often as asked for, or the highest there is.

    Only rows in which an example of the user holds and nothing speaks against it can be verified; the others count in
    the coverage. Folds are of tasks, so that the seeds of one stay together.
    """
    threshold = _lowest(rows, precision)
    tasks = sorted({row.task for row in rows})
    random.Random(0).shuffle(tasks)
    verified: list[Row] = []
    for k in range(folds):
        out = set(tasks[k::folds])
        found = _lowest([row for row in rows if row.task not in out], precision)
        verified += _above([row for row in rows if row.task in out], found)
    above = _above(rows, threshold)
    return Fit(
        threshold=threshold,
        precision=_right(above),
        coverage=round(len(above) / len(rows), 4),
        held_out_precision=_right(verified),
        held_out_coverage=round(len(verified) / len(rows), 4),
        folds=folds,
    )


def _lowest(rows: Sequence[Row], precision: float) -> float:
    """Of the agreements seen, the lowest from which on so many are right; the highest where none is."""
    seen = sorted({row.agreement for row in rows if _may_be_verified(row) and row.agreement is not None})
    return next((one for one in seen if _right(_above(rows, one)) >= precision), seen[-1] if seen else 1.0)


def _above(rows: Sequence[Row], threshold: float) -> list[Row]:
    return [row for row in rows if _may_be_verified(row) and (row.agreement or 0.0) >= threshold]


def _may_be_verified(row: Row) -> bool:
    return row.grounds == "confirmed"


def _right(rows: Sequence[Row]) -> float:
    return round(sum(row.plus for row in rows) / len(rows), 4) if rows else 0.0
