"""The executor under load, out of patience, and killed: with real processes."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lift_sys.errors import Overloaded
from lift_sys.executor.queue import FairQueue
from lift_sys.jail.values import decode
from lift_sys.sandbox import Limits, ProcessSandbox, Report

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
GOOD = "def f(x):\n    return x + 1\n"
SLOW = "import time\ndef f(x):\n    time.sleep(0.1)\n    return x\n"
BUSY = "import time\ndef f(x):\n    end = time.process_time() + 0.1\n    while time.process_time() < end: pass\n"
LONG = "import time\ndef f(x):\n    time.sleep(0.7)\n    return x\n"


@contextlib.contextmanager
def own(concurrency: int = 1, **terms: float) -> Iterator[ProcessSandbox]:
    sandbox = ProcessSandbox(Limits(call_s=1.0, cpu_s=2, wall_s=3.0), concurrency=concurrency, **terms)  # type: ignore[arg-type]
    try:
        yield sandbox
    finally:
        sandbox.close()


def value(report: Report) -> object:
    assert report.trouble is None, report.trouble.detail
    return decode(report.outcomes[0].returned or [])


@pytest.mark.siege
async def test_requests_take_turns_however_many_runs_one_has() -> None:
    with own() as sandbox:
        greedy, modest = sandbox.request(), sandbox.request()
        ended: list[str] = []

        async def run(name: str, jobs: object) -> None:
            await jobs.run(SLOW, "f", ["1"])  # type: ignore[attr-defined]
            ended.append(name)

        await modest.run(GOOD, "f", ["1"])
        many = [asyncio.create_task(run("greedy", greedy)) for _ in range(12)]
        await asyncio.sleep(0.05)
        await run("modest", modest)
        assert ended.index("modest") <= 3
        await asyncio.gather(*many)


@pytest.mark.siege
async def test_a_request_that_has_used_its_time_is_refused_and_no_other() -> None:
    with own(budget_s=0.25) as sandbox:
        greedy = sandbox.request()
        reports = [await greedy.run(BUSY, "f", ["1"]) for _ in range(6)]
        refused = [report for report in reports if report.trouble]
        assert 2 <= len(refused) < 6
        assert refused[-1].trouble is not None
        assert refused[-1].trouble.detail == "the request has used its 0.25 s of CPU time"
        assert value(await sandbox.run(GOOD, "f", ["1"])) == 2


@pytest.mark.siege
async def test_more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_done() -> None:
    with own(most_waiting=4) as sandbox:
        await sandbox.tier()
        begun = time.monotonic()
        work = [asyncio.create_task(sandbox.run(SLOW, "f", ["1"])) for _ in range(20)]
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_EXCEPTION)
        assert time.monotonic() - begun < 1.0
        assert any(isinstance(task.exception(), Overloaded) for task in done)
        answers = await asyncio.gather(*work, return_exceptions=True)
        assert [a for a in answers if not isinstance(a, Overloaded | Report)] == []
        assert sum(isinstance(a, Report) for a in answers) >= 4


def executors() -> list[psutil.Process]:
    """Those that this process started."""
    children = psutil.Process().children()
    return [child for child in children if "lift_sys.executor.daemon" in " ".join(child.cmdline())]


def newest_executor(before: list[psutil.Process]) -> psutil.Process:
    [new] = [process for process in executors() if process not in before]
    return new


@pytest.mark.siege
@pytest.mark.parametrize(
    ("victim", "fate"), [("executor", signal.SIGKILL), ("jail", signal.SIGKILL), ("executor", signal.SIGSTOP)]
)
async def test_what_was_accepted_is_done_although_a_process_is_hurt(victim: str, fate: signal.Signals) -> None:
    before = executors()
    with own() as sandbox:
        assert value(await sandbox.run(GOOD, "f", ["1"])) == 2
        executor = newest_executor(before)
        work = asyncio.create_task(sandbox.run(LONG, "f", ["7"]))
        await asyncio.sleep(0.3)
        for process in [executor] if victim == "executor" else executor.children():
            process.send_signal(fate)
        assert value(await work) == 7
        assert not psutil.pid_exists(executor.pid) or victim == "jail", "one that is stopped is not left behind"


async def test_what_is_given_up_is_ended_or_not_begun() -> None:
    with own(concurrency=1) as sandbox:
        assert value(await sandbox.run(GOOD, "f", ["1"])) == 2
        work = [asyncio.create_task(sandbox.run(LONG, "f", [str(index)])) for index in range(20)]
        await asyncio.sleep(0.3)
        for one in work:
            one.cancel()
        begun = time.monotonic()
        assert value(await sandbox.run(GOOD, "f", ["1"])) == 2
        assert time.monotonic() - begun < 5
        assert all(one.cancelled() for one in work)


@pytest.mark.siege
async def test_nothing_is_left_when_it_is_closed() -> None:
    before = executors()
    with own(concurrency=2) as sandbox:
        await asyncio.gather(*(sandbox.run(GOOD, "f", ["1"], seed=seed) for seed in (0, 1, 0, 1)))
        executor = newest_executor(before)
        below = executor.children(recursive=True)
        assert len(below) >= 2
    _, alive = psutil.wait_procs([executor, *below], timeout=5)
    assert alive == []


CLIENT = f"""
import asyncio, time
from lift_sys.sandbox import ProcessSandbox
sandbox = ProcessSandbox()
asyncio.run(sandbox.run("def f(): ...", "f", [""]))
print("ready", flush=True)
asyncio.run(sandbox.run({LONG!r}, "f", ["1"]))
time.sleep(60)
"""


@pytest.mark.siege
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_client_is_killed(ending: signal.Signals) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT], stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    with client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        below = psutil.Process(client.pid).children(recursive=True)
        assert len(below) >= 2
        client.send_signal(ending)
    _, alive = psutil.wait_procs(below, timeout=6)
    assert alive == []


async def test_a_queue_serves_each_request_in_turn() -> None:
    queue: FairQueue[str] = FairQueue(most=10)
    for request, job in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")):
        assert await queue.put(request, job)
    assert [await queue.get() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert len(queue) == 0


async def test_a_full_queue_takes_nothing_more() -> None:
    queue: FairQueue[int] = FairQueue(most=2)
    assert [await queue.put("a", i) for i in range(3)] == [True, True, False]
    assert await queue.get() == 0
    assert await queue.put("a", 4)


async def test_a_queue_wakes_whoever_waits() -> None:
    queue: FairQueue[int] = FairQueue(most=2)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    await queue.put("a", 1)
    assert await asyncio.wait_for(waiting, 1) == 1
