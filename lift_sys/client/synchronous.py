"""The client for who waits."""

import contextlib
from collections.abc import Generator
from types import TracebackType
from typing import Any

import httpx
from httpx_sse import EventSource
from tenacity import Retrying

from lift_sys.client.protocol import (
    URL,
    Read,
    Reading,
    ServiceProblem,
    asking,
    is_stream,
    options,
    policy,
    read,
    refusal,
)
from schemas import LiftRequest, LiftResponse, ValidateRequest, Verdict
from schemas.events import Event


class Client:
    """`with Client(url, api_key=…) as client:`. Raises `ServiceProblem`, and httpx's `TransportError`."""

    def __init__(
        self,
        url: str = URL,
        *,
        api_key: str | None = None,
        tries: int = 4,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(**options(url, api_key), transport=transport)
        self._retrying = Retrying(**policy(tries))

    def lift(self, request: LiftRequest) -> LiftResponse:
        """The answer, once it is there. A verdict of `rejected` is one."""
        response: LiftResponse = self._retrying(self._ask, "/v1/lift", asking(request), LiftResponse)
        return response

    def validate(self, request: ValidateRequest) -> Verdict:
        """A verdict on code that you bring."""
        verdict: Verdict = self._retrying(self._ask, "/v1/validate", asking(request), Verdict)
        return verdict

    def stream(self, request: LiftRequest) -> Generator[Event, None, None]:
        """Every step when it is done, the answer last. A connection that is lost is resumed where it was.

        Close it to break off early: the service then stops the work.
        """
        reading = Reading(request)
        while not reading.over:
            answer: httpx.Response = self._retrying(self._open, reading)
            with contextlib.closing(answer):
                try:
                    for told in EventSource(answer).iter_sse():
                        # After a comment, httpx-sse makes an event of nothing.
                        if told.data:
                            yield reading.take(told)
                except httpx.TransportError as error:
                    reading.lost(error)
                except GeneratorExit:
                    with contextlib.suppress(httpx.TransportError, ServiceProblem):
                        self.cancel(reading.request_id)
                    raise
                else:
                    if not reading.over:
                        reading.lost()

    def cancel(self, request_id: str) -> None:
        """Stop a request that is streamed; for who reads it, it ends with a problem. Who sent it may."""
        answer = self._http.delete(f"/v1/lift/{request_id}")
        if answer.status_code != 204:
            raise refusal(answer)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, path: str, sent: dict[str, Any], model: type[Read]) -> Read:
        return read(self._http.post(path, **sent), model)

    def _open(self, reading: Reading) -> httpx.Response:
        answer = self._http.send(self._http.build_request(**reading.connecting()), stream=True)
        if is_stream(answer):
            return answer
        with contextlib.closing(answer):
            answer.read()
            raise refusal(answer)
