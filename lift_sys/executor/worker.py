"""A jail with a warm interpreter in it, seen from outside: jobs in, reports out, one at a time."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from typing import BinaryIO

from lift_sys.executor import jails
from lift_sys.jail.zygote import ENDING, ORDER, READY, Ending, Order, Ready

_START_S = 20.0
_GRACE_S = 2.0


class WorkerLost(RuntimeError):
    """The jail did not start, ended, or fell silent. The argument says what it said last."""


@dataclass(frozen=True)
class Done:
    """How a run ended, and its report as far as it wrote one. Nobody has looked at the report yet."""

    report: bytes
    ending: Ending


class Worker:
    """Start one with `start`. Not to be shared between tasks."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: socket.socket, files: "_Files", seed: int) -> None:
        self._process = process
        self._control = control
        self._files = files
        self.seed = seed
        self.runs = 0

    @classmethod
    async def start(cls, seccomp: bytes, seed: int, *, namespaces: bool) -> "tuple[Worker, Ready]":
        """A worker, and what holds it beside the namespaces. Raises `WorkerLost`."""
        files = _Files.make(seccomp)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        handed = (theirs.fileno(), files.question.fileno(), files.answer.fileno(), files.filter.fileno())
        command = jails.in_namespaces(handed, seed) if namespaces else jails.bare(handed)
        if command is None:
            raise WorkerLost("bubblewrap is not here")
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=files.said,
            pass_fds=handed,
            env=jails.environment(seed),
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        worker = cls(process, ours, files, seed)
        try:
            return worker, Ready(*READY.unpack(await worker._hear(_START_S)))
        except (WorkerLost, asyncio.CancelledError):
            worker.close()
            raise

    async def run(self, job: bytes, order: Order) -> Done:
        """Raises `WorkerLost`; the worker is of no use then."""
        self.runs += 1
        self._files.ask(job)
        try:
            await asyncio.get_running_loop().sock_sendall(self._control, ORDER.pack(*order))
        except OSError as error:
            raise WorkerLost(str(error)) from None
        ending = Ending._make(ENDING.unpack(await self._hear(order.wall_s + _GRACE_S)))
        return Done(self._files.answered(order.report_bytes), ending)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._control.close()
        self._files.close()

    async def _hear(self, limit_s: float) -> bytes:
        try:
            async with asyncio.timeout(limit_s):
                heard = await asyncio.get_running_loop().sock_recv(self._control, 64)
        except (TimeoutError, OSError) as error:
            raise WorkerLost(f"no word from the jail: {error!r}. {self._files.last_words()}") from None
        if not heard:
            raise WorkerLost(f"the jail ended. {self._files.last_words()}")
        return heard


@dataclass(frozen=True)
class _Files:
    """Files in memory that a jail shares with us. They cannot be sealed, and hold one run's bytes at a time."""

    question: BinaryIO
    answer: BinaryIO
    filter: BinaryIO
    said: BinaryIO
    """What bubblewrap or a failing interpreter says; a zygote says nothing."""

    @classmethod
    def make(cls, seccomp: bytes) -> "_Files":
        files = cls(*(os.fdopen(os.memfd_create(name), "r+b", buffering=0) for name in cls.__annotations__))
        files.filter.write(seccomp)
        return files

    def ask(self, job: bytes) -> None:
        for file in (self.question, self.answer):
            file.truncate(0)
            file.seek(0)
        self.question.write(job)

    def answered(self, most: int) -> bytes:
        self.answer.seek(0)
        return self.answer.read(most)

    def last_words(self) -> str:
        self.said.seek(0)
        return self.said.read(2_000).decode(errors="replace").strip()[-500:]

    def close(self) -> None:
        for file in (self.question, self.answer, self.filter, self.said):
            file.close()
