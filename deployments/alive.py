"""Whether the replica that has a call still lives.

Over gRPC, which Serve takes in production, nothing tells of a machine that has lost its power: no connection to it is
closed, and Serve 2.60 waits for its answer without end. Ray hears of it, since it looks after its nodes.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from ray._private.state import actors
from ray.exceptions import RayError

_LOOK_S = 3.0
_looker = ThreadPoolExecutor(1, "alive")
"""While the head is away a look waits for it, and shall keep no other work of this process waiting."""


class Lost(Exception):
    """The replica is dead, and its answer will not come."""


def by_ray(response: Any) -> bool:
    """What Ray knows of the replica that took the call. False where none did yet, or where Ray tells the caller."""
    actor_id = getattr(response._replica_result, "_actor_id", None)
    if actor_id is None:
        return False
    with contextlib.suppress(RayError, ConnectionError):  # a head that is away; the next look tells
        return _is_dead(actor_id.hex(), int(time.monotonic() / _LOOK_S))
    return False


@lru_cache(maxsize=4_096)
def _is_dead(actor_id: str, moment: int) -> bool:
    """Ray's head is asked once for all calls that look in one moment: of a large service there are thousands."""
    return bool(actors(actor_id).get("State") == "DEAD")


@contextlib.asynccontextmanager
async def while_alive(
    response: Any, *, look_s: float = _LOOK_S, is_dead: Callable[[Any], bool] = by_ray
) -> AsyncIterator[None]:
    """Around the wait for a handle's response. Raises `Lost`.

    A call that takes less than `look_s` costs no look.
    """
    try:
        async with asyncio.timeout(None) as patience:
            watch = asyncio.create_task(_watch(response, patience, look_s, is_dead))
            try:
                yield
            finally:
                watch.cancel()
    except TimeoutError:
        if patience.expired():
            raise Lost from None
        raise


async def _watch(response: Any, patience: asyncio.Timeout, look_s: float, is_dead: Callable[[Any], bool]) -> None:
    look = asyncio.get_running_loop().run_in_executor
    await asyncio.sleep(look_s)
    while not await look(_looker, is_dead, response):
        await asyncio.sleep(look_s)
    await asyncio.sleep(look_s)  # by then Serve has heard of it, too, and sends nobody there
    patience.reschedule(0)
