"""A sandbox that remembers: code that was run on the same calls a moment ago is not run again.

A request's code is judged wave after wave, and each time with all variations written so far.
"""

from collections import OrderedDict
from collections.abc import Sequence

from lift_sys.report import Holdings, Inspection, Report
from lift_sys.sandbox import Sandbox

_MOST_OUTCOMES = 40_000
"""Some 40 MB: the requests of a minute, say."""

_Run = tuple[str, str, tuple[str, ...], int, bool]


class Memory:
    """Reports by what was run, the latest of them. For one event loop."""

    def __init__(self, most_outcomes: int = _MOST_OUTCOMES) -> None:
        self._most = most_outcomes
        self._size = 0
        self._reports: OrderedDict[_Run, Report] = OrderedDict()

    def recall(self, run: _Run) -> Report | None:
        report = self._reports.get(run)
        if report:
            self._reports.move_to_end(run)
        return report

    def keep(self, run: _Run, report: Report) -> None:
        """Unless it tells of limits: another time there may be more time and memory."""
        if (report.trouble and report.trouble.clause == "limits") or run in self._reports:
            return
        self._reports[run] = report
        self._size += _size(report)
        while self._size > self._most:
            _, oldest = self._reports.popitem(last=False)
            self._size -= _size(oldest)


def _size(report: Report) -> int:
    return 1 + len(report.outcomes)


class Remembering:
    """A `Sandbox` in front of another."""

    def __init__(self, sandbox: Sandbox, memory: Memory) -> None:
        self._sandbox = sandbox
        self._memory = memory

    async def inspect(self, source: str, function: str) -> Inspection:
        return await self._sandbox.inspect(source, function)

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        run = (source, function, tuple(calls), seed, describe)
        report = self._memory.recall(run)
        if report is None:
            report = await self._sandbox.run(source, function, calls, seed=seed, describe=describe)
            self._memory.keep(run, report)
        return report

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        return await self._sandbox.evaluate(predicates, scopes)
