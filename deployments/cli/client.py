"""A request to a running service, with a line that says how long it has been at it."""

from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deployments.cli.console import err, fail
from schemas import LiftRequest, LiftResponse, Problem

if TYPE_CHECKING:
    import httpx

_CONNECT_S = 5.0
_GRACE_S = 10.0
"""How much longer than the request's own deadline a service may take to say that it is over."""


def lift(url: str, request: LiftRequest) -> LiftResponse:
    """The answer; ends the command with the problem's own words if there is none."""
    import httpx

    # Without a timeout in the request, the deployment's own ends the wait.
    read_s = None if request.timeout_s is None else request.timeout_s + _GRACE_S
    try:
        with _waiting():
            answer = httpx.post(
                f"{url.rstrip('/')}/v1/lift",
                json=request.model_dump(exclude_defaults=True),
                timeout=httpx.Timeout(read_s, connect=_CONNECT_S),
                # A proxy in the environment leads outside; the service is on this machine or beside it.
                trust_env=False,
            )
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        fail(f"--url {url!r} is no address: {error}; write it as http://127.0.0.1:8000")
    except httpx.ReadTimeout:
        fail(f"{url} gave no answer within {read_s:g} s")
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        fail(f"no service at {url} ({error}); start one with `lift serve`")
    except httpx.TransportError as error:
        fail(f"{url} broke off: {error}; the service's log says why")
    return _read(url, answer)


def _waiting() -> Progress:
    """Claims no progress: the service says nothing until the end."""
    columns = (SpinnerColumn(), TextColumn("IR → code → validation …"), TimeElapsedColumn())
    progress = Progress(*columns, console=err, transient=True)
    progress.add_task("", total=None)
    return progress


def _read(url: str, answer: "httpx.Response") -> LiftResponse:
    try:
        if answer.status_code == 200:
            return LiftResponse.model_validate_json(answer.content)
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        fail(f"{url} answered {answer.status_code}, and not as lift-sys does: {answer.content[:200]!r}; check --url")
    fail(_told(problem, answer.headers.get("retry-after")))


def _told(problem: Problem, retry_after_s: str | None) -> str:
    # Where there are fields, the detail repeats the first of them.
    lines = [f"{e.field}: {e.message}" for e in problem.errors] or [problem.detail]
    if retry_after_s:
        lines.append(f"try again in {retry_after_s} s")
    return "\n  ".join([f"{problem.title} ({problem.status})", *lines])
