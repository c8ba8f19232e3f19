"""A cold start: provoked by a command, or by the first request to a service at zero."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deployments.report.samples import Endpoint, Sample

IDLE = "idle"


@dataclass(frozen=True)
class Cold:
    how: str
    """It was provoked."""
    ready_s: float | None
    """From the provocation until `/readyz` says so; None where a request is what provokes it."""
    first_answer_s: float | None
    """From the provocation; None where there was none."""
    said: str = ""


async def start(provocation: str, endpoint: Endpoint, until_ready: Callable[[], Awaitable[None]]) -> Cold:
    """By `idle`, or a command of the shell that makes the service start anew and then ends."""
    begun = time.monotonic()
    if provocation == IDLE:
        return _told("the first request, to a service that is said to be at zero", begun, None, await endpoint.lift(0))
    process = await asyncio.create_subprocess_shell(provocation)
    if code := await process.wait():
        return Cold(f"`{provocation}`", None, None, f"the command failed, with exit code {code}")
    await until_ready()
    ready_s = round(time.monotonic() - begun, 3)
    return _told(f"`{provocation}`", begun, ready_s, await endpoint.lift(0))


def _told(how: str, begun: float, ready_s: float | None, sample: Sample) -> Cold:
    if sample.response is None:
        return Cold(how, ready_s, None, sample.said)
    return Cold(how, ready_s, round(time.monotonic() - begun, 3))
