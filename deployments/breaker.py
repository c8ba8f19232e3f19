"""A circuit breaker: whether a part that failed is worth another call. Pure, apart from the clock that it is given."""

import time
from collections.abc import Callable


class Breaker:
    """Closed as long as calls succeed; open for a while after some that failed in a row; then one call tries it."""

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_failures = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._opened_s: float | None = None
        self._trying = False

    def allows(self) -> bool:
        """Whether a call may go. Who is let go says afterwards what came of it."""
        if self._opened_s is None:
            return True
        if self._trying or self._clock() - self._opened_s < self._open_s:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self._failures, self._opened_s, self._trying = 0, None, False

    def failed(self) -> None:
        self._failures += 1
        self._trying = False
        if self._failures >= self._most_failures:
            self._opened_s = self._clock()

    def ended(self) -> None:
        """The call ended in a way that says nothing of the part, such as by a client that hung up."""
        self._trying = False
