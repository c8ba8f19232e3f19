"""Requests with tests that whoever answers them never sees."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lift_sys.audit import dataset
from lift_sys.audit.reference import Reference, differs, is_comparable, run_solution
from lift_sys.evaluation.tasks import Request, Task, solves
from lift_sys.sandbox import ProcessSandbox
from schemas.wire import Wire


class Grade(Wire):
    """`base`: right on the inputs that a benchmark began with. `plus`: and on those added to catch more."""

    base: bool
    plus: bool


class Asked(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def prompt(self) -> str: ...


class Exam(Protocol):
    @property
    def task(self) -> Asked: ...

    async def grade(self, source: str) -> Grade: ...

    @property
    def refused(self) -> Grade:
        """Of the answer that no function is asked for."""


_WRONG, _RIGHT = Grade(base=False, plus=False), Grade(base=True, plus=True)


@dataclass(frozen=True)
class RefusalTask:
    """Right is to refuse what asks for no function, and not to refuse the others, whatever code comes of them."""

    task: Request

    async def grade(self, source: str) -> Grade:
        return _RIGHT if self.task.asks_for == "function" else _WRONG

    @property
    def refused(self) -> Grade:
        return _WRONG if self.task.asks_for == "function" else _RIGHT


@dataclass(frozen=True)
class CheckedTask:
    """One of the 18: right is what meets all its checks."""

    task: Task
    sandbox: ProcessSandbox

    async def grade(self, source: str) -> Grade:
        right = await solves(self.task, source, self.sandbox) is None
        return _RIGHT if right else _WRONG

    @property
    def refused(self) -> Grade:
        return _WRONG


@dataclass
class SolvedTask:
    """One of HumanEval+ or MBPP+: right is what does as its solution does, numbers within the task's tolerance."""

    task: dataset.Task
    sandbox: ProcessSandbox
    most_plus: int
    """Added inputs that are tried, spread evenly over all."""
    _reference: asyncio.Task[Reference] | None = field(default=None, repr=False)
    _grades: dict[str, Grade] = field(default_factory=dict, repr=False)

    async def grade(self, source: str) -> Grade:
        if source not in self._grades:
            self._grades[source] = await self._grade(source)
        return self._grades[source]

    async def _grade(self, source: str) -> Grade:
        if self._reference is None:
            self._reference = asyncio.create_task(self._solve())
        reference = await self._reference
        # Most code that is wrong is wrong on the first inputs already.
        base = {text: reference[text] for text in self.task.base if text in reference}
        if not reference or await self._is_wrong(source, base):
            return _WRONG
        return Grade(base=True, plus=not await self._is_wrong(source, reference))

    @property
    def refused(self) -> Grade:
        return _WRONG

    async def _is_wrong(self, source: str, reference: Reference) -> bool:
        return await differs(source, self.task, reference, self.sandbox)

    async def _solve(self) -> Reference:
        report, inputs = await run_solution(self.task, self.sandbox, self.most_plus)
        ended = zip(inputs, report.outcomes, strict=True) if report.trouble is None else ()
        return {text: outcome for text, outcome in ended if is_comparable(outcome)}


def checked(tasks: Iterable[Task], sandbox: ProcessSandbox) -> list[Exam]:
    return [CheckedTask(task, sandbox) for task in tasks]


def solved(tasks: Sequence[dataset.Task], sandbox: ProcessSandbox, most_plus: int) -> list[Exam]:
    return [SolvedTask(task, sandbox, most_plus) for task in tasks]
