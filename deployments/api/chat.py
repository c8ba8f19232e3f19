"""`POST /v1/chat/completions` and `GET /v1/models`, for programs that speak OpenAI's API."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from deployments.api.deadline_header import TimeoutHeader
from deployments.api.streaming import EVENTS, EventStream, begun
from deployments.api.streams import Stream
from deployments.security.callers import request_id
from lift_sys.errors import SpecificationInvalid
from lift_sys.pipeline import Watch, unwatched
from schemas import LiftRequest, LiftResponse, Problem, StageReport
from schemas.chat import (
    ChatAnswer,
    ChatChoice,
    ChatChunk,
    ChatChunkChoice,
    ChatCompletion,
    ChatDelta,
    ChatError,
    ChatModel,
    ChatModels,
    ChatProblem,
    ChatRequest,
    ChatUsage,
)
from schemas.events import Accepted, Answer, Event, Failed
from schemas.wire import Wire

Lift = Callable[[LiftRequest, str, Watch, float | None], Awaitable[LiftResponse]]
"""The last is the client's deadline in seconds."""

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
"""OpenAI's words for statuses; another one below 500 is an `invalid_request_error`, others are a `server_error`."""
_DONE = b"data: [DONE]\n\n"


class _Route(APIRoute):
    """Whose every error is in OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                return _in_their_form(await _response_to(request, error))

        return handled


def chat_routes(lift: Lift, model: str, ping_s: float) -> APIRouter:
    """`lift` does the work of a request, and `model` is the name it goes by."""
    problems: dict[int | str, dict[str, Any]] = {
        status: {"model": ChatProblem} for status in (400, 404, 408, 413, 422, 429, 500, 502, 503, 504)
    }
    router = APIRouter(route_class=_Route)

    @router.get("/v1/models")
    async def models() -> ChatModels:
        """The one model there is."""
        return ChatModels(data=(ChatModel(id=model),))

    @router.post("/v1/chat/completions", response_model=ChatCompletion, responses={**problems, **EVENTS})
    async def chat(
        request: ChatRequest, http: Request, header_s: TimeoutHeader = None
    ) -> ChatCompletion | StreamingResponse:
        """The last message of the user is the request, the answer is code; `lift` holds the verdict on it."""
        if request.model != model:
            raise HTTPException(404, f"no model {request.model!r}; there is {model!r}")
        asked, this = asked_for(request), request_id()
        if not request.stream:
            return completion(await lift(asked, this, unwatched, header_s))
        stream = await begun(http, lambda watch: lift(asked, this, watch, header_s))
        usage = bool(request.stream_options and request.stream_options.include_usage)
        return EventStream(_chunks(stream, _Chunks(this, model), usage, ping_s), stream, _aborting(stream))

    return router


def asked_for(request: ChatRequest) -> LiftRequest:
    """Raises `SpecificationInvalid` where there is no message, or one that no request can be."""
    place, message = next(
        ((i, m) for i, m in reversed(list(enumerate(request.messages))) if m.role == "user"), (-1, None)
    )
    if message is None:
        raise SpecificationInvalid("messages", "there is none of the user's")
    try:
        return LiftRequest(prompt=message.text, temperature=request.temperature)
    except ValidationError as error:
        raise SpecificationInvalid(f"messages.{place}.content", error.errors(include_url=False)[0]["msg"]) from None


def completion(response: LiftResponse) -> ChatCompletion:
    return ChatCompletion(
        id=_id(response.request_id),
        created=int(time.time()),
        model=response.model,
        choices=(ChatChoice(message=ChatAnswer(content=response.code.source)),),
        usage=usage_of(response.stages),
        lift=response,
    )


def usage_of(stages: tuple[StageReport, ...]) -> ChatUsage:
    """Of all calls of the model."""
    prompt, written = sum(s.prompt_tokens for s in stages), sum(s.completion_tokens for s in stages)
    return ChatUsage(prompt_tokens=prompt, completion_tokens=written, total_tokens=prompt + written)


def error_of(problem: Problem) -> ChatProblem:
    kind = _TYPES.get(problem.status, "invalid_request_error" if problem.status < 500 else "server_error")
    param = problem.errors[0].field if problem.errors else None
    return ChatProblem(
        error=ChatError(message=f"{problem.title}: {problem.detail}", type=kind, param=param, code=problem.type)
    )


class _Chunks:
    """Of one completion."""

    def __init__(self, request_id: str, model: str) -> None:
        self._same = {"id": _id(request_id), "created": int(time.time()), "model": model}

    def of(self, event: Event) -> Iterator[ChatChunk]:
        role = "assistant" if isinstance(event, Accepted) else None
        code = event.response.code.source if isinstance(event, Answer) else None
        yield self._chunk(ChatChunkChoice(delta=ChatDelta(role=role, content=code)), lift=event)
        if isinstance(event, Answer):
            yield self._chunk(ChatChunkChoice(delta=ChatDelta(), finish_reason="stop"))

    def with_usage(self, usage: ChatUsage) -> ChatChunk:
        return self._chunk(usage=usage)

    def _chunk(self, *choices: ChatChunkChoice, **more: Any) -> ChatChunk:
        return ChatChunk(**self._same, choices=choices, **more)


async def _chunks(stream: Stream, chunks: _Chunks, with_usage: bool, ping_s: float) -> AsyncIterator[bytes]:
    async for told in stream.read(0, silence_s=ping_s):
        if told is None:
            yield KEEPALIVE_COMMENT
            continue
        _, event = told
        if isinstance(event, Failed):
            yield _wire(error_of(event.problem))
            return
        for chunk in chunks.of(event):
            yield _wire(chunk)
        if isinstance(event, Answer) and with_usage:
            yield _wire(chunks.with_usage(usage_of(event.response.stages)))
    yield _DONE


@contextlib.contextmanager
def _aborting(stream: Stream) -> Iterator[None]:
    """Their clients do not come back, so the work ends with the connection."""
    try:
        yield
    finally:
        stream.abort()


async def _response_to(request: Request, error: Exception) -> Response:
    """What an error would be in our own form."""
    handlers = request.app.exception_handlers
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    response: Response = await handler(request, error)
    return response


def _in_their_form(response: Response) -> Response:
    problem = Problem.model_validate_json(bytes(response.body))
    headers = {name: response.headers[name] for name in ("retry-after",) if name in response.headers}
    return JSONResponse(error_of(problem).model_dump(), response.status_code, headers)


def _wire(value: Wire) -> bytes:
    return format_sse_event(data_str=value.model_dump_json())


def _id(request_id: str) -> str:
    return f"chatcmpl-{request_id}"
