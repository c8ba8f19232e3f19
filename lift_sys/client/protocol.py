"""What both clients have in common: what they send, how they read what comes, and when they try again."""

import uuid
from typing import Any, TypedDict, TypeVar

import httpx
from httpx_sse import ServerSentEvent
from pydantic import ValidationError
from tenacity import retry_if_exception, stop_after_attempt, wait_exception, wait_random_exponential
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from schemas import LiftRequest, Problem, ValidateRequest
from schemas.events import EVENT, Accepted, Answer, Event, Failed
from schemas.wire import Wire

Read = TypeVar("Read", bound=Wire)

URL = "http://127.0.0.1:8000"
_CONNECT_S = 5.0
_GRACE_S = 10.0
"""How much longer than the request's own deadline a service may take to say that it is over."""
_SILENCE_S = 60.0
"""After which a stream counts as lost: a service says every few seconds that it is there."""
_LOSSES = 5
"""Connections of one stream that may be lost in a row without an event between them."""
_BUSY = (429, 503)
_LONGEST_WAIT_S = 60.0
"""What a service may ask for with `Retry-After`; of more, the caller decides."""


class ServiceProblem(Exception):
    """`ServiceProblem(problem, retry_after_s)`: the service's own word for why there is no answer.

    An answer that no lift-sys gives is one, too. `retry_after_s` is None where the service does not say when to come
    back.
    """

    @property
    def problem(self) -> Problem:
        problem: Problem = self.args[0]
        return problem

    @property
    def retry_after_s(self) -> float | None:
        seconds: float | None = self.args[1]
        return seconds

    def __str__(self) -> str:
        # Where there are fields, the detail repeats the first of them.
        lines = [f"{e.field}: {e.message}" for e in self.problem.errors] or [self.problem.detail]
        return "\n  ".join([f"{self.problem.title} ({self.problem.status})", *lines])


class Policy(TypedDict):
    """How tenacity tries again."""

    stop: stop_base
    wait: wait_base
    retry: retry_base
    reraise: bool


def policy(tries: int) -> Policy:
    """As long as the service asks for, and a random time more, so that those turned away do not all come at once."""
    return Policy(
        stop=stop_after_attempt(tries),
        wait=wait_random_exponential(multiplier=0.25, max=10) + wait_exception(_asked_s),
        retry=retry_if_exception(_is_worth_another_try),
        reraise=True,
    )


def _asked_s(error: BaseException) -> float:
    return (error.retry_after_s or 0.0) if isinstance(error, ServiceProblem) else 0.0


def _is_worth_another_try(error: BaseException) -> bool:
    """A busy service, and a connection that broke. What takes too long would do so again."""
    if isinstance(error, ServiceProblem):
        return error.problem.status in _BUSY and _asked_s(error) <= _LONGEST_WAIT_S
    return isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError | httpx.ConnectTimeout)


def options(url: str, api_key: str | None) -> dict[str, Any]:
    """Of httpx's clients. A proxy in the environment leads outside; a service is on this machine or beside it."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return {"base_url": url, "headers": headers, "trust_env": False}


def asking(request: LiftRequest | ValidateRequest) -> dict[str, Any]:
    """Of a request with one answer. The same key each time, so that what is tried again is not done twice."""
    # Without a timeout in the request, the deployment's own ends the wait.
    read_s = None if request.timeout_s is None else request.timeout_s + _GRACE_S
    return {
        "json": request.model_dump(mode="json", exclude_defaults=True),
        "headers": {"Idempotency-Key": _key()},
        "timeout": httpx.Timeout(read_s, connect=_CONNECT_S),
    }


def read(answer: httpx.Response, model: type[Read]) -> Read:
    """The answer as that model. Raises `ServiceProblem`."""
    if answer.status_code != 200:
        raise refusal(answer)
    try:
        return model.model_validate_json(answer.content)
    except ValidationError:
        raise _foreign(answer) from None


def is_stream(answer: httpx.Response) -> bool:
    """Whether events follow. If not, its `refusal` is to be had once it has been read."""
    kind = answer.headers.get("content-type", "")
    return answer.status_code == 200 and kind.startswith("text/event-stream")


def refusal(answer: httpx.Response) -> ServiceProblem:
    """What an answer says that is none of success."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return _foreign(answer)
    after = answer.headers.get("retry-after", "")
    return ServiceProblem(problem, float(after) if after.isdecimal() else None)


def _foreign(answer: httpx.Response) -> ServiceProblem:
    detail = f"{answer.url} answered, and not as lift-sys does: {answer.content[:200]!r}; check the address"
    return ServiceProblem(Problem(title="No answer of lift-sys", status=answer.status_code, detail=detail), None)


class Reading:
    """Where in a stream its reader is, over all connections that it takes."""

    def __init__(self, request: LiftRequest) -> None:
        body = request.model_copy(update={"stream": True}).model_dump(mode="json", exclude_defaults=True)
        self._first = {"method": "POST", "url": "/v1/lift", "json": body, "headers": {"Idempotency-Key": _key()}}
        self.request_id = ""
        """Empty until the service has accepted it."""
        self._seen = "0"
        self._losses = 0
        self.over = False

    def connecting(self) -> dict[str, Any]:
        """The request for what has not been read yet."""
        timeout = httpx.Timeout(_SILENCE_S, connect=_CONNECT_S)
        if not self.request_id:
            return {**self._first, "timeout": timeout}
        where = f"/v1/lift/{self.request_id}/events"
        return {"method": "GET", "url": where, "headers": {"Last-Event-ID": self._seen}, "timeout": timeout}

    def take(self, told: ServerSentEvent) -> Event:
        """The event. Raises `ServiceProblem` where it says that there will be no answer."""
        event = EVENT.validate_json(told.data)
        self._seen = told.id
        self._losses = 0
        if isinstance(event, Accepted):
            self.request_id = event.request_id
        if isinstance(event, Failed):
            raise ServiceProblem(event.problem, None)
        self.over = isinstance(event, Answer)
        return event

    def lost(self, error: httpx.TransportError | None = None) -> None:
        """The connection broke, or ended early. Raises that after too many in a row."""
        self._losses += 1
        if self._losses >= _LOSSES:
            raise error or httpx.RemoteProtocolError("the stream ended before there was an answer")


def _key() -> str:
    return uuid.uuid4().hex
