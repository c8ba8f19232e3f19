"""Run code that nobody trusts in a process of its own, and believe only a report of the right shape."""

import asyncio
import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lift_sys.errors import SandboxUnavailable
from lift_sys.jail.values import Tree, well_formed
from schemas.verdict import Tier

_ROOT = Path(__file__).parents[1]
_START = f"import sys; sys.path.append({str(_ROOT)!r}); from lift_sys.jail.child import main; sys.path.pop(); main()"


@dataclass(frozen=True)
class Limits:
    """Of one run. The defaults suit small pure functions."""

    call_s: float = 1.0
    cpu_s: int = 5
    wall_s: float = 10.0
    memory_bytes: int = 512 * 2**20
    report_bytes: int = 4 * 2**20


DEFAULT_LIMITS = Limits()


Words = Annotated[str, Field(max_length=1_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outcome(_Frozen):
    """How one call ended."""

    returned: Annotated[Tree, AfterValidator(well_formed)] | None = None
    raised: Words | None = None
    kinds: Annotated[tuple[Words, ...], Field(max_length=8)] = ()
    """The names of the exception's class and of those that it derives from."""
    detail: Words = ""
    mutated: bool = False

    @property
    def key(self) -> str:
        """What two candidates must share to count as agreeing on an input."""
        return json.dumps([self.returned, self.raised])


class ParameterFact(_Frozen):
    name: str
    kind: str
    required: bool


class Trouble(_Frozen):
    """Why no call was made."""

    clause: Literal["parse", "import", "signature", "limits"]
    detail: Words


class Report(_Frozen):
    """What a candidate did. Everything in it but the tier is the candidate's own word."""

    tier: Tier
    trouble: Trouble | None = None
    imports: tuple[str, ...] = ()
    parameters: tuple[ParameterFact, ...] | None = None
    is_async: bool = False
    outcomes: tuple[Outcome, ...] = ()


class Holding(_Frozen):
    """Whether a predicate holds in a scope, and what it raised if it could not be evaluated."""

    holds: bool
    raised: str | None = None


class Holdings(_Frozen):
    tier: Tier
    outcomes: tuple[tuple[Holding, ...], ...]
    """One row a predicate, one column a scope."""


Answer = TypeVar("Answer", Report, Holdings)


class Sandbox(Protocol):
    """Where candidates and predicates run."""

    async def run(self, source: str, function: str, calls: Sequence[str]) -> Report:
        """Import the source and make the calls, each an argument text of literals. Never raises for what code does."""

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        """Evaluate Python expressions in scopes of literals; None when they broke the limits."""


class ProcessSandbox:
    """One fresh confined interpreter a run, killed with its process group when its time is over."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, concurrency: int = 2, allow_weak: bool = False) -> None:
        """`allow_weak`: run even where the kernel has no Landlock, for development on such machines."""
        self._limits = limits
        self._free = asyncio.Semaphore(concurrency)
        self._allow_weak = allow_weak
        self._tier: Tier | None = None

    async def tier(self) -> Tier:
        """The tier that this machine gives, by a probe of our own. Raises `SandboxUnavailable`."""
        if self._tier is None:
            probe = await self._ask({"kind": "predicates", "predicates": ["True"], "scopes": [{}]}, Holdings)
            if probe is None:
                raise SandboxUnavailable("the sandbox's own probe gave no answer")
            self._tier = probe.tier
        if self._tier == "rlimits" and not self._allow_weak:
            raise SandboxUnavailable("this kernel has no Landlock; set `validator.allow_weak_sandbox` for development")
        return self._tier

    async def run(self, source: str, function: str, calls: Sequence[str]) -> Report:
        tier = await self.tier()
        job = {"kind": "run", "source": source, "function": function, "calls": list(calls)}
        report = await self._ask(job, Report)
        if report is None or (report.trouble is None and len(report.outcomes) != len(calls)):
            return Report(tier=tier, trouble=Trouble(clause="limits", detail=self._silent()))
        return report.model_copy(update={"tier": tier})

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        await self.tier()
        job = {"kind": "predicates", "predicates": list(predicates), "scopes": list(scopes)}
        holdings = await self._ask(job, Holdings)
        shape = [len(scopes)] * len(predicates)
        return holdings if holdings and [len(row) for row in holdings.outcomes] == shape else None

    def _silent(self) -> str:
        megabytes = self._limits.memory_bytes // 2**20
        return f"no report: it used more than {self._limits.cpu_s} s CPU or {megabytes} MB, or ended its process"

    async def _ask(self, job: dict[str, Any], shape: type[Answer]) -> Answer | None:
        """The child's report on a job, or None when there is none of that shape."""
        limits, nonce = self._limits, secrets.token_hex(8)
        job |= {"nonce": nonce, "call_s": limits.call_s, "cpu_s": limits.cpu_s}
        job |= {"memory_bytes": limits.memory_bytes, "report_bytes": limits.report_bytes}
        async with self._free:
            text = await asyncio.to_thread(_converse, json.dumps(job).encode(), limits)
        try:
            answer = json.loads(text)
            if answer.pop("nonce", None) != nonce:
                return None
            return shape.model_validate(answer)
        except (ValueError, TypeError, RecursionError, AttributeError):
            return None


def _converse(job: bytes, limits: Limits) -> bytes:
    """What a fresh interpreter has to say to a job within `wall_s`.

    Both ends are files in memory and not pipes, so that the limit on a file's size bounds the report too. Run in
    a thread: a replica is multi-threaded, and `subprocess` runs no code of ours between fork and exec.
    """
    with _memory_file(job) as question, _memory_file() as answer:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START],
            stdin=question,
            stdout=answer,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
        _wait(process.pid, limits.wall_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        answer.seek(0)
        return answer.read(limits.report_bytes)


def _wait(pid: int, limit_s: float) -> None:
    """Until the process ends, or the time is over. `Popen.wait` with a limit polls in steps of up to 50 ms."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(limit_s * 1_000)
    finally:
        os.close(descriptor)


def _memory_file(content: bytes = b"") -> BinaryIO:
    file = os.fdopen(os.memfd_create("lift"), "r+b")
    file.write(content)
    file.seek(0)
    return file
