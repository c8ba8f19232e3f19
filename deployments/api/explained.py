"""Errors as problem details: which status each has, and what is said of it to the client."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from deployments.api.problems import (
    MISSHAPEN,
    UNEXPECTED,
    WORDS,
    Kind,
    kind_of,
    kind_of_status,
    kinds,
    problem,
    response,
)
from deployments.log import logger
from lift_sys import errors
from schemas import FieldError, Problem

Explained = tuple[Kind, str, tuple[FieldError, ...]]
"""What kind of problem, its detail, and the fields that it is of."""

STATUS: dict[type[errors.LiftError], tuple[int, str]] = {
    errors.SpecificationInvalid: (422, "The request cannot be used"),
    errors.NoFunction: (422, "The request asks for no function"),
    errors.Overloaded: (429, "Too much work at once"),
    errors.OutputInvalid: (502, "The model gave no usable answer"),
    errors.EngineUnavailable: (503, "No engine is available"),
    errors.SandboxUnavailable: (503, "No sandbox is available"),
    errors.DeadlinePassed: (504, "The time is over"),
    errors.RequestCancelled: (410, "The request was cancelled"),
    errors.StoreUnavailable: (503, "Jobs cannot be kept now"),
    errors.JobUnknown: (404, "There is no such job"),
    errors.JobExpired: (410, "The job's results are no longer kept"),
    errors.KeyInvalid: (400, "The idempotency key is none"),
    errors.KeyBusy: (409, "The first request with this key is at work"),
    errors.KeyReused: (422, "The idempotency key was used for another request"),
}
KINDS = kinds(STATUS)
_NO_FUNCTION_REMEDY = WORDS[errors.NoFunction].remedy


def problem_of(error: Exception, path: str | None = None) -> Problem:
    """An error where there is no response of its own, as in a job's results or in the midst of a stream."""
    kind, detail, found = explained(error)
    return problem(kind, detail, path, found)


def explained(error: Exception) -> Explained:
    """What we did not foresee is told to the log only."""
    if not isinstance(error, errors.LiftError):
        logger.error("unexpected error", exc_info=error)
        return UNEXPECTED, UNEXPECTED.words.example, ()
    kind = kind_of(type(error), *STATUS[type(error)])
    if isinstance(error, errors.SpecificationInvalid):
        field, message = error.args
        return kind, f"{field}: {message}", (FieldError(field=field, message=message),)
    if isinstance(error, errors.NoFunction):
        return kind, f"prompt: {error} {_NO_FUNCTION_REMEDY}", ()
    return kind, str(error), ()


def add_problems(api: FastAPI) -> None:
    """Every error leaves as problem details."""

    @api.exception_handler(errors.LiftError)
    async def ours(request: Request, error: errors.LiftError) -> JSONResponse:
        kind, detail, found = explained(error)
        wait_s = error.retry_after_s if isinstance(error, errors.Overloaded) else None
        headers = {"Retry-After": str(wait_s)} if wait_s else {}
        return response(kind, detail, request.url.path, found=found, headers=headers)

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
        kind, detail, _ = explained(error)
        return response(kind, detail, request.url.path)


def _field(location: tuple[int | str, ...]) -> str:
    """Where in the body, with dots. An offset into broken JSON is the body itself."""
    names = [str(part) for part in location if part != "body"]
    return "body" if not names or names[0].isdigit() else ".".join(names)
