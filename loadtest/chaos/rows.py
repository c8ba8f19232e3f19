"""What became of one request or job, as it is kept."""

from typing import Literal

from schemas.wire import Wire

BROKEN = 0
"""In place of a status, where the connection gave none."""


class Asked(Wire):
    number: int
    kind: Literal["lift", "job"]
    due_s: float
    """From the start of the run."""
    latency_s: float
    """From then until the answer; of a job, until it was accepted."""
    statuses: tuple[int, ...]
    """Of each attempt, all with one idempotency key."""
    ended: bool
    """Whether the answer came; of a job, whether it is done."""
    wrong: str | None = None
    """What the answer has that it must not have."""

    @property
    def lost(self) -> bool:
        """Accepted, and never answered. Who was told so often that there is no room was not accepted."""
        return not self.ended and (BROKEN in self.statuses[-1:] or 202 in self.statuses or not self.statuses)

    def fine(self, limit_s: float) -> bool:
        """As if there were no fault: at the first attempt, right, and in time."""
        return self.statuses in ((200,), (202,)) and self.wrong is None and self.latency_s <= limit_s
