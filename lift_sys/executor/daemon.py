"""The executor: serves the client at the other end of a socket.

It parses reports so that its client need not: what a jail wrote goes on only in the shape asked for. It ends when the
client does.
"""

import asyncio
import contextlib
import json
import secrets
import socket
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Literal, NoReturn

import uvloop
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lift_sys.executor import frames, tiers
from lift_sys.executor.frames import MOST_BODY_BYTES, BrokenFrame, Frame
from lift_sys.executor.queue import FairQueue
from lift_sys.executor.worker import Done, WorkerLost
from lift_sys.jail.zygote import Order
from lift_sys.report import ANSWERS, End, JobKind
from schemas.verdict import Tier

ALIVE_EVERY_S = 1.0
"""So often an executor says that it is there, whatever it has to do."""
_REMEMBERED_REQUESTS = 4_096
_LARGE_BYTES = 2**16


@dataclass(frozen=True)
class Terms:
    """What a client asks of its executor."""

    slots: int
    most_waiting: int
    allow_weak: bool
    runs_per_jail: int
    tier: Tier | None
    """The only one that will do; None: the strongest."""


class _Header(BaseModel):
    """What a client says of a job. A client that says something else is broken, and is left."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    id: int
    request: Annotated[str, Field(max_length=64)]
    kind: JobKind
    seed: Literal[0, 1]
    budget_s: Annotated[float, Field(ge=0)]
    wall_s: Annotated[float, Field(gt=0, le=86_400)]
    cpu_s: Annotated[int, Field(gt=0, le=86_400)]
    memory_bytes: Annotated[int, Field(gt=0, lt=2**62)]
    report_bytes: Annotated[int, Field(gt=0, le=MOST_BODY_BYTES)]


@dataclass(frozen=True)
class _Job:
    header: _Header
    body: bytes

    @classmethod
    def read(cls, frame: Frame) -> "_Job":
        """Raises `BrokenFrame`."""
        try:
            return cls(_Header.model_validate(frame.header), frame.body)
        except ValidationError as error:
            raise BrokenFrame(str(error)) from None

    @property
    def order(self) -> Order:
        return Order(*(getattr(self.header, name) for name in Order._fields))


class _Accounts:
    """CPU seconds that each request has used; the oldest are forgotten."""

    def __init__(self) -> None:
        self._spent: OrderedDict[str, float] = OrderedDict()

    def spent(self, request: str) -> float:
        return self._spent.get(request, 0.0)

    def charge(self, request: str, cpu_s: float) -> None:
        self._spent[request] = self._spent.pop(request, 0.0) + cpu_s
        if len(self._spent) > _REMEMBERED_REQUESTS:
            self._spent.popitem(last=False)


class _Executor:
    def __init__(self, terms: Terms, tier: tiers.Strength, writer: asyncio.StreamWriter) -> None:
        self._slots = [tiers.Slot(tier, terms.runs_per_jail) for _ in range(terms.slots)]
        self._queue: FairQueue[_Job] = FairQueue(terms.most_waiting)
        self._accounts = _Accounts()
        self._writer = writer
        self._wanted: dict[int, asyncio.Task[None] | None] = {}
        """By the ids of jobs that nobody gave up, what works on them; None while they wait."""

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the client ends, or sends what is no frame."""
        async with asyncio.TaskGroup() as workers:
            running = [workers.create_task(self._work(slot)) for slot in self._slots]
            running.append(workers.create_task(self._say_alive()))
            with contextlib.suppress(BrokenFrame):
                while frame := await frames.read(reader):
                    if "give_up" in frame.header:
                        self._give_up(frame.header["give_up"])
                    else:
                        await self._accept(_Job.read(frame))
            for task in running:
                task.cancel()

    def _give_up(self, job_id: int) -> None:
        if task := self._wanted.pop(job_id, None):
            task.cancel()

    async def _say_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY_S)
            self._writer.write(frames.pack(Frame({"alive": True})))

    async def _accept(self, job: _Job) -> None:
        self._wanted[job.header.id] = None
        if not await self._queue.put(job.header.request, job):
            del self._wanted[job.header.id]
            await self._answer(job, "full")

    async def _work(self, slot: tiers.Slot) -> None:
        try:
            while True:
                job = await self._queue.get()
                if job.header.id in self._wanted:
                    await self._attend(job, slot)
        finally:
            slot.close()

    async def _attend(self, job: _Job, slot: tiers.Slot) -> None:
        """Until the job is done, or given up."""
        task = self._wanted[job.header.id] = asyncio.create_task(self._do(job, slot))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        self._wanted.pop(job.header.id, None)
        if not task.cancelled():
            task.result()

    async def _do(self, job: _Job, slot: tiers.Slot) -> None:
        request, budget_s = job.header.request, job.header.budget_s
        if self._accounts.spent(request) >= budget_s:
            await self._answer(job, "spent")
            return
        nonce = secrets.token_hex(8)
        try:
            done = await slot.run(nonce.encode() + b"\n" + job.body, job.order, job.header.seed)
        except WorkerLost:
            await self._answer(job, "lost")
            return
        self._accounts.charge(request, done.ending.cpu_s)
        beside = len(done.report) > _LARGE_BYTES  # a long report keeps no other waiting
        good = await asyncio.to_thread(_is_sound, done, job, nonce) if beside else _is_sound(done, job, nonce)
        await self._answer(job, "reported" if good else "silent", done.report if good else b"")

    async def _answer(self, job: _Job, end: End, report: bytes = b"") -> None:
        self._writer.write(frames.pack(Frame({"id": job.header.id, "end": end}, report)))
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()


def _is_sound(done: Done, job: _Job, nonce: str) -> bool:
    """Whether a run left a report of the shape asked for, with the word that only this run was given."""
    try:
        answer = ANSWERS[job.header.kind].model_validate_json(done.report)
    except (ValidationError, RecursionError):
        return False
    return answer.nonce == nonce and answer.tier is None


async def _main(ours: socket.socket, terms: Terms) -> None:
    reader, writer = await asyncio.open_connection(sock=ours)
    tier = await tiers.strongest(terms.tier)
    writer.write(frames.pack(Frame({"tier": tier.name, "detail": tier.detail})))
    await writer.drain()
    if tier.name != "rlimits" or terms.allow_weak:
        await _Executor(terms, tier, writer).serve(reader)
    writer.close()


def main() -> NoReturn:
    """Run as a program. The client made the socket and named its descriptor."""
    ours = socket.socket(fileno=int(sys.argv[1]))
    ours.setblocking(False)
    uvloop.run(_main(ours, Terms(**json.loads(sys.argv[2]))))
    sys.exit(0)
