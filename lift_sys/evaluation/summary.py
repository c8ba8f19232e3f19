"""What the rows of an evaluation say, arm by arm and against the first arm."""

from collections.abc import Callable, Iterable, Sequence
from statistics import mean
from typing import Any, NamedTuple

from lift_sys.evaluation.rows import Row

LEVELS = ("verified", "likely", "unverified", "rejected")
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)
"""Borders of the calibration curve's bins of agreement; the last one is of 1 alone."""


class Price(NamedTuple):
    """Dollars for a million tokens."""

    prompt: float
    completion: float

    def of(self, row: Row) -> float:
        return (row.prompt_tokens * self.prompt + row.completion_tokens * self.completion) / 1e6


def summarise(rows: Sequence[Row], price: Price | None = None) -> dict[str, Any]:
    """By arm. The first arm is what the others are compared with, task by task and seed by seed."""
    arms = {name: [row for row in rows if row.arm == name] for name in dict.fromkeys(row.arm for row in rows)}
    first = next(iter(arms), "")
    return {
        name: {
            **_arm(of),
            **_dollars(of, price),
            **({} if name == first else {f"over {first}": _gain(of, arms[first])}),
        }
        for name, of in arms.items()
    }


def _arm(rows: Sequence[Row]) -> dict[str, Any]:
    answered = [row for row in rows if row.level != "error"]
    return {
        "tasks": len({row.task for row in rows}),
        "seeds": len({row.seed for row in rows}),
        "errors": len(rows) - len(answered),
        "base": _share(row.base for row in rows),
        "plus": _share(row.plus for row in rows),
        "plus_interval": _interval(rows, lambda row: row.plus),
        **_sampled([row for row in rows if row.samples]),
        "levels": {level: _level(rows, level) for level in LEVELS if any(row.level == level for row in rows)},
        **_repaired([row for row in rows if row.repaired], len(rows)),
        "calibration": _calibration(rows),
        "completion_tokens": round(mean(row.completion_tokens for row in rows), 1),
        "prompt_tokens": round(mean(row.prompt_tokens for row in rows), 1),
        "seconds": round(mean(row.seconds for row in rows), 3),
    }


def _share(values: Iterable[float]) -> float:
    return round(mean(values), 4)


def _sampled(rows: Sequence[Row]) -> dict[str, Any]:
    if not rows:
        return {}
    return {
        "samples": round(mean(row.samples for row in rows), 2),
        "mean_sample": _share(row.right / row.samples for row in rows),
        "oracle": _share(row.right > 0 for row in rows),
    }


def _repaired(rows: Sequence[Row], of: int) -> dict[str, Any]:
    """How often all was rejected and had to be mended, and how often that is right then."""
    return {"repaired": {"share": round(len(rows) / of, 4), "right": _share(row.plus for row in rows)}} if rows else {}


def _dollars(rows: Sequence[Row], price: Price | None) -> dict[str, float]:
    return {"usd": round(mean(map(price.of, rows)), 8)} if price else {}


def _level(rows: Sequence[Row], level: str) -> dict[str, float]:
    """`coverage`: how often this is the verdict. `precision`: how often code of that verdict is right."""
    of = [row for row in rows if row.level == level]
    return {"coverage": _share(row.level == level for row in rows), "precision": _share(row.plus for row in of)}


def _calibration(rows: Sequence[Row]) -> list[dict[str, float]]:
    """How often code is right, by how far the variations agree on it."""
    known = [(row.agreement, row.plus) for row in rows if row.agreement is not None]
    curve = []
    for low, high in zip(BINS, (*BINS[1:], 2.0), strict=True):
        inside = [right for agreement, right in known if low <= agreement < high]
        if inside:
            curve.append({"from": low, "answers": len(inside), "right": _share(inside)})
    return curve


def _gain(rows: Sequence[Row], base: Sequence[Row]) -> dict[str, Any]:
    """Of tasks that both arms were asked, seed by seed: the difference in `plus`, and the ratio of tokens."""
    other = {(row.task, row.seed): row for row in base}
    pairs = [(row, other[row.task, row.seed]) for row in rows if (row.task, row.seed) in other]
    if not pairs:
        return {}
    return {
        "points": round(100 * mean(row.plus - before.plus for row, before in pairs), 2),
        "points_interval": [round(100 * end, 2) for end in _interval(pairs, lambda p: p[0].plus - p[1].plus)],
        "tokens_ratio": round(
            sum(row.completion_tokens for row, _ in pairs) / max(1, sum(b.completion_tokens for _, b in pairs)), 3
        ),
    }


def _interval(items: Sequence[Any], value: Callable[[Any], float]) -> list[float]:
    """95 % percentile bootstrap of the mean over tasks (Efron, 1979): seeds of one task stay together."""
    from scipy.stats import bootstrap  # a second to import

    by_task: dict[str, list[float]] = {}
    for item in items:
        row = item if isinstance(item, Row) else item[0]
        by_task.setdefault(row.task, []).append(float(value(item)))
    means = [mean(values) for values in by_task.values()]
    if len(set(means)) < 2:
        return [round(means[0], 4)] * 2
    import numpy as np

    found = bootstrap((means,), np.mean, n_resamples=2_000, method="percentile", rng=np.random.default_rng(0))
    return [round(float(found.confidence_interval.low), 4), round(float(found.confidence_interval.high), 4)]
