"""The HTTP API. It knows the service by four callables, and nothing of Ray."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from deployments.body_limit import BodyLimit
from deployments.metrics import Tell, tell_nobody
from deployments.request_meter import RequestMeter
from deployments.settings import ApiSettings
from lift_sys import errors
from lift_sys.deadline import within
from schemas import (
    CODE_GENERATION_SCHEMA,
    IR_JSON_SCHEMA,
    FieldError,
    LiftRequest,
    LiftResponse,
    Problem,
    ValidateRequest,
    Verdict,
)

Result = TypeVar("Result")

TimeoutHeader = Annotated[
    float | None,
    Header(
        alias="X-Request-Timeout",
        gt=0,
        le=3_600,
        allow_inf_nan=False,
        description="Seconds until the client gives up. Bounds the request as `timeout_s` does: the smaller counts.",
    ),
]
"""Not `X-Request-Timeout-Seconds`: that is Serve's own, whose proxy then answers in place of us."""

_LOOK_S = 1.0
_GRACE_S = 4.0
"""How long a part may be away in the middle of a request, such as a stage that restarts in a second or two."""

logger = logging.getLogger("ray.serve.lift")
"""Below Serve's own, which writes to the replica's file, in JSON where the config says so, and with a request id."""

STATUS: dict[type[errors.LiftError], tuple[int, str]] = {
    errors.SpecificationInvalid: (422, "The request cannot be used"),
    errors.NoFunction: (422, "The request asks for no function"),
    errors.Overloaded: (429, "Too much work at once"),
    errors.OutputInvalid: (502, "The model gave no usable answer"),
    errors.EngineUnavailable: (503, "No engine is available"),
    errors.SandboxUnavailable: (503, "No sandbox is available"),
    errors.DeadlinePassed: (504, "The time is over"),
}
RETRY_AFTER_S = {429: 2, 503: 10}
_PROBLEM: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": title} for status, title in sorted(STATUS.values())
}
_NO_FUNCTION_REMEDY = (
    "If a function is meant, say what it takes and returns, or state an example such as `f([1, 2]) == 3`."
)
SCHEMAS = {"ir": IR_JSON_SCHEMA, "code": CODE_GENERATION_SCHEMA}


@dataclass(frozen=True)
class Service:
    """What the API needs of the system behind it."""

    lift: Callable[[LiftRequest, str], Awaitable[LiftResponse]]
    validate: Callable[[ValidateRequest], Awaitable[Verdict]]
    missing: Callable[[], Awaitable[tuple[str, ...]]]
    """The parts that cannot work now; none when the system is ready."""


def make_api(service: Service, settings: ApiSettings, tell: Tell = tell_nobody) -> FastAPI:
    api = FastAPI(
        title="lift-sys",
        summary="From a request in natural language to a validated Python function.",
        version="1",
    )
    api.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes)
    api.add_middleware(RequestMeter, tell=tell)
    _add_problems(api)
    _add_probes(api, service)

    @api.post("/v1/lift", responses=_PROBLEM)
    async def lift(request: LiftRequest, header_s: TimeoutHeader = None) -> LiftResponse:
        """Specify, write and validate a function. A verdict of `rejected` is an answer, not an error."""
        await _require(service)
        work = _while_available(service.lift(request, uuid.uuid4().hex), service)
        return await _in_time(work, _shorter(request.timeout_s, header_s), settings)

    @api.post("/v1/validate", responses=_PROBLEM)
    async def validate(request: ValidateRequest, header_s: TimeoutHeader = None) -> Verdict:
        """Give a verdict on code that you bring, held to an IR or to examples of a function."""
        return await _in_time(service.validate(request), _shorter(request.timeout_s, header_s), settings)

    @api.get("/v1/schemas/{name}", responses={404: {"model": Problem}})
    async def schema(name: str) -> dict[str, Any]:
        """The JSON Schema that the IR or the code of an answer is valid under."""
        if name not in SCHEMAS:
            raise HTTPException(404, f"no schema {name!r}; there are {', '.join(SCHEMAS)}")
        return SCHEMAS[name]

    return api


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


def _shorter(*limits_s: float | None) -> float | None:
    return min((limit for limit in limits_s if limit is not None), default=None)


def _add_problems(api: FastAPI) -> None:
    """Every error leaves as problem details."""

    @api.exception_handler(errors.LiftError)
    async def ours(request: Request, error: errors.LiftError) -> JSONResponse:
        status, title = STATUS[type(error)]
        if isinstance(error, errors.SpecificationInvalid):
            field, message = error.args
            return _problem(request, status, title, f"{field}: {message}", (FieldError(field=field, message=message),))
        if isinstance(error, errors.NoFunction):
            return _problem(request, status, title, f"prompt: {error} {_NO_FUNCTION_REMEDY}")
        answer = _problem(request, status, title, str(error))
        if isinstance(error, errors.Overloaded) and error.retry_after_s:
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer

    @api.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        found = tuple(FieldError(field=_field(e["loc"]), message=e["msg"]) for e in error.errors())
        detail = "; ".join(f"{e.field}: {e.message}" for e in found[:3])
        return _problem(request, 422, "The request does not fit its schema", detail, found)

    @api.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        at_body = error.status_code in (400, 413)
        found = (FieldError(field="body", message=str(error.detail)),) if at_body else ()
        return _problem(request, error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail), found)

    @api.exception_handler(Exception)
    async def surprise(request: Request, error: Exception) -> JSONResponse:
        logger.error("unexpected error on %s", request.url.path, exc_info=error)
        return _problem(request, 500, "Unexpected error", "the server's log says more")


def _problem(
    request: Request, status: int, title: str, detail: str, found: tuple[FieldError, ...] = ()
) -> JSONResponse:
    problem = Problem(title=title, status=status, detail=detail, instance=request.url.path, errors=found)
    retry = {"Retry-After": str(RETRY_AFTER_S[status])} if status in RETRY_AFTER_S else {}
    return JSONResponse(problem.model_dump(), status, retry, media_type="application/problem+json")


def _field(location: tuple[int | str, ...]) -> str:
    """Where in the body, with dots. An offset into broken JSON is the body itself."""
    names = [str(part) for part in location if part != "body"]
    return "body" if not names or names[0].isdigit() else ".".join(names)
