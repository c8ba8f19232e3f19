"""The description of the API, held to what the API does: by schemathesis, with requests of every shape."""

from typing import Any

import pytest

from deployments.api.explained import KINDS
from deployments.bench.openapi import api, fuzz
from deployments.security.access import need

DOCUMENT: dict[str, Any] = api().openapi()
OPERATIONS = [(path, verb, told) for path, verbs in DOCUMENT["paths"].items() for verb, told in verbs.items()]


@pytest.mark.parametrize(("path", "told"), [(path, told) for path, _, told in OPERATIONS])
def test_each_route_says_which_key_it_needs_and_how_it_fails(path: str, told: dict[str, Any]) -> None:
    needed = need(path)
    assert told.get("security") == ([{"key": [needed]}] if needed else None)
    problems = {status for status in told["responses"] if status >= "400"}
    assert problems >= ({"401", "403", "500"} if needed else {"500"})
    for status in problems:
        content = told["responses"][status]["content"]
        chat = content.pop("application/json", None) if path == "/v1/chat/completions" else None
        assert chat in (None, {"schema": {"$ref": "#/components/schemas/ChatProblem"}})
        assert list(content) == ["application/problem+json"]
        assert set(content["application/problem+json"]["examples"]) == {
            name for name, kind in KINDS.items() if str(kind.status) == status
        }


def test_every_problem_is_told_of_somewhere() -> None:
    told = {int(status) for _, _, one in OPERATIONS for status in one["responses"]}
    assert {kind.status for kind in KINDS.values()} - told == {405}, "which no operation is: it is all the others"


def test_the_scopes_are_explained() -> None:
    assert DOCUMENT["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


@pytest.mark.slow
@pytest.mark.timeout(110)
def test_requests_of_every_shape_find_nothing_that_the_description_does_not_say() -> None:
    outcome = fuzz(examples=15, seed=8)
    assert outcome.requests > 100
    assert outcome.failures == []
    assert outcome.unexpected_5xx == 0
