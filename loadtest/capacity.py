"""The highest rate at which a service meets its objective: probes, what each came to, and the search among rates."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from loadtest.interval import Interval, crossing
from loadtest.rows import Row
from loadtest.slo import Slo

_STRETCH = 10
"""Requests in a row that are drawn together: they met the same queue, so one says little that the next does not."""


@dataclass(frozen=True)
class Probe:
    """A run at one rate with one seed."""

    due: int
    """Requests that were to be sent. One that was not has missed its objective."""
    seconds: float
    rows: tuple[Row, ...]
    is_late: bool = False
    """The load generator's own fault, so that the probe says nothing of the service."""

    def shares(self, counts: Callable[[Row], bool]) -> list[float]:
        """Of the requests that count, in each stretch of the schedule."""
        counted = {row.number for row in self.rows if counts(row)}
        stretches = max(self.due // _STRETCH, 1)
        cuts = [self.due * i // stretches for i in range(stretches + 1)]
        return [sum(n in counted for n in range(a, b)) / (b - a) for a, b in pairwise(cuts) if b > a]


@dataclass(frozen=True)
class Point:
    """What a rate came to, over its probes."""

    rate: float
    probes: tuple[Probe, ...]
    slo: Slo

    @cached_property
    def in_time(self) -> list[float]:
        return [share for probe in self.probes for share in probe.shares(self.slo.met)]

    @cached_property
    def attainment(self) -> Interval:
        return Interval.of_mean(self.in_time)

    @cached_property
    def goodput(self) -> Interval:
        """Answers a second that came in time and passed, of the requests that arrived."""
        arrived = sum(probe.due for probe in self.probes) / sum(probe.seconds for probe in self.probes)
        good = [share for probe in self.probes for share in probe.shares(lambda row: row.passed and self.slo.met(row))]
        return Interval.of_mean(good).times(arrived)

    @property
    def is_late(self) -> bool:
        return any(probe.is_late for probe in self.probes)

    @property
    def rows(self) -> list[Row]:
        return [row for probe in self.probes for row in probe.rows]


@dataclass(frozen=True)
class Search:
    """Doubles or halves until the capacity lies between two rates, then halves what is between them."""

    begin: float
    precision: float
    """Share of the rate by which the capacity is known at the end."""
    probes: int
    """At most."""

    def highest(self, meets: Callable[[float], bool]) -> float | None:
        """The highest rate that was seen to meet the objective; None if none did."""
        low, high, rate = 0.0, math.inf, self.begin
        for _ in range(self.probes):
            low, high = (rate, high) if meets(rate) else (low, rate)
            if high <= low * (1 + self.precision):
                break
            rate = 2 * low if math.isinf(high) else (low + high) / 2
        return low or None


def capacity_interval(points: Sequence[Point], attain: float) -> Interval | None:
    """Where the attainment falls below what is wanted, between the rates that were tried; None if it never does."""
    ordered = sorted(points, key=lambda point: point.rate)
    return crossing([point.rate for point in ordered], [point.in_time for point in ordered], attain)


@dataclass(frozen=True)
class Verdict:
    word: str
    """`worse`, `alike` or `better`."""
    why: str


def against(now: dict[str, Any], before: dict[str, Any]) -> Verdict:
    """This summary beside a stored one.

    Only what lies apart by more than both intervals and by more than the coarser search can tell is a difference.
    Raises `ValueError` where they are of different things.
    """
    for name in ("slo", "attain", "goodput_verdicts"):
        if now[name] != before.get(name):
            raise ValueError(f"{name} is {now[name]!r} here and {before.get(name)!r} there: nothing to compare")
    ours, theirs = (Interval(**told["goodput_per_s"]) if told["goodput_per_s"] else _NONE for told in (now, before))
    slack = 1 + max(now["precision"], before["precision"])
    word = "alike"
    if ours.high * slack < theirs.low:
        word = "worse"
    elif ours.low > theirs.high * slack:
        word = "better"
    return Verdict(word, f"{ours} good answers a second, and {theirs} before: {word}")


_NONE = Interval(0.0, 0.0, 0.0)
"""The goodput where no rate met the objective."""
