"""Takes work from the store and has it done, so much at once, within an ingress."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from deployments.jobs.attempt import Again, Doer
from deployments.jobs.store import JobStore, Kind, Taken
from deployments.jobs.stored import stored
from deployments.log import logger
from lift_sys.errors import StoreUnavailable

_LOOK_S = 1.0
"""Between two looks for work that others put there, or whose lease ran out."""
_LONGEST_HOLD_S = 2.0
"""Between two looks at whether the leases hold: so soon another ingress notices that a job was cancelled."""
_OUTAGE_S = 2.0


class Worker:
    def __init__(self, store: JobStore, kind: Kind, doer: Doer, *, concurrency: int, lease_s: float, most: int) -> None:
        """`most`: attempts that count, at one piece of work."""
        self._store = store
        self._kind: Kind = kind
        self._doer = doer
        self._concurrency = concurrency
        self._hold_s = min(lease_s / 4, _LONGEST_HOLD_S)
        self._most = most
        self._running: dict[asyncio.Task[None], Taken] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be work now."""
        self._woken.set()

    def drop(self, job_id: str) -> None:
        """Stop what is being done for a job."""
        self._stop({task for task, taken in self._running.items() if taken.job_id == job_id})

    async def run(self) -> None:
        """Without end. What is in work when this is cancelled is put back: others can begin with it at once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hold())
            while True:
                try:
                    await self._fill(group)
                except StoreUnavailable as error:
                    logger.warning("no work is taken: %s", error)
                    await asyncio.sleep(_OUTAGE_S)

    async def _fill(self, group: asyncio.TaskGroup) -> None:
        """Take as much as there is room for; then wait until there may be more of either."""
        self._woken.clear()
        room = self._concurrency - len(self._running)
        if room and await self._doer.ready():
            for taken in await stored(self._store.take, self._kind, room):
                task = group.create_task(self._attend(taken))
                self._running[task] = taken
                task.add_done_callback(self._ended)
        with contextlib.suppress(TimeoutError):
            # Not `wait_for`: that of Python 3.11 can lose a cancellation.
            async with asyncio.timeout(_LOOK_S):
                await self._woken.wait()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._running[task]
        self._woken.set()

    async def _attend(self, taken: Taken) -> None:
        try:
            end = await self._doer.do(taken) if taken.attempt <= self._most else self._doer.lost(taken)
        except asyncio.CancelledError:
            # This ingress stops, and the attempt does not count; or the lease is lost already, and this does nothing.
            with contextlib.suppress(StoreUnavailable):
                await stored(self._store.put_back, taken.lease, 0.0, counts=False)
            raise
        if isinstance(end, Again) and not (end.counts and taken.attempt >= self._most):
            await self._tell(self._store.put_back, taken.lease, end.wait_s, counts=end.counts)
            return
        last = end.end if isinstance(end, Again) else end
        await self._tell(self._store.finish, taken.lease, last.result, ok=last.ok)

    async def _tell(self, say: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Until the store has heard it: what was worked out is not thrown away over an outage."""
        while True:
            try:
                await stored(say, *args, **kwargs)
                return
            except StoreUnavailable as error:
                logger.warning("a result waits: %s", error)
                await asyncio.sleep(_OUTAGE_S)

    async def _hold(self) -> None:
        """Keep the leases; stop the work whose lease is lost."""
        while True:
            await asyncio.sleep(self._hold_s)
            tasks = dict(self._running)
            if not tasks:
                continue
            with contextlib.suppress(StoreUnavailable):
                held = await stored(self._store.renew, [taken.lease for taken in tasks.values()])
                self._stop({task for task, taken in tasks.items() if taken.lease not in held})

    def _stop(self, tasks: "set[asyncio.Task[None]]") -> None:
        for task in tasks:
            task.cancel()
