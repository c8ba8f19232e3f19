"""The client for who awaits: as `synchronous.py`, word for word but for the awaiting."""

import contextlib
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any

import httpx
from httpx_sse import EventSource
from tenacity import AsyncRetrying

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


class AsyncClient:
    """`async with AsyncClient(url, api_key=…) as client:`. Raises `ServiceProblem`, and httpx's `TransportError`."""

    def __init__(
        self,
        url: str = URL,
        *,
        api_key: str | None = None,
        tries: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**options(url, api_key), transport=transport)
        self._retrying = AsyncRetrying(**policy(tries))

    async def lift(self, request: LiftRequest) -> LiftResponse:
        """The answer, once it is there. A verdict of `rejected` is one."""
        response: LiftResponse = await self._retrying(self._ask, "/v1/lift", asking(request), LiftResponse)
        return response

    async def validate(self, request: ValidateRequest) -> Verdict:
        """A verdict on code that you bring."""
        verdict: Verdict = await self._retrying(self._ask, "/v1/validate", asking(request), Verdict)
        return verdict

    async def stream(self, request: LiftRequest) -> AsyncGenerator[Event, None]:
        """Every step when it is done, the answer last. A connection that is lost is resumed where it was.

        Close it to break off early: the service then stops the work.
        """
        reading = Reading(request)
        while not reading.over:
            answer: httpx.Response = await self._retrying(self._open, reading)
            async with contextlib.aclosing(answer):
                try:
                    async for told in EventSource(answer).aiter_sse():
                        # After a comment, httpx-sse makes an event of nothing.
                        if told.data:
                            yield reading.take(told)
                except httpx.TransportError as error:
                    reading.lost(error)
                except GeneratorExit:
                    with contextlib.suppress(httpx.TransportError, ServiceProblem):
                        await self.cancel(reading.request_id)
                    raise
                else:
                    if not reading.over:
                        reading.lost()

    async def cancel(self, request_id: str) -> None:
        """Stop a request that is streamed; for who reads it, it ends with a problem. Who sent it may."""
        answer = await self._http.delete(f"/v1/lift/{request_id}")
        if answer.status_code != 204:
            raise refusal(answer)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, path: str, sent: dict[str, Any], model: type[Read]) -> Read:
        return read(await self._http.post(path, **sent), model)

    async def _open(self, reading: Reading) -> httpx.Response:
        answer = await self._http.send(self._http.build_request(**reading.connecting()), stream=True)
        if is_stream(answer):
            return answer
        async with contextlib.aclosing(answer):
            await answer.aread()
            raise refusal(answer)
