"""Every problem the API answers with: what it means and what helps. Problem details are those of RFC 9457."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from lift_sys import errors
from schemas import FieldError, Problem

RETRY_AFTER_S = {409: 1, 429: 2, 503: 10}
"""About; spread by half either way, so that those who are refused together do not come back together."""
MEDIA_TYPE = "application/problem+json"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer, unless a route says otherwise. A policy for scripts is a page's own."""


@dataclass(frozen=True)
class Words:
    meaning: str
    remedy: str
    example: str
    """A `detail` that an answer of this kind may have."""


@dataclass(frozen=True)
class Kind:
    name: str
    status: int
    title: str
    words: Words

    @property
    def type(self) -> str:
        return f"/problems/{self.name}"


def _kind(name: str, status: int, title: str, *words: str) -> Kind:
    return Kind(name, status, title, Words(*words))


UNREADABLE = _kind(
    "unreadable", 400, "The request cannot be read",
    "The body is no JSON that can be read: not UTF-8, or nested too deeply.",
    "Send JSON in UTF-8, as `json.dumps` writes it.", "There was an error parsing the body",
)  # fmt: skip
UNAUTHENTICATED = _kind(
    "unauthenticated", 401, "A key is needed",
    "The request has no API key, or one that is unknown, expired or revoked. Which of them, is not said.",
    "Send `Authorization: Bearer lift_…` with a key that is valid. Who runs the service makes one with "
    "`lift keys create`.", "send a valid API key: Authorization: Bearer lift_…",
)  # fmt: skip
FORBIDDEN = _kind(
    "forbidden", 403, "The key does not allow this", "The key is valid, and lacks the scope that the route needs.",
    "Use a key that has the scope named in `detail`.", "this needs the scope 'admin', which the key does not have",
)  # fmt: skip
NOT_FOUND = _kind(
    "not-found", 404, "Not found", "There is nothing at this address.", "See `/docs` for the addresses there are.",
    "no schema 'java'; there are ir, code",
)  # fmt: skip
METHOD_NOT_ALLOWED = _kind(
    "method-not-allowed", 405, "Method not allowed", "The address exists, and is not used with this method.",
    "Use a method that the header `Allow` names.", "Method Not Allowed",
)  # fmt: skip
TOO_LARGE = _kind(
    "too-large", 413, "The request is too large", "The body is longer than this deployment takes (`max_body_bytes`).",
    "Send less; words beyond what the schema allows would be refused anyway.", "the body is longer than 1048576 bytes",
)  # fmt: skip
TOO_SLOW = _kind(
    "too-slow", 408, "The request took too long to arrive",
    "The body did not come to its end in the time that this deployment gives it (`body_timeout_s`).",
    "Send the body at once, and as long as `Content-Length` says.", "the body did not come within 30 s",
)  # fmt: skip
HEADERS_TOO_LARGE = _kind(
    "headers-too-large", 431, "The headers are too large",
    "The headers together are longer than this deployment takes (`max_header_bytes`).",
    "Send fewer: the service needs `Authorization`, `Content-Type` and `Host`.",
    "the headers are longer than 32768 bytes",
)  # fmt: skip
KEYS_REFUSED = _kind(
    "keys-refused", 409, "The keys file cannot be used",
    "The keys file was to be read again, and what stands there now is not valid. The keys stay as they were.",
    "Mend the file; the server's log names what is wrong with it.",
    "the keys file cannot be used, and the keys stay as they were; the log says why",
)  # fmt: skip
MISDIRECTED = _kind(
    "misdirected", 421, "Not the service of this name",
    "The header `Host` names a host that this service does not serve, as happens when a web page is made to speak to "
    "a service of its reader's own machine.",
    "Use the service's own address. Behind a proxy, let it pass the right `Host`, and name that in `api.hosts`.",
    "this service is not 'example.com'",
)  # fmt: skip
MISSHAPEN = _kind(
    "misshapen", 422, "The request does not fit its schema",
    "A field is missing, unknown, of another type or out of range; `errors` names each one.",
    "Change the fields that `errors` names. The schemas are in `/openapi.json`.",
    "n: Input should be less than or equal to 64",
)  # fmt: skip
QUOTA_EXCEEDED = _kind(
    "quota-exceeded", 429, "The caller's quota is used up",
    "The caller has used what it may: requests a minute, tokens of the model a day, or requests at once. "
    "`RateLimit-Policy` says how much that is, and `RateLimit` what is left.",
    "Wait for as long as `Retry-After` says, or ask for a higher quota.",
    "more than 60 requests a minute; the next one is let in after 12 s",
)  # fmt: skip
UNEXPECTED = _kind(
    "unexpected", 500, "Unexpected error", "Something failed that nobody thought of. The cause is in the server's log.",
    "Try again; if it stays, tell who runs the service when it happened.", "the server's log says more",
)  # fmt: skip

HTTP_KINDS = (
    UNREADABLE, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, TOO_SLOW, KEYS_REFUSED, TOO_LARGE,
    MISDIRECTED, MISSHAPEN, QUOTA_EXCEEDED, HEADERS_TOO_LARGE, UNEXPECTED,
)  # fmt: skip
_BY_STATUS = {kind.status: kind for kind in HTTP_KINDS if kind is not QUOTA_EXCEEDED and kind is not MISSHAPEN}

WORDS: dict[type[errors.LiftError], Words] = {
    errors.SpecificationInvalid: Words(
        "An example, an IR or an amount of the request fits the schema, and cannot be used all the same.",
        "Change the field that `errors` names.",
        "examples.0: 'nothing' is no comparison such as f(1) == 2",
    ),
    errors.NoFunction: Words(
        "The model found that the request asks for something that no function is.",
        "If a function is meant, say what it takes and returns, or state an example such as `f([1, 2]) == 3`.",
        "prompt: a poem is asked for, and no function",
    ),
    errors.Overloaded: Words(
        "The service has more work than its queues hold. No quota of the caller's is meant.",
        "Wait for as long as `Retry-After` says, and longer each time that it comes again.",
        "the queues are full",
    ),
    errors.OutputInvalid: Words(
        "What the model wrote could not be used, at every attempt.",
        "Try again with a higher `temperature`, or say the request in other words.",
        "ir: cut off after 3500 tokens",
    ),
    errors.EngineUnavailable: Words(
        "A part of the service has no replica that runs, or one died while it worked on this.",
        "Wait for as long as `Retry-After` says; `/readyz` tells when all is there.",
        "no running replica of Engine",
    ),
    errors.SandboxUnavailable: Words(
        "Code cannot be run safely on the machine where the validator is.",
        "Who runs the service sees with `lift doctor` what is missing.",
        "no sandbox holds here",
    ),
    errors.DeadlinePassed: Words(
        "The time of the request (`timeout_s`, or the deployment's) was over first; the work was stopped.",
        "Give it more time, or ask for fewer variations (`n`).",
        "no answer within 120 s; the work was stopped",
    ),
    errors.RequestCancelled: Words(
        "Who sent the request cancelled it with `DELETE /v1/lift/{request_id}`. This is the last event of its stream.",
        "Send the request again, if an answer is wanted after all.",
        "the request was cancelled",
    ),
    errors.StoreUnavailable: Words(
        "The database that keeps jobs and idempotency keys does not answer.",
        "Wait for as long as `Retry-After` says; what was accepted before is kept.",
        "the database of jobs does not answer",
    ),
    errors.JobUnknown: Words(
        "The caller has no job of this id.",
        "Use the id of an answer to `POST /v1/jobs`, with the key that it was sent with.",
        "no job 'a1'",
    ),
    errors.JobExpired: Words(
        "The job has ended, and its results are kept no longer (`jobs.keep_s`).",
        "Send the requests again, and fetch the results sooner.",
        "the results of 'a1' are no longer kept",
    ),
    errors.KeyInvalid: Words(
        "The header `Idempotency-Key` is empty, too long, or of other characters than printable ASCII.",
        "Send a UUID.",
        "Idempotency-Key: must be 1 to 255 printable characters",
    ),
    errors.KeyBusy: Words(
        "An earlier request with the same `Idempotency-Key` is still at work.",
        "Wait for as long as `Retry-After` says, and send the same again: it is answered as the first.",
        "the first request with this key is at work",
    ),
    errors.KeyReused: Words(
        "The same `Idempotency-Key` came before with another request.",
        "Use a new key for a new request.",
        "this key was used for another request",
    ),
}


def kind_of(error: type[errors.LiftError], status: int, title: str) -> Kind:
    """The kind is named as the error, in words with hyphens."""
    return Kind(re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__).lower(), status, title, WORDS[error])


def kinds(statuses: Mapping[type[errors.LiftError], tuple[int, str]]) -> dict[str, Kind]:
    """All there are, by name, in the order of their statuses."""
    ours = [kind_of(error, *row) for error, row in statuses.items()]
    return {kind.name: kind for kind in sorted([*HTTP_KINDS, *ours], key=lambda kind: (kind.status, kind.name))}


def kind_of_status(status: int) -> Kind | None:
    return _BY_STATUS.get(status)


def response(
    kind: Kind | int,
    detail: str,
    path: str,
    *,
    found: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    told = problem(kind, detail, path, found)
    status = told.status
    retry = {"Retry-After": str(_spread(RETRY_AFTER_S[status]))} if status in RETRY_AFTER_S else {}
    return JSONResponse(told.model_dump(), status, {**HEADERS, **retry, **(headers or {})}, MEDIA_TYPE)


def _spread(seconds: int) -> int:
    return random.randint(seconds - seconds // 2, seconds + seconds // 2)


def example(kind: Kind) -> dict[str, Any]:
    """The body of an answer that the kind may have."""
    detail = kind.words.example
    field, _, message = detail.partition(": ")
    found = (FieldError(field=field, message=message),) if kind.status == 422 and field != "prompt" else ()
    return problem(kind, detail, "/v1/lift", found).model_dump(mode="json")


def problem(kind: Kind | int, detail: str, path: str | None, found: tuple[FieldError, ...] = ()) -> Problem:
    """`path` is the request's, where there is one. A kind may be a status that no kind is known of."""
    if isinstance(kind, int):
        title = HTTPStatus(kind).phrase
        return Problem(title=title, status=kind, detail=detail, instance=path, errors=found)
    return Problem(type=kind.type, title=kind.title, status=kind.status, detail=detail, instance=path, errors=found)
