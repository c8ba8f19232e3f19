"""`POST /v1/lift` with `stream: true`, as server-sent events; how to read on, and how to cancel."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from deployments.api.explained import problem_of
from deployments.api.streams import Key, Stream, Streams, Work
from deployments.metrics import Outcome
from deployments.request_meter import OUTCOME, outcome_of
from deployments.security.callers import called_by, current_caller, request_id
from deployments.settings import ApiSettings
from lift_sys.errors import SpecificationInvalid
from lift_sys.pipeline import Watch
from schemas import LiftResponse, Problem
from schemas.events import NAMES, Answer, Failed

Elsewhere = Callable[[str, str], Awaitable[bool]]
"""Cancels a stream of the caller's, by the request's id, in whichever ingress it is; whether there was one."""

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            EventSourceResponse.media_type: {
                "schema": {
                    "description": "Of each event; `data` is JSON.",
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "event": {"type": "string", "enum": list(NAMES)},
                        "data": {"type": "string"},
                    },
                    "required": ["data"],
                }
            }
        }
    }
}
"""What a route that streams says of itself."""


class Streaming:
    """Opens streams, and finds those that are kept."""

    def __init__(self, settings: ApiSettings, streams: Streams) -> None:
        self._settings = settings
        self._streams = streams

    async def begin(self, request: Request, request_id: str, work: Work) -> StreamingResponse:
        """The response to a request, once its work has begun. Raises what kept the work from beginning."""
        stream = await begun(request, work)
        owner = current_caller().name
        self._streams.add(owner, request_id, stream)
        return self._reading((owner, request_id), stream, 0)

    def resume(self, request: Request, request_id: str, after: int) -> StreamingResponse:
        """The response with the events after that number. Raises `HTTPException` where there is no such stream."""
        owner = current_caller().name
        stream = self._streams.find(owner, request_id)
        if stream is None:
            kept_s = self._settings.stream_kept_s
            raise HTTPException(
                404, f"no events of {request_id!r}; they are kept {kept_s:g} s after the last reader left"
            )
        if after > stream.told:
            raise SpecificationInvalid("Last-Event-ID", f"{after}, and there have been {stream.told} events so far")
        return self._reading((owner, request_id), stream, after)

    def _reading(self, key: Key, stream: Stream, after: int) -> StreamingResponse:
        return EventStream(_wire(stream, after, self._settings.stream_ping_s), stream, self._streams.reading(*key))


def add_resume(api: FastAPI, streaming: Streaming) -> None:
    @api.get(
        "/v1/lift/{request_id}/events",
        response_class=StreamingResponse,
        responses={404: {"model": Problem}, 422: {"model": Problem}, **EVENTS},
    )
    async def events(
        request: Request, request_id: str, last_event_id: Annotated[int, Header(ge=0)] = 0
    ) -> StreamingResponse:
        """Read on where a connection was lost: the events after `Last-Event-ID`, those told meanwhile included."""
        return streaming.resume(request, request_id, last_event_id)


async def nowhere(owner: str, request_id: str) -> bool:
    """There is no other ingress."""
    return False


def add_cancel(api: FastAPI, streams: Streams, elsewhere: Elsewhere) -> None:
    @api.delete(
        "/v1/lift/{request_id}", status_code=204, responses={status: {"model": Problem} for status in (404, 422, 503)}
    )
    async def cancel(request_id: Annotated[str, Path(max_length=64)]) -> None:
        """Stop a streamed request of yours at once, down to the engine and the sandbox. One that has ended stays so."""
        owner = current_caller().name
        if not streams.cancel(owner, request_id) and not await elsewhere(owner, request_id):
            raise HTTPException(404, f"no stream of {request_id!r} is at work or kept")


async def begun(request: Request, work: Work) -> Stream:
    """The stream of this work, with its first event. Raises what ended the work before one."""
    caller, this = current_caller(), request_id()

    async def theirs(watch: Watch) -> LiftResponse:
        with called_by(caller, this):
            return await work(watch)

    stream = Stream(theirs, lambda error: problem_of(error, request.url.path))
    try:
        await stream.begun()
    except BaseException:
        stream.abort()
        raise
    return stream


class EventStream(StreamingResponse):
    """One reader's connection."""

    media_type = EventSourceResponse.media_type

    def __init__(self, content: AsyncIterator[bytes], stream: Stream, reading: AbstractContextManager[None]) -> None:
        # Nginx would else wait for more before it passes anything on.
        super().__init__(content, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._reading = reading
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._reading:
            await super().__call__(scope, receive, send)
        scope.setdefault("state", {})[OUTCOME] = outcome(self._stream)


def outcome(stream: Stream) -> Outcome:
    """How the request ended for the reader who leaves now."""
    match stream.last:
        case Answer():
            return "answered"
        case Failed(problem=problem):
            return outcome_of(problem.status)
        case _:
            return "cancelled"


async def _wire(stream: Stream, after: int, ping_s: float) -> AsyncIterator[bytes]:
    async for told in stream.read(after, silence_s=ping_s):
        if told is None:
            yield KEEPALIVE_COMMENT
        else:
            number, event = told
            yield format_sse_event(data_str=event.model_dump_json(), event=event.event, id=str(number))
