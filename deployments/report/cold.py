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
    ready_s: float
    """From the provocation until `/readyz` says so."""
    first_answer_s: float | None
    """From the provocation; None where there was none."""
    said: str = ""


async def start(provocation: str, endpoint: Endpoint, until_ready: Callable[[], Awaitable[None]]) -> Cold:
    """By `idle`, or a command of the shell that makes the service start anew and then ends."""
    begun = time.monotonic()
    if provocation == IDLE:
        return _told("the first request, to a service that is said to be at zero", begun, 0.0, await endpoint.lift(0))
    process = await asyncio.create_subprocess_shell(provocation)
    if code := await process.wait():
        return Cold(f"`{provocation}`", 0.0, None, f"the command failed, with exit code {code}")
    await until_ready()
    ready_s = time.monotonic() - begun
    return _told(f"`{provocation}`", begun, ready_s, await endpoint.lift(0))


def _told(how: str, begun: float, ready_s: float, sample: Sample) -> Cold:
    if sample.response is None:
        return Cold(how, round(ready_s, 3), None, sample.said)
    return Cold(how, round(ready_s, 3), round(time.monotonic() - begun, 3))
