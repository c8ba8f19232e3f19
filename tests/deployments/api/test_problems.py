"""Every problem has a status, words, an example and a line in the docs, and an answer that is it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.api.explained import KINDS, STATUS
from deployments.api.problem_docs import PAGE, text
from deployments.api.problems import RETRY_AFTER_S, WORDS, kind_of, response
from deployments.bench.scripted_service import ScriptedService
from lift_sys import errors
from schemas import Problem
from tests.deployments.security.guarded import LIFT, Guarded, bearer

pytestmark = pytest.mark.anyio


async def slow() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.sleep(5)
    yield b"}"


JSON = {"Content-Type": "application/json"}
ASKED: dict[str, dict[str, Any]] = {
    "unreadable": {"url": "/v1/lift", "content": b'{"prompt": "\xff"}', "headers": JSON},
    "unauthenticated": {"url": "/v1/lift", "json": LIFT, "headers": {"Authorization": "Bearer no"}},
    "forbidden": {"method": "GET", "url": "/admin/keys"},
    "not-found": {"method": "GET", "url": "/v1/schemas/java"},
    "method-not-allowed": {"method": "PUT", "url": "/v1/lift"},
    "too-large": {"url": "/v1/lift", "content": b" " * 60_000, "headers": JSON},
    "misdirected": {"url": "/v1/lift", "headers": {"Host": "evil.example"}},
    "misshapen": {"url": "/v1/lift", "json": {"promt": "x"}},
    "quota-exceeded": {"url": "/v1/lift", "json": LIFT, "headers": "poor"},
    "keys-refused": {"url": "/admin/keys/reload", "headers": "admin"},
    "too-slow": {"url": "/v1/lift", "content": slow(), "headers": JSON},
    "headers-too-large": {"url": "/healthz", "method": "GET", "headers": {"X-Long": "a" * 40_000}},
    "unexpected": {"url": "/v1/lift", "json": LIFT, "failure": RuntimeError("hush")},
}
"""How to get each problem that is not one of our errors. A key stands there by the name of its owner."""
AT_A_FIELD = {"unreadable", "misshapen", "too-large", "too-slow", "specification-invalid"}
FAILURES: dict[str, errors.LiftError] = {
    kind_of(error, *STATUS[error]).name: error("a", "b") if error is errors.SpecificationInvalid else error("a")
    for error in STATUS
}


async def answer_of(name: str, tmp_path: Path) -> httpx.Response:
    guarded = Guarded(tmp_path / "keys.yaml", ScriptedService())
    keys = {
        "ann": guarded.key("ann", "lift"),
        "admin": guarded.key("admin", "admin"),
        "poor": guarded.key("poor", "lift", tokens_per_day=1),
    }
    asked = {"method": "POST", **ASKED.get(name, {"url": "/v1/lift", "json": LIFT})}
    guarded.backend.failure = asked.pop("failure", None) or FAILURES.get(name)
    given = asked.pop("headers", {})
    headers = bearer(keys[given]) if isinstance(given, str) else bearer(keys["ann"]) | given
    async with guarded.client(max_body_bytes=50_000, body_timeout_s=0.1, hosts=("test",)) as client:
        if name == "keys-refused":
            guarded.path.write_text("keys: [", encoding="utf-8")
        if name == "quota-exceeded":
            await client.request(**asked, headers=headers)
        return await client.request(**asked, headers=headers)


def test_every_error_and_every_problem_of_http_can_be_asked_for() -> None:
    assert set(STATUS) == set(WORDS) == set(errors.LiftError.__subclasses__())
    assert set(ASKED) | set(FAILURES) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
async def test_a_problem_is_answered_as_the_table_says(name: str, tmp_path: Path) -> None:
    answer = await answer_of(name, tmp_path)
    kind = KINDS[name]
    assert answer.status_code == kind.status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert (problem.type, problem.title, problem.status) == (f"/problems/{name}", kind.title, kind.status)
    assert problem.instance == answer.request.url.path
    assert problem.detail
    assert "hush" not in answer.text
    assert ("retry-after" in answer.headers) == (kind.status in RETRY_AFTER_S)
    assert ("allow" in answer.headers) == (kind.status == 405)
    assert bool(problem.errors) == (name in AT_A_FIELD)


@pytest.mark.parametrize(("status", "least", "most"), [(409, 1, 1), (429, 1, 3), (503, 5, 15)])
def test_those_who_are_refused_together_do_not_come_back_together(status: int, least: int, most: int) -> None:
    told = [int(response(status, "why", "/v1/lift").headers["retry-after"]) for _ in range(200)]
    assert (min(told), max(told)) == (least, most)


@pytest.mark.parametrize("name", KINDS)
async def test_the_type_of_a_problem_is_an_address_that_explains_it(name: str, tmp_path: Path) -> None:
    guarded = Guarded(tmp_path / "keys.yaml", ScriptedService())
    guarded.key("ann", "lift")
    async with guarded.client() as client:
        page = (await client.get(f"/problems/{name}")).json()
        assert page == (await client.get("/problems")).json()[name]
    assert page["type"] == f"/problems/{name}"
    assert Problem.model_validate(page["example"]).status == page["status"] == KINDS[name].status
    assert page["meaning"]
    assert page["remedy"]


def test_the_docs_say_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "write it anew with `make problems`"


def test_every_example_in_the_docs_is_a_problem() -> None:
    blocks = PAGE.read_text(encoding="utf-8").split("```json\n")[1:]
    types = [Problem.model_validate(json.loads(block.partition("```")[0])).type for block in blocks]
    assert types == [f"/problems/{name}" for name in KINDS]
