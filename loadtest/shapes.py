"""How the rate of arrivals changes over a run: straight lines between points."""

import bisect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise


@dataclass(frozen=True)
class Shape:
    points: tuple[tuple[float, float], ...]
    """Seconds from the start, rising or alike (a jump), each with the arrivals a second there."""

    @property
    def seconds(self) -> float:
        return self.points[-1][0]

    def rate(self, second: float) -> float:
        """Arrivals a second at that time; at a jump, what comes after it."""
        index = bisect.bisect_right(self.points, second, key=lambda point: point[0]) - 1
        if not 0 <= index < len(self.points) - 1:
            return 0.0
        (begin, low), (end, high) = self.points[index], self.points[index + 1]
        return low + (high - low) * (second - begin) / (end - begin)

    def expected(self, second: float) -> float:
        """Arrivals until that time: the integral of the rate."""
        index = bisect.bisect_right(self.points, second, key=lambda point: point[0]) - 1
        if index < 0:
            return 0.0
        if index >= len(self.points) - 1:
            return self._until[-1]
        begin, low = self.points[index]
        return self._until[index] + (second - begin) * (low + self.rate(second)) / 2

    def second(self, expected: float) -> float:
        """When so many arrivals are expected: the inverse of `expected`, for less than there are in all."""
        index = bisect.bisect_right(self._until, expected) - 1
        (begin, low), (end, high) = self.points[index], self.points[index + 1]
        wanted = expected - self._until[index]
        slope = (high - low) / (end - begin)
        # The root of low*t + slope*t²/2 = wanted, in the form that no small slope makes inexact.
        reached = low + math.sqrt(max(low * low + 2 * slope * wanted, 0.0))
        return min(begin + 2 * wanted / reached, end) if wanted else begin

    @cached_property
    def _until(self) -> tuple[float, ...]:
        areas = ((end - begin) * (low + high) / 2 for (begin, low), (end, high) in pairwise(self.points))
        return tuple(accumulate(areas, initial=0.0))


def constant(highest: float, seconds: float) -> Shape:
    return Shape(((0, highest), (seconds, highest)))


def soak(highest: float, seconds: float) -> Shape:
    """Up in the first twentieth, then held."""
    return Shape(((0, 0), (seconds / 20, highest), (seconds, highest)))


def ramp(highest: float, seconds: float) -> Shape:
    return Shape(((0, 0), (seconds, highest)))


def step(highest: float, seconds: float) -> Shape:
    """Four loads of equal length, each a quarter higher."""
    return _jumps(seconds, [highest * quarter / 4 for quarter in (1, 2, 3, 4)])


def spike(highest: float, seconds: float) -> Shape:
    """A fifth of the load, and all of it in the middle fifth of the time."""
    return _jumps(seconds, [highest / 5, highest / 5, highest, highest / 5, highest / 5])


def diurnal(highest: float, seconds: float) -> Shape:
    """A day: a tenth of the load at both ends, all of it in the middle, a cosine between, drawn with 48 lines."""
    return Shape(tuple((seconds * i / 48, highest * (0.55 - 0.45 * math.cos(2 * math.pi * i / 48))) for i in range(49)))


def _jumps(seconds: float, rates: list[float]) -> Shape:
    length = seconds / len(rates)
    return Shape(tuple((length * i, rate) for n, rate in enumerate(rates) for i in (n, n + 1)))


SHAPES: Mapping[str, Callable[[float, float], Shape]] = {
    shape.__name__: shape for shape in (constant, soak, ramp, step, spike, diurnal)
}
"""By name, each of its highest rate and the seconds it lasts."""
