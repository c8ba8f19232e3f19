"""How long the work of a request may still take.

Within a process the time is known to all that a request calls, as a context variable. Between processes it travels as
seconds that are left, since the clocks of two machines need not agree; gRPC does the same.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from lift_sys.errors import DeadlinePassed

_LEAST_S = 0.02
"""With less nothing comes back in time: it is about what a call to another process takes."""

_until: ContextVar[float | None] = ContextVar("until", default=None)


@asynccontextmanager
async def within(limit_s: float | None) -> AsyncIterator[None]:
    """Work that has so long, or what is left to its caller where that is less. None: nothing less than its caller.

    Raises `DeadlinePassed` when the time is over first; the work is cancelled then.
    """
    now = time.monotonic()
    limits_s = (limit_s, None if (outer := _until.get()) is None else max(0.0, outer - now))
    least_s = min((limit for limit in limits_s if limit is not None), default=None)
    token = _until.set(None if least_s is None else now + least_s)
    try:
        async with asyncio.timeout(least_s):
            yield
    except TimeoutError:
        raise DeadlinePassed(f"no answer within {round(least_s or 0, 2):g} s; the work was stopped") from None
    finally:
        _until.reset(token)


def left_s() -> float | None:
    """For a call that is about to begin; None where there is no deadline.

    Raises `DeadlinePassed` where too little is left to begin anything.
    """
    until = _until.get()
    if until is None:
        return None
    left = until - time.monotonic()
    if left < _LEAST_S:
        raise DeadlinePassed("no time is left to begin what is next")
    return left
