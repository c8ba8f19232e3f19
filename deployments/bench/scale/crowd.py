"""Many clients, spread over processes: one process can send and read only so much."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence
from itertools import count
from typing import Self

from deployments.bench.scale.asker import Answer, Order
from lift_sys.evaluation.tasks import tasks18
from lift_sys.ir_samples import SAMPLES
from schemas import LiftRequest

_LINE_BYTES = 2**20
TASKS = tuple(LiftRequest(prompt=task.prompt) for task in tasks18())
SPECIFIED = tuple(
    LiftRequest(prompt=sample.request, ir=sample.ir) for sample in SAMPLES if sample.ir.intent.asks_for == "function"
)
"""They bring their IRs, so that only code is left to write: random weights write no IR that can be used."""


class Crowd:
    """At the block's end its processes are killed, so the service is left with nothing to do for them."""

    def __init__(self, url: str, processes: int, requests: Sequence[LiftRequest] = TASKS) -> None:
        self._url = url
        self._requests = requests
        self._wanted = processes
        self._askers: list[_Asker] = []
        self._numbers = count()

    async def __aenter__(self) -> Self:
        self._askers = await asyncio.gather(*(_Asker.started(self._url) for _ in range(self._wanted)))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(asker.kill() for asker in self._askers))

    async def ask(self) -> Answer:
        """The next request, by the process whose turn it is."""
        number = next(self._numbers)
        asker = self._askers[number % len(self._askers)]
        return await asker.ask(Order(number=number, request=self._requests[number % len(self._requests)]))


class _Asker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def started(cls, url: str) -> Self:
        """Raises `RuntimeError` where it ended at once."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "deployments.bench.scale.asker", url)
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=_LINE_BYTES)
        assert process.stdout
        if not await process.stdout.readline():
            raise RuntimeError(f"a client process of {url} ended before it asked anything")
        return cls(process)

    async def ask(self, order: Order) -> Answer:
        assert self._process.stdin
        self._asked[order.number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(order.model_dump_json().encode() + b"\n")
        return await self._asked[order.number]

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            answer = Answer.model_validate_json(line)
            self._settle(answer)
        for number in list(self._asked):
            self._settle(Answer(number=number, sent=time.time(), ended=time.time(), status=0))

    def _settle(self, answer: Answer) -> None:
        asked = self._asked.pop(answer.number)
        if not asked.done():
            asked.set_result(answer)

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading
