"""One request of a load test, as it is kept. All its times but the stages' count from when it was due."""

from typing import Any, Self

from pydantic import Field

from loadtest.stream import Seen
from schemas.verdict import Level
from schemas.wire import Wire

PASSED: tuple[Level, ...] = ("verified", "likely")
"""Verdicts on code that the validator lets pass: something speaks for it."""


class Row(Wire):
    number: int
    """In the order of the schedule."""
    due_s: float
    """From the start of the run."""
    lag_s: float
    """Until it was sent, which is the load generator's own doing."""
    latency_s: float
    """Until the answer was whole, or was given up."""
    status: int
    """Of the answer, or of the problem that its stream ended with; 0 where no whole answer came."""
    first_output_s: float | None = None
    verdict: Level | None = None
    stages: dict[str, float] = Field(default_factory=dict)
    """Seconds in each, by the service's own account."""
    error: str | None = None

    @property
    def answered(self) -> bool:
        return self.verdict is not None

    @property
    def passed(self) -> bool:
        return self.verdict in PASSED

    def with_seen(self, seen: Seen) -> Self:
        told: dict[str, Any] = {"first_output_s": seen.first_output_s and round(seen.first_output_s, 4)}
        if seen.response:
            stages = {report.stage: round(report.seconds, 4) for report in seen.response.stages}
            told |= {"verdict": seen.response.verdict.level, "stages": stages}
        return self.model_copy(update=told)
