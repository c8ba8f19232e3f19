"""Send tasks to a running service, and check its answers by what it never saw."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Literal

import httpx

from lift_sys.evaluation.tasks import Task, solves
from lift_sys.sandbox import ProcessSandbox, Sandbox
from schemas.api import LiftResponse
from schemas.verdict import Level
from schemas.wire import Wire


class Row(Wire):
    """What came of one task."""

    task: str
    verdict: Level | Literal["error"]
    solved: bool
    wrong: str | None
    """What the chosen code got wrong, or the error."""
    agreement: float | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float
    source: str = ""


async def evaluate(
    url: str, tasks: Sequence[Task], *, concurrency: int, n: int | None, on_row: Callable[[Row], None]
) -> list[Row]:
    """One row a task, in the order of the tasks; `on_row` hears of each as it is done."""
    free = asyncio.Semaphore(concurrency)
    sandbox = ProcessSandbox()

    async def one(task: Task) -> Row:
        async with free:
            row = await _row(client, task, n, sandbox)
        on_row(row)
        return row

    async with httpx.AsyncClient(base_url=url, timeout=None) as client:
        return await asyncio.gather(*(one(task) for task in tasks))


async def _row(client: httpx.AsyncClient, task: Task, n: int | None, sandbox: Sandbox) -> Row:
    begun = time.monotonic()
    try:
        answer = await client.post("/v1/lift", json={"prompt": task.prompt, "n": n})
    except httpx.TransportError as error:
        return _failed(task, f"{type(error).__name__}: {error}", begun)
    if answer.status_code != 200:
        return _failed(task, answer.text[:300], begun)
    response = LiftResponse.model_validate_json(answer.content)
    wrong = await solves(task, response.code.source, sandbox)
    return Row(
        task=task.id,
        verdict=response.verdict.level,
        solved=wrong is None,
        wrong=wrong,
        agreement=response.verdict.agreement,
        prompt_tokens=sum(s.prompt_tokens for s in response.stages),
        cached_tokens=sum(s.cached_tokens for s in response.stages),
        completion_tokens=sum(s.completion_tokens for s in response.stages),
        seconds=round(time.monotonic() - begun, 3),
        source=response.code.source,
    )


def _failed(task: Task, why: str, begun: float) -> Row:
    seconds = round(time.monotonic() - begun, 3)
    return Row(task=task.id, verdict="error", solved=False, wrong=why, seconds=seconds)
