"""Run code that nobody trusts: ask the executor, a process of its own, and believe only a report of the right shape."""

import asyncio
import json
import secrets
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from lift_sys.errors import Overloaded, SandboxUnavailable
from lift_sys.executor import frames
from lift_sys.executor.connection import Connection
from lift_sys.executor.frames import BrokenFrame, Frame
from lift_sys.report import (
    DEFAULT_LIMITS,
    Holding,
    Holdings,
    Inspection,
    JobKind,
    Limits,
    Outcome,
    ParameterFact,
    Report,
    Trouble,
    Words,
)
from lift_sys.scaling import Load
from schemas.verdict import Tier

__all__ = [
    "DEFAULT_LIMITS", "Holding", "Holdings", "Inspection", "Limits", "Outcome", "ParameterFact", "ProcessSandbox",
    "Report", "Sandbox", "Trouble", "Words",
]  # fmt: skip

_MOST_ATTEMPTS = 2
_LARGE_BYTES = 2**16
"""What is larger is sent and read beside the event loop."""
DEFAULT_BUDGET_S = 120.0


Answer = TypeVar("Answer", Inspection, Report, Holdings)


class Sandbox(Protocol):
    """Where candidates and predicates run. Never raises for what code does."""

    async def inspect(self, source: str, function: str) -> Inspection:
        """What the source tells of itself and of the function without being run."""

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        """Import the source and make the calls, each an argument text of literals.

        `seed`: of Python's hashes, 0 or 1; a set's order depends on it. `describe`: tell what the function takes, too.
        """

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        """Evaluate Python expressions in scopes of literals; None when they broke the limits."""


@dataclass(frozen=True)
class Jobs:
    """One request's jobs in a sandbox: they share its budget of CPU seconds and take turns with other requests'."""

    sandbox: "ProcessSandbox"
    request: str

    async def inspect(self, source: str, function: str) -> Inspection:
        end, text = await self.sandbox.ask(self.request, "inspect", {"source": source, "function": function}, 0)
        tier = self.sandbox.known_tier
        if end != "reported":
            return Inspection(tier=tier, trouble=Trouble(clause="parse", detail=self.sandbox.why_silent(end)))
        inspection = await _read(Inspection, text)
        return inspection.model_copy(update={"tier": tier})

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        job = {"source": source, "function": function, "calls": list(calls), "describe": describe}
        end, text = await self.sandbox.ask(self.request, "run", job, seed)
        tier = self.sandbox.known_tier
        report = await _read(Report, text) if end == "reported" else None
        if report is None or (report.trouble is None and len(report.outcomes) != len(calls)):
            return Report(tier=tier, trouble=Trouble(clause="limits", detail=self.sandbox.why_silent(end)))
        return report.model_copy(update={"tier": tier})

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        job = {"predicates": list(predicates), "scopes": list(scopes)}
        end, text = await self.sandbox.ask(self.request, "predicates", job, 0)
        holdings = await _read(Holdings, text) if end == "reported" else None
        shape = [len(scopes)] * len(predicates)
        return holdings if holdings and [len(row) for row in holdings.outcomes] == shape else None


async def _read(shape: type[Answer], text: bytes) -> Answer:
    """The executor found it in shape already. A long one is read beside the event loop."""
    if len(text) < _LARGE_BYTES:
        return shape.model_validate_json(text)
    return await asyncio.to_thread(shape.model_validate_json, text)


class ProcessSandbox:
    """A client of an executor that it starts itself, when first asked. For any thread and any event loop."""

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        *,
        concurrency: int = 2,
        allow_weak: bool = False,
        budget_s: float = DEFAULT_BUDGET_S,
        most_waiting: int = 4_096,
        runs_per_jail: int = 1_000,
        tier: Tier | None = None,
    ) -> None:
        """`concurrency`: runs at once. `budget_s`: CPU seconds of one request, as far as its runs tell.

        `allow_weak`: run even where nothing holds a run, for development on such machines. `tier`: the only one that
        will do, in place of the strongest.
        """
        self._limits = limits
        self._slots = concurrency
        self._terms = {
            "slots": concurrency,
            "most_waiting": most_waiting,
            "allow_weak": allow_weak,
            "runs_per_jail": runs_per_jail,
            "tier": tier,
        }
        self._budget_s = budget_s
        self._asked = 0
        self._starting = threading.Lock()
        self.known_tier: Tier | None = None
        self._executor: Connection | None = None

    def request(self) -> Jobs:
        """Room for one request's jobs."""
        return Jobs(self, secrets.token_hex(8))

    async def inspect(self, source: str, function: str) -> Inspection:
        """As a request of its own."""
        return await self.request().inspect(source, function)

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        """As a request of its own."""
        return await self.request().run(source, function, calls, seed=seed, describe=describe)

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        """As a request of its own."""
        return await self.request().evaluate(predicates, scopes)

    async def tier(self) -> Tier:
        """The tier that this machine gives, found by trying. Raises `SandboxUnavailable`."""
        return (await self._connect()).tier

    def load(self) -> Load:
        """Sandboxes that run, and jobs that wait for one, as far as they were asked for in this process."""
        running = min(self._asked, self._slots)
        return Load(running=running, waiting=self._asked - running)

    async def ask(self, request: str, kind: JobKind, job: dict[str, Any], seed: int) -> tuple[str, bytes]:
        """How a job ended (`End` of the executor) and its report. Raises `Overloaded`, `SandboxUnavailable`."""
        self._asked += 1
        try:
            return await self._answer(request, kind, job, seed)
        finally:
            self._asked -= 1

    async def _answer(self, request: str, kind: JobKind, job: dict[str, Any], seed: int) -> tuple[str, bytes]:
        limits = self._limits
        job |= {"kind": kind, "call_s": limits.call_s, "cpu_s": limits.cpu_s}
        header = {"request": request, "kind": kind, "seed": seed, "budget_s": self._budget_s, **asdict(limits)}
        try:
            frame = Frame(header, json.dumps(job).encode())
            for _ in range(_MOST_ATTEMPTS):
                executor = await self._connect()
                send = executor.send
                future = send(frame) if len(frame.body) < _LARGE_BYTES else await asyncio.to_thread(send, frame)
                answer = await asyncio.wrap_future(future)
                if answer is not None:
                    return _end(answer)
                await asyncio.to_thread(self._forget, executor)
        except BrokenFrame:
            return "large", b""
        raise SandboxUnavailable("the executor ended twice while it had this job")

    def why_silent(self, end: str) -> str:
        limits = self._limits
        match end:
            case "spent":
                return f"the request has used its {self._budget_s:g} s of CPU time"
            case "large":
                return f"more than {frames.MOST_BODY_BYTES // 2**20} MB of code and calls"
            case "lost":
                return "its jail ended with it, twice"
        megabytes = limits.memory_bytes // 2**20
        return f"no report: it used more than {limits.cpu_s} s CPU or {megabytes} MB, or ended its process"

    def close(self) -> None:
        """End the executor, and all that it runs."""
        with self._starting:
            executor, self._executor = self._executor, None
        if executor:
            executor.close()

    async def _connect(self) -> Connection:
        if self._executor:
            return self._executor
        return await asyncio.to_thread(self._connected)

    def _connected(self) -> Connection:
        with self._starting:
            executor = self._executor
            if executor is None:
                executor = Connection(self._terms)
                self._executor, self.known_tier = executor, executor.tier
            return executor

    def _forget(self, executor: Connection) -> None:
        with self._starting:
            if self._executor is executor:
                self._executor = None
        executor.close()


def _end(answer: Frame) -> tuple[str, bytes]:
    if answer.header["end"] == "full":
        raise Overloaded("the validator's queue is full")
    return answer.header["end"], answer.body
