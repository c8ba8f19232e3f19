"""The HTTP API. It knows the service by four callables, and nothing of Ray."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from deployments.api.chat import chat_routes
from deployments.api.deadline_header import TimeoutHeader, shorter
from deployments.api.description import describe
from deployments.api.explained import KINDS, STATUS, add_problems, problem_of
from deployments.api.problem_pages import add_problem_pages
from deployments.api.streaming import EVENTS, Elsewhere, Streaming, add_cancel, add_resume, nowhere
from deployments.api.streams import Streams
from deployments.jobs.lifting import Lifting
from deployments.jobs.routes import add_jobs
from deployments.jobs.service import Jobs
from deployments.metrics import Tell, tell_nobody
from deployments.page.routes import add_page
from deployments.request_meter import RequestMeter
from deployments.security.body_limit import BodyLimit
from deployments.security.callers import request_id
from deployments.security.middleware import secure
from deployments.security.quotas import charged
from deployments.settings import ApiSettings
from lift_sys import errors
from lift_sys.deadline import within
from lift_sys.pipeline import Watch, unwatched
from schemas import (
    CODE_GENERATION_SCHEMA,
    IR_JSON_SCHEMA,
    LiftRequest,
    LiftResponse,
    Problem,
    ValidateRequest,
    Verdict,
)

Result = TypeVar("Result")

_LOOK_S = 1.0
_GRACE_S = 4.0
"""How long a part may be away in the middle of a request, such as a stage that restarts in a second or two."""

_PROBLEM: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": title} for status, title in sorted(STATUS.values())
}
SCHEMAS = {"ir": IR_JSON_SCHEMA, "code": CODE_GENERATION_SCHEMA}


@dataclass(frozen=True)
class Service:
    """What the API needs of the system behind it."""

    lift: Callable[[LiftRequest, str, Watch], Awaitable[LiftResponse]]
    """With the request's id, and who hears of its steps."""
    validate: Callable[[ValidateRequest], Awaitable[Verdict]]
    missing: Callable[[], Awaitable[tuple[str, ...]]]
    """The parts that cannot work now; none when the system is ready."""
    model: str = "lift"
    """The name that it goes by among OpenAI's clients."""
    cancel_elsewhere: Elsewhere = nowhere


def make_api(
    service: Service,
    settings: ApiSettings,
    tell: Tell = tell_nobody,
    *,
    jobs: Jobs | None = None,
    streams: Streams | None = None,
    usd_per_hour: float = 0.0,
) -> FastAPI:
    """`streams` are those that the service can cancel; `usd_per_hour` is of one engine, for the page."""
    api = FastAPI(
        title="lift-sys",
        summary="From a request in natural language to a validated Python function.",
        version="1",
    )
    api.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes, body_timeout_s=settings.body_timeout_s)
    quotas = secure(api, settings)
    service = replace(service, lift=charged(service.lift, quotas))
    api.add_middleware(RequestMeter, tell=tell)
    add_problems(api)
    add_problem_pages(api, KINDS)
    describe(api, KINDS)
    _add_probes(api, service)
    add_page(api, usd_per_hour)
    lifting = _Lifting(service, settings)
    if jobs:
        # Before the routes whose POSTs its idempotency keys are for.
        add_jobs(api, jobs, Lifting(lifting.unwatched, service.missing, problem_of))
    if streams is None:
        streams = Streams(settings.stream_kept_s, settings.streams_kept)
    add_cancel(api, streams, service.cancel_elsewhere)
    _add_lift(api, lifting, settings, streams)
    _add_validate(api, service, settings)
    return api


class _Lifting:
    """A request's answer within its time, whoever asks."""

    def __init__(self, service: Service, settings: ApiSettings) -> None:
        self._service = service
        self._settings = settings

    @property
    def model(self) -> str:
        return self._service.model

    async def watched(
        self, request: LiftRequest, request_id: str, watch: Watch, header_s: float | None = None
    ) -> LiftResponse:
        await _require(self._service)
        work = _while_available(self._service.lift(request, request_id, watch), self._service)
        return await _in_time(work, shorter(request.timeout_s, header_s), self._settings)

    async def unwatched(self, request: LiftRequest, request_id: str) -> LiftResponse:
        return await self.watched(request, request_id, unwatched)


def _add_lift(api: FastAPI, lifting: _Lifting, settings: ApiSettings, streams: Streams) -> None:
    """In our own form, and in OpenAI's."""
    streaming = Streaming(settings, streams)
    add_resume(api, streaming)
    api.include_router(chat_routes(lifting.watched, lifting.model, settings.stream_ping_s))

    @api.post("/v1/lift", responses={**_PROBLEM, **EVENTS}, response_model=LiftResponse)
    async def lift(
        request: LiftRequest, http: Request, header_s: TimeoutHeader = None
    ) -> LiftResponse | StreamingResponse:
        """Specify, write and validate a function. A verdict of `rejected` is an answer, not an error."""
        this = request_id()
        if request.stream:
            return await streaming.begin(http, this, lambda watch: lifting.watched(request, this, watch, header_s))
        return await lifting.watched(request, this, unwatched, header_s)


def _add_validate(api: FastAPI, service: Service, settings: ApiSettings) -> None:
    @api.post("/v1/validate", responses=_PROBLEM)
    async def validate(request: ValidateRequest, header_s: TimeoutHeader = None) -> Verdict:
        """Give a verdict on code that you bring, held to an IR or to examples of a function."""
        return await _in_time(service.validate(request), shorter(request.timeout_s, header_s), settings)

    @api.get("/v1/schemas/{name}", responses={404: {"model": Problem}})
    async def schema(name: str) -> dict[str, Any]:
        """The JSON Schema that the IR or the code of an answer is valid under."""
        if name not in SCHEMAS:
            raise HTTPException(404, f"no schema {name!r}; there are {', '.join(SCHEMAS)}")
        return SCHEMAS[name]


def _add_probes(api: FastAPI, service: Service) -> None:
    @api.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether this process answers."""
        return {"status": "ok"}

    @api.get("/readyz", responses={503: {"model": Problem}})
    async def readyz() -> dict[str, str]:
        """Whether every stage has somebody to do its work."""
        await _require(service)
        return {"status": "ready"}


async def _require(service: Service) -> None:
    missing = await service.missing()
    if missing:
        raise errors.EngineUnavailable(f"no running replica of {', '.join(missing)}")


async def _while_available(work: Awaitable[Result], service: Service) -> Result:
    """The result, unless a part stays away for too long: Serve keeps a call waiting as long as there is no replica."""
    task = asyncio.ensure_future(work)
    present = time.monotonic()
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_S))[0]:
            if not await service.missing():
                present = time.monotonic()
            elif time.monotonic() - present > _GRACE_S:
                await _require(service)
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _in_time(work: Awaitable[Result], timeout_s: float | None, settings: ApiSettings) -> Result:
    """The result, unless the request's time is over first: then the work is cancelled, down to the engine."""
    limit_s = min(timeout_s or settings.default_timeout_s, settings.max_timeout_s)
    async with within(limit_s):
        return await work
