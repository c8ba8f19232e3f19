"""Whether something grows, and so much that it matters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import theilslopes

_CONFIDENCE = 0.95
_HOUR_S = 3_600.0
_FEWEST = 5
FLOORS: Mapping[str, float] = {"memory_mb": 64.0, "fds": 30.0, "processes": 2.0, "p99_s": 0.5}
"""An hour. What grows by less is no leak that would end a service within a week."""


@dataclass(frozen=True)
class Slope:
    """Of a quantity, an hour, by Theil and Sen: the median of the slopes between all pairs of samples.

    One outlier, as a collection of garbage, does not move it. Samples that follow each other are alike, so that the
    interval is rather too narrow; the floor makes up for it.
    """

    part: str
    quantity: str
    per_hour: float
    low: float
    high: float
    """Of the interval, 95 %."""

    @property
    def leaks(self) -> bool:
        return self.low > 0 and self.per_hour > FLOORS[self.quantity]

    def told(self) -> dict[str, Any]:
        return {**self.__dict__, "leaks": self.leaks}


def slope(part: str, quantity: str, samples: Sequence[tuple[float, float]]) -> Slope | None:
    """Of seconds and amounts; None of too few to tell."""
    if len(samples) < _FEWEST:
        return None
    at_s, amounts = zip(*samples, strict=True)
    found = theilslopes(amounts, at_s, _CONFIDENCE)
    per_hour, low, high = (round(float(one) * _HOUR_S, 4) for one in (found.slope, found.low_slope, found.high_slope))
    return Slope(part, quantity, per_hour, low, high)
