"""What came of it: who was served in time, at what price, how calmly."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Objective:
    """Of a request. That one is met means that both are."""

    ttft_s: float = 1.0
    """To the first token of the IR."""
    total_s: float = 40.0
    share: float = 0.99
    """Of the requests, that must meet it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One row of a timeline."""

    at_s: float
    arrived: int
    running: int
    starting: int
    target: int
    sequences: float
    """That run or wait in all engines."""
    validators: int
    cause: str
    terms: dict[str, float]


@dataclass(slots=True)
class Served:
    """One entry for each request that was answered, in three columns."""

    arrived_s: "array[float]" = field(default_factory=lambda: array("d"))
    ttft_s: "array[float]" = field(default_factory=lambda: array("d"))
    total_s: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, arrived_s: float, ttft_s: float, total_s: float) -> None:
        self.arrived_s.append(arrived_s)
        self.ttft_s.append(ttft_s)
        self.total_s.append(total_s)

    def met(self, objective: Objective) -> int:
        pairs = zip(self.ttft_s, self.total_s, strict=True)
        return sum(ttft <= objective.ttft_s and total <= objective.total_s for ttft, total in pairs)


@dataclass(frozen=True, slots=True)
class Outcome:
    arrived: int
    served: Served
    objective: Objective
    duration_s: float
    replica_seconds: float
    most_replicas: int
    validator_seconds: float
    crashes: int
    flaps: int
    moments: tuple[Moment, ...]
    failed: int = 0
    """Lost twice with a replica that died."""

    @property
    def attainment(self) -> float:
        return self.served.met(self.objective) / self.arrived if self.arrived else 1.0

    def usd(self, usd_per_hour: float) -> float:
        """Of the GPUs; the Validator's cores come on top."""
        return self.replica_seconds / 3_600 * usd_per_hour

    def summary(self, usd_per_hour: float) -> dict[str, Any]:
        served = len(self.served.total_s)
        return {
            "requests": self.arrived,
            "failed": self.failed,
            "attainment": round(self.attainment, 5),
            "ttft_s": quantiles(self.served.ttft_s),
            "total_s": quantiles(self.served.total_s),
            "requests_per_s": round(served / self.duration_s, 3),
            "replica_hours": round(self.replica_seconds / 3_600, 3),
            "most_replicas": self.most_replicas,
            "usd": round(self.usd(usd_per_hour), 2),
            "usd_per_1000": round(1_000 * self.usd(usd_per_hour) / max(1, served), 4),
            "validator_hours": round(self.validator_seconds / 3_600, 3),
            "crashes": self.crashes,
            "flaps": self.flaps,
        }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {f"p{p}": round(percentile(ordered, p), 4) for p in (50, 95, 99)} if ordered else {}


def percentile(ordered: Sequence[float], p: int) -> float:
    """Needs values in order, and a `p` below 100."""
    return ordered[int(len(ordered) * p / 100)]


def flaps(changes: Sequence[tuple[float, int]], span_s: float) -> int:
    """How often the target turned round within a span: a replica that was started for nothing, or missed at once."""
    turns, last = 0, (0.0, 0)
    for at_s, step in changes:
        if step * last[1] < 0 and at_s - last[0] < span_s:
            turns += 1
        last = (at_s, step)
    return turns
