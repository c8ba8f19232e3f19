"""OpenAPI that says all of it: which key a route needs, and every problem it can answer with, with an example."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from deployments.api.problems import MEDIA_TYPE, Kind, example
from deployments.security.access import need
from schemas import Problem

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_REPLACED = (_PROBLEM, {"$ref": "#/components/schemas/HTTPValidationError"})
"""FastAPI's own form of errors is never sent."""
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "lift_<id>_<secret>",
    "description": (
        "An API key. Its scopes: `lift` (write functions), `validate` (judge code that is brought), `jobs` (work that "
        "is fetched later), `admin` (callers and their use). Limits of a caller are told in the headers "
        "`RateLimit-Policy` and `RateLimit`. A deployment for one machine needs no key."
    ),
}


def describe(api: FastAPI, kinds: Mapping[str, Kind]) -> None:
    """The description is written when it is first asked for: routes that are added later are in it."""
    written = api.openapi

    def described() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = written()
            components = document.setdefault("components", {})
            components["securitySchemes"] = {"key": _SCHEME}
            schemas = components.setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schemas["Problem"].pop("$defs", {}))
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _complete(operation, path, kinds)
        assert api.openapi_schema is not None
        return api.openapi_schema

    api.openapi = described  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], path: str, kinds: Mapping[str, Kind]) -> None:
    answers: dict[str, Any] = operation["responses"]
    statuses = {int(status) for status in answers if status.isdigit() and int(status) >= 400} | {421, 431, 500}
    needed = need(path)
    if needed:
        operation["security"] = [{"key": [needed]}]
        statuses |= {401, 403} if needed == "admin" else {401, 403, 429}
    if "requestBody" in operation:
        statuses |= {400, 408, 413, 422}
    for status in sorted(statuses):
        own = _other_forms(answers.get(str(status), {}))
        answers[str(status)] = _answer(status, [kind for kind in kinds.values() if kind.status == status], own)


def _other_forms(answer: dict[str, Any]) -> dict[str, Any]:
    """What a route says of errors in a form of its own, such as OpenAI's, in which its own errors leave."""
    return {media: told for media, told in answer.get("content", {}).items() if told.get("schema") not in _REPLACED}


def _answer(status: int, kinds: list[Kind], own: dict[str, Any]) -> dict[str, Any]:
    content = {
        "schema": _PROBLEM,
        "examples": {kind.name: {"summary": kind.title, "value": example(kind)} for kind in kinds},
    }
    told = {"description": " Or: ".join(kind.title for kind in kinds), "content": {MEDIA_TYPE: content, **own}}
    headers = {401: ("WWW-Authenticate",), 403: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
    return told | {"headers": {name: {"schema": {"type": "string"}} for name in headers.get(status, ())}}
