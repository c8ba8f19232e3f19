"""Jobs that wait for a worker, bounded and fair: each request's next job in turn, however many another has."""

import asyncio
from collections import OrderedDict, deque
from typing import Generic, TypeVar

Job = TypeVar("Job")


class FairQueue(Generic[Job]):
    """Round robin over the requests that have jobs waiting. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._size = 0
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        return self._size

    async def put(self, request: str, job: Job) -> bool:
        """False if it is full."""
        if self._size >= self._most:
            return False
        self._waiting.setdefault(request, deque()).append(job)
        self._size += 1
        async with self._changed:
            self._changed.notify()
        return True

    async def get(self) -> Job:
        """The next job, of the request that waits longest for its turn."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._size)
            request, jobs = self._waiting.popitem(last=False)
            job = jobs.popleft()
            self._size -= 1
            if jobs:
                self._waiting[request] = jobs
            return job
