"""A request to a running service, with a line that says how long it has been at it."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from deployments.cli.console import err, fail
from schemas import LiftRequest, LiftResponse, Problem

_STAGES = "IR → code → validation"


def lift(url: str, request: LiftRequest) -> LiftResponse:
    """The answer; ends the command with the problem's own words if there is none."""
    import httpx

    body = request.model_dump(exclude_none=True)
    with ThreadPoolExecutor(1) as pool, err.status(f"{_STAGES} …") as status:
        waiting = pool.submit(httpx.post, f"{url.rstrip('/')}/v1/lift", json=body, timeout=None)
        _tell_time(waiting, status)
        try:
            answer = waiting.result()
        except httpx.TransportError as error:
            fail(f"no service at {url} ({error}); start one with `lift serve`")
        except httpx.InvalidURL as error:
            fail(f"--url {url!r} is no address: {error}")
    if answer.status_code == 200:
        return LiftResponse.model_validate_json(answer.content)
    fail(_told(answer.status_code, answer.content))


def _tell_time(waiting: Future[Any], status: Any) -> None:
    begun = time.monotonic()
    while not waiting.done():
        status.update(f"{_STAGES} … {time.monotonic() - begun:.0f} s")
        time.sleep(0.2)


def _told(status: int, content: bytes) -> str:
    try:
        problem = Problem.model_validate_json(content)
    except ValueError:
        return f"the service answered {status}, and not as lift-sys does: {content[:200]!r}"
    return f"{problem.title} ({problem.status}): {problem.detail}"
