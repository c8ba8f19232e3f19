"""A request to a running service, with its steps as they are done."""

from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deployments.cli.console import err, fail, plain
from lift_sys.signatures import header
from schemas import LiftRequest, LiftResponse
from schemas.events import Accepted, Answer, CandidateDone, Event, IRDone, VerdictGiven

if TYPE_CHECKING:
    from lift_sys.client import Client


def lift(url: str, request: LiftRequest, api_key: str | None = None) -> LiftResponse:
    """The answer; ends the command with the problem's own words if there is none."""
    import httpx

    from lift_sys.client import Client, ServiceProblem

    try:
        # Whoever sits before it hears at once that the service is busy, and for how long.
        with Client(url, api_key=api_key, tries=1) as client:
            return _watched(client, request)
    except ServiceProblem as error:
        fail("\n  ".join([str(error), *([f"try again in {error.retry_after_s:g} s"] if error.retry_after_s else [])]))
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        fail(f"--url {url!r} is no address: {error}; write it as http://127.0.0.1:8000")
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        fail(f"no service at {url} ({error}); start one with `lift serve`")
    except httpx.TransportError as error:
        fail(f"{url} broke off: {error}; the service's log says why")


def _watched(client: "Client", request: LiftRequest) -> LiftResponse:
    """The answer, with a line for each step before it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("asking …", total=None)
        for event in client.stream(request):
            if isinstance(event, Answer):
                return event.response
            said, doing = told(event)
            if said:
                progress.console.print(plain(said, "dim"))
            if doing:
                progress.update(task, description=f"{doing} …")
    raise AssertionError("a stream ends with an answer, or raises")


def told(event: Event) -> tuple[str, str]:
    """What a step came to, and what is done next; either may be nothing."""
    match event:
        case Accepted():
            return "", "writing the IR"
        case IRDone(ir=ir):
            return f"IR: {header(ir.signature)}", "writing code"
        case CandidateDone(index=index):
            return "", f"{index + 1} {'variation' if index == 0 else 'variations'} written, validating"
        case VerdictGiven(verdict=verdict):
            return f"{verdict.level}: {verdict.reason}", ""
        case _:
            return "", ""
