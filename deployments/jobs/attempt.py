"""What an attempt at a piece of work ends with, and how long the next one waits."""

import random
from dataclasses import dataclass
from typing import Protocol

from deployments.jobs.store import Taken

_FIRST_WAIT_S = 1.0


@dataclass(frozen=True)
class End:
    result: str
    ok: bool


@dataclass(frozen=True)
class Again:
    wait_s: float
    counts: bool
    end: End
    """What the work ends with if this was the last attempt."""


class Doer(Protocol):
    """Does one kind of work."""

    async def ready(self) -> bool:
        """Whether an attempt makes sense now."""

    async def do(self, taken: Taken) -> End | Again:
        """Raises nothing, unless it is cancelled: then the work is not wanted any more."""

    def lost(self, taken: Taken) -> End:
        """The end of work of which nothing was heard again, at every attempt."""


def backoff_s(attempt: int, longest_s: float = 60.0) -> float:
    """Doubles with each attempt, and spreads: what failed together does not come back together."""
    most_s = min(longest_s, _FIRST_WAIT_S * 2.0 ** min(attempt - 1, 16))
    return random.uniform(most_s / 2, most_s)
