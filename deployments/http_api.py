"""The HTTP API. It knows the service by four callables, and nothing of Ray."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from deployments.body_limit import BodyLimit
from deployments.callers import request_id
from deployments.description import describe
from deployments.metrics import Tell, tell_nobody
from deployments.page.routes import add_page
from deployments.problem_pages import add_problem_pages
from deployments.problems import (
    MISSHAPEN,
    UNEXPECTED,
    WORDS,
    Kind,
    kind_of,
    kind_of_status,
    kinds,
    response,
)
from deployments.quotas import charged
from deployments.request_meter import RequestMeter
from deployments.security import secure
from deployments.settings import ApiSettings
from lift_sys import errors
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
KINDS = kinds(STATUS)
_PROBLEM: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": title} for status, title in sorted(STATUS.values())
}
_NO_FUNCTION_REMEDY = WORDS[errors.NoFunction].remedy
SCHEMAS = {"ir": IR_JSON_SCHEMA, "code": CODE_GENERATION_SCHEMA}


@dataclass(frozen=True)
class Service:
    """What the API needs of the system behind it."""

    lift: Callable[[LiftRequest, str], Awaitable[LiftResponse]]
    validate: Callable[[ValidateRequest], Awaitable[Verdict]]
    missing: Callable[[], Awaitable[tuple[str, ...]]]
    """The parts that cannot work now; none when the system is ready."""


def make_api(
    service: Service, settings: ApiSettings, tell: Tell = tell_nobody, *, usd_per_hour: float = 0.0
) -> FastAPI:
    api = FastAPI(
        title="lift-sys",
        summary="From a request in natural language to a validated Python function.",
        version="1",
    )
    api.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes, body_timeout_s=settings.body_timeout_s)
    quotas = secure(api, settings)
    service = replace(service, lift=charged(service.lift, quotas))
    api.add_middleware(RequestMeter, tell=tell)
    add_problem_pages(api, KINDS)
    describe(api, KINDS)
    _add_problems(api)
    _add_probes(api, service)
    add_page(api, usd_per_hour)

    @api.post("/v1/lift", responses=_PROBLEM)
    async def lift(request: LiftRequest) -> LiftResponse:
        """Specify, write and validate a function. A verdict of `rejected` is an answer, not an error."""
        await _require(service)
        work = _while_available(service.lift(request, request_id()), service)
        return await _in_time(work, request.timeout_s, settings)

    @api.post("/v1/validate", responses=_PROBLEM)
    async def validate(request: ValidateRequest) -> Verdict:
        """Give a verdict on code that you bring, held to an IR or to examples of a function."""
        return await _in_time(service.validate(request), request.timeout_s, settings)

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
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError:
        raise errors.DeadlinePassed(f"no answer within {limit_s:g} s; the work was stopped") from None


def _add_problems(api: FastAPI) -> None:
    """Every error leaves as problem details."""

    @api.exception_handler(errors.LiftError)
    async def ours(request: Request, error: errors.LiftError) -> JSONResponse:
        kind = kind_of(type(error), *STATUS[type(error)])
        if isinstance(error, errors.SpecificationInvalid):
            field, message = error.args
            found = (FieldError(field=field, message=message),)
            return response(kind, f"{field}: {message}", request.url.path, found=found)
        if isinstance(error, errors.NoFunction):
            return response(kind, f"prompt: {error} {_NO_FUNCTION_REMEDY}", request.url.path)
        return response(kind, str(error), request.url.path)

    @api.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        found = tuple(FieldError(field=_field(e["loc"]), message=e["msg"]) for e in error.errors())
        detail = "; ".join(f"{e.field}: {e.message}" for e in found[:3])
        return response(MISSHAPEN, detail, request.url.path, found=found)

    @api.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        at_body = error.status_code in (400, 408, 413)
        found = (FieldError(field="body", message=str(error.detail)),) if at_body else ()
        kind: Kind | int = kind_of_status(error.status_code) or error.status_code
        return response(kind, str(error.detail), request.url.path, found=found, headers=error.headers)

    @api.exception_handler(Exception)
    async def surprise(request: Request, error: Exception) -> JSONResponse:
        logger.error("unexpected error on %s", request.url.path, exc_info=error)
        return response(UNEXPECTED, UNEXPECTED.words.example, request.url.path)


def _field(location: tuple[int | str, ...]) -> str:
    """Where in the body, with dots. An offset into broken JSON is the body itself."""
    names = [str(part) for part in location if part != "body"]
    return "body" if not names or names[0].isdigit() else ".".join(names)
