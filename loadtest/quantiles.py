"""Quantiles of what was measured."""

import math
from collections.abc import Sequence

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def quantile(values: Sequence[float], share: float) -> float | None:
    """The least value that this share of them does not exceed; None of none."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def quantiles(values: Sequence[float]) -> dict[str, float | None]:
    return {name: quantile(values, share) for name, share in SHARES.items()}
