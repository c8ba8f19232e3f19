"""A replica killed under load: what its clients were answered, and when the service was itself again."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from itertools import count

import aiohttp
import psutil

from deployments.bench.cpu import service_of
from lift_sys.evaluation.tasks import tasks18
from schemas.wire import Wire

_PROMPTS = [task.prompt for task in tasks18()]
_PAUSE_S = 0.2
"""Before a client asks again that was refused."""
_RATE_S = 5
_AS_BEFORE = 0.9


class Answered(Wire):
    """One request. Seconds since the first."""

    begun_s: float
    ended_s: float
    status: int
    """Of HTTP; 0 where there was no answer."""


async def ask_for(
    client: aiohttp.ClientSession,
    clients: int,
    *,
    n: int,
    seconds: float,
    kill_after_s: float,
    kill: Callable[[], None],
) -> list[Answered]:
    """So many clients ask without a pause, for so long; in the midst of it `kill` is called."""
    answers: list[Answered] = []
    begun = time.monotonic()
    numbers = count()

    async def one() -> None:
        while (at := time.monotonic() - begun) < seconds:
            body = {"prompt": _PROMPTS[next(numbers) % len(_PROMPTS)], "n": n}
            try:
                async with client.post("/v1/lift", json=body) as answer:
                    await answer.read()
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError):
                status = 0
            answers.append(Answered(begun_s=at, ended_s=time.monotonic() - begun, status=status))
            if status != HTTPStatus.OK:
                await asyncio.sleep(_PAUSE_S)

    async def murder() -> None:
        await asyncio.sleep(kill_after_s)
        kill()

    await asyncio.gather(murder(), *(one() for _ in range(clients)))
    return answers


def kill_one(deployment: str) -> None:
    """SIGKILL for one replica on this machine. Raises `LookupError` when there is none."""
    for process in psutil.process_iter(["cmdline"]):
        if service_of((process.info["cmdline"] or [""])[0]) == deployment:
            process.kill()
            return
    raise LookupError(f"no replica of {deployment} runs on this machine")


def statuses(answers: Sequence[Answered]) -> dict[str, int]:
    return {str(status): times for status, times in sorted(Counter(a.status for a in answers).items())}


def rate(answers: Sequence[Answered], begin_s: float, end_s: float) -> float:
    """Good answers a second."""
    good = sum(1 for a in answers if a.status == HTTPStatus.OK and begin_s <= a.ended_s < end_s)
    return good / (end_s - begin_s)


def back_after_s(answers: Sequence[Answered], killed_s: float) -> float | None:
    """From the kill until good answers come as often as before, within a tenth; None when they never did."""
    usual = rate(answers, min(_RATE_S, killed_s / 2), killed_s)
    last = max((a.ended_s for a in answers), default=0.0) - _RATE_S
    slow = [s for s in range(int(killed_s), int(last) + 1) if rate(answers, s, s + _RATE_S) < _AS_BEFORE * usual]
    if not slow:
        return 0.0
    back = slow[-1] + 1
    return None if back > last else back - killed_s


def latency_p50_s(answers: Sequence[Answered]) -> float:
    return statistics.median(a.ended_s - a.begun_s for a in answers if a.status == HTTPStatus.OK)
