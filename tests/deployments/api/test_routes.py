"""The HTTP API over ASGI, with a service of plain functions behind it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deployments.api.explained import STATUS
from deployments.api.problems import RETRY_AFTER_S
from deployments.api.routes import Service, make_api
from deployments.settings import ApiSettings
from lift_sys import errors
from lift_sys.deadline import left_s
from lift_sys.pipeline import Watch
from schemas import CODE_GENERATION_SCHEMA, IR_JSON_SCHEMA, LiftRequest, LiftResponse, ValidateRequest, Verdict
from schemas.verdict import Evidence

pytestmark = pytest.mark.anyio

GOOD = {"prompt": "double a number"}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/lift": GOOD,
    "/v1/validate": {"code": "x = 1", "function": "x"},
    "/v1/chat/completions": {"model": "lift", "messages": [{"role": "user", "content": "double a number"}]},
}
PASSED = Evidence(clause="parse", kind="static", origin="rule", outcome="passed", detail="parses")
VERDICT = Verdict(level="verified", reason="all hold", evidence=(PASSED,), sandbox="namespaces")


class Backend:
    """What the API calls. It fails, waits and is incomplete as a test says."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.delay_s = 0.0
        self.cancelled = False
        self.absent: tuple[str, ...] = ()

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        await self._work()
        raise errors.OutputInvalid("this backend writes no code")

    async def validate(self, request: ValidateRequest) -> Verdict:
        await self._work()
        return VERDICT

    async def missing(self) -> tuple[str, ...]:
        return self.absent

    async def _work(self) -> None:
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.failure:
            raise self.failure


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
async def client(backend: Backend) -> AsyncIterator[httpx.AsyncClient]:
    api = make_api(
        Service(backend.lift, backend.validate, backend.missing),
        ApiSettings(default_timeout_s=5, max_timeout_s=10, max_body_bytes=50_000),
    )
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem details, after a look at what RFC 9457 asks of every one."""
    body: dict[str, Any] = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["title"]
    assert body["instance"] == answer.request.url.path
    return body


BAD_BODIES: list[tuple[str, bytes, int, str]] = [
    ("an empty body", b"", 422, "body"),
    ("no JSON", b"{", 422, "body"),
    ("no object", b"[]", 422, "body"),
    ("no prompt", b"{}", 422, "prompt"),
    ("an empty prompt", b'{"prompt": ""}', 422, "prompt"),
    ("a blank prompt", b'{"prompt": " \\n"}', 422, "prompt"),
    ("a NUL", b'{"prompt": "a\\u0000b"}', 422, "prompt"),
    ("a lone surrogate", b'{"prompt": "\\ud800"}', 422, "prompt"),
    ("a number for words", b'{"prompt": 3}', 422, "prompt"),
    ("a prompt of 40 kB", b'{"prompt": "' + b"a" * 40_000 + b'"}', 422, "prompt"),
    ("an unknown field", b'{"prompt": "a", "promt": "b"}', 422, "promt"),
    ("no variations", b'{"prompt": "a", "n": 0}', 422, "n"),
    ("a thousand variations", b'{"prompt": "a", "n": 1000}', 422, "n"),
    ("half a variation", b'{"prompt": "a", "n": 1.5}', 422, "n"),
    ("a text for a number", b'{"prompt": "a", "n": "4"}', 422, "n"),
    ("true for a number", b'{"prompt": "a", "n": true}', 422, "n"),
    ("a negative timeout", b'{"prompt": "a", "timeout_s": -1}', 422, "timeout_s"),
    ("a timeout of NaN", b'{"prompt": "a", "timeout_s": NaN}', 422, "timeout_s"),
    ("an example that is no text", b'{"prompt": "a", "examples": [1]}', 422, "examples.0"),
    ("no UTF-8", b'{"prompt": "\xff\xfe"}', 400, "body"),
    ("a hundred thousand brackets", b"[" * 49_999, 400, "body"),
    ("a body of 100 kB", b'{"prompt": "' + b"a" * 100_000 + b'"}', 413, "body"),
]


@pytest.mark.parametrize(("body", "status", "field"), [b[1:] for b in BAD_BODIES], ids=[b[0] for b in BAD_BODIES])
async def test_a_bad_body_is_refused_by_the_name_of_its_field(
    client: httpx.AsyncClient, body: bytes, status: int, field: str
) -> None:
    answer = await client.post("/v1/lift", content=body, headers={"content-type": "application/json"})
    problem = is_problem(answer, status)
    assert field in [error["field"] for error in problem["errors"]]
    assert field in problem["detail"] or field == "body"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": "x = 1"}, "function"),
        ({"code": "", "function": "f"}, "code"),
        ({"code": "x", "function": "not a name"}, "function"),
        ({"code": "x", "function": "f", "ir": {}}, "ir.intent"),
    ],
)
async def test_validation_refuses_what_names_no_function(
    client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    problem = is_problem(await client.post("/v1/validate", json=body), 422)
    assert field in problem["detail"]


@pytest.mark.parametrize("error", list(STATUS), ids=lambda error: error.__name__)
async def test_every_error_of_ours_has_a_status(
    client: httpx.AsyncClient, backend: Backend, error: type[errors.LiftError]
) -> None:
    backend.failure = error("examples.0", "is none") if error is errors.SpecificationInvalid else error("it is so")
    answer = await client.post("/v1/lift", json=GOOD)
    status, title = STATUS[error]
    problem = is_problem(answer, status)
    assert problem["title"] == title
    assert "is none" in problem["detail"] or "it is so" in problem["detail"]
    assert ("retry-after" in answer.headers) == (status in RETRY_AFTER_S)


def test_the_table_of_statuses_is_complete() -> None:
    assert set(STATUS) == set(errors.LiftError.__subclasses__())


async def test_a_surprise_is_a_500_that_gives_nothing_away(client: httpx.AsyncClient, backend: Backend) -> None:
    backend.failure = RuntimeError("the secret is 42")
    problem = is_problem(await client.post("/v1/lift", json=GOOD), 500)
    assert "42" not in str(problem)


@pytest.mark.parametrize("path", ["/v1/lift", "/v1/validate"])
async def test_work_is_cancelled_when_its_time_is_over(client: httpx.AsyncClient, backend: Backend, path: str) -> None:
    backend.delay_s = 5
    body = {**GOOD, "timeout_s": 0.05} if path == "/v1/lift" else {"code": "x", "function": "f", "timeout_s": 0.05}
    problem = is_problem(await client.post(path, json=body), 504)
    assert "0.05 s" in problem["detail"]
    assert backend.cancelled


@pytest.mark.parametrize(
    ("header", "body", "limit"), [("0.05", None, "0.05 s"), ("0.05", 60.0, "0.05 s"), ("60", 0.05, "0.05 s")]
)
@pytest.mark.parametrize("path", ["/v1/lift", "/v1/validate"])
async def test_a_deadline_in_the_header_bounds_as_the_one_in_the_body_and_the_smaller_counts(
    client: httpx.AsyncClient, backend: Backend, path: str, header: str, body: float | None, limit: str
) -> None:
    backend.delay_s = 5
    sent = {**BODIES[path], "timeout_s": body}
    answer = await client.post(path, json=sent, headers={"x-request-timeout": header})
    assert limit in is_problem(answer, 504)["detail"]
    assert backend.cancelled


async def test_a_deadline_in_the_header_bounds_a_chat_too(client: httpx.AsyncClient, backend: Backend) -> None:
    backend.delay_s = 5
    path = "/v1/chat/completions"
    answer = await client.post(path, json=BODIES[path], headers={"x-request-timeout": "0.05"})
    assert answer.status_code == 504
    assert "0.05 s" in answer.json()["error"]["message"]
    assert backend.cancelled


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", "1e9", ""])
async def test_a_deadline_in_the_header_that_is_none_is_refused_by_its_name(
    client: httpx.AsyncClient, value: str
) -> None:
    problem = is_problem(await client.post("/v1/lift", json=GOOD, headers={"x-request-timeout": value}), 422)
    assert [error["field"] for error in problem["errors"]] == ["header.X-Request-Timeout"]


async def test_what_is_called_knows_how_much_time_is_left(backend: Backend) -> None:
    seen: list[float | None] = []

    async def validate(request: ValidateRequest) -> Verdict:
        seen.append(left_s())
        return VERDICT

    api = make_api(Service(backend.lift, validate, backend.missing), ApiSettings(max_timeout_s=10))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        for header in ("60", "5"):
            await client.post("/v1/validate", json=BODIES["/v1/validate"], headers={"x-request-timeout": header})
    assert [left is not None and most - 2 < left <= most for left, most in zip(seen, (10, 5), strict=True)] == [
        True
    ] * 2


async def test_a_request_cannot_ask_for_more_time_than_the_deployment_gives(backend: Backend) -> None:
    backend.delay_s = 5
    api = make_api(Service(backend.lift, backend.validate, backend.missing), ApiSettings(max_timeout_s=0.05))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        problem = is_problem(await client.post("/v1/lift", json={**GOOD, "timeout_s": 60}), 504)
    assert "0.05 s" in problem["detail"]


async def test_a_missing_part_is_named_and_the_client_told_to_come_back(
    client: httpx.AsyncClient, backend: Backend
) -> None:
    backend.absent = ("Engine",)
    for answer in (await client.get("/readyz"), await client.post("/v1/lift", json=GOOD)):
        assert "Engine" in is_problem(answer, 503)["detail"]
        assert int(answer.headers["retry-after"]) > 0
    assert (await client.get("/healthz")).status_code == 200


async def test_a_ready_service_says_so(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready"}


@pytest.mark.parametrize(("name", "schema"), [("ir", IR_JSON_SCHEMA), ("code", CODE_GENERATION_SCHEMA)])
async def test_the_schemas_can_be_read(client: httpx.AsyncClient, name: str, schema: dict[str, Any]) -> None:
    assert (await client.get(f"/v1/schemas/{name}")).json() == schema


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/schemas/java", 404), ("GET", "/v1/lift", 405), ("GET", "/nothing", 404)]
)
async def test_a_wrong_address_is_a_problem_too(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    is_problem(await client.request(method, path), status)


async def test_a_verdict_comes_as_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/validate", json={"code": "def f(): pass", "function": "f"})
    assert Verdict.model_validate(answer.json()) == VERDICT


async def test_the_description_of_the_api_names_every_route_and_problem(client: httpx.AsyncClient) -> None:
    description = (await client.get("/openapi.json")).json()
    ours = {
        "/v1/lift",
        "/v1/lift/{request_id}",
        "/v1/lift/{request_id}/events",
        "/v1/validate",
        "/v1/schemas/{name}",
        "/healthz",
        "/readyz",
    }
    theirs = {"/v1/chat/completions", "/v1/models"}
    about = {"/problems", "/problems/{name}", "/admin/keys", "/admin/keys/reload"}
    assert ours | theirs | about == set(description["paths"])
    answers = set(description["paths"]["/v1/lift"]["post"]["responses"])
    assert {str(status) for status, _ in STATUS.values()} <= answers


async def test_the_description_names_every_event_of_a_stream(client: httpx.AsyncClient) -> None:
    told = (await client.get("/openapi.json")).json()["paths"]["/v1/lift"]["post"]["responses"]["200"]["content"]
    names = told["text/event-stream"]["schema"]["properties"]["event"]["enum"]
    assert {"accepted", "ir.delta", "ir.done", "answer", "problem"} <= set(names)


SCHEMA_WORDS = ("grammar", "ebnf", "regex", "json_schema", "schema", "structural_tag", "response_format", "lark")


@pytest.mark.parametrize("word", SCHEMA_WORDS)
@pytest.mark.parametrize("route", BODIES)
async def test_no_route_takes_a_grammar_from_a_client(client: httpx.AsyncClient, route: str, word: str) -> None:
    """A schema from outside could loop, or take the engine's time to compile: the only grammars are those it holds."""
    answer = await client.post(route, json={**BODIES[route], word: {"type": "object"}})
    assert answer.status_code == 422
    body = answer.json()
    refused = [body["error"]["param"]] if "error" in body else [error["field"] for error in body["errors"]]
    assert refused == [word]


async def test_the_table_of_routes_that_take_a_body_is_complete(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {path for path, verbs in paths.items() if "requestBody" in verbs.get("post", {})} == set(BODIES)


async def test_no_field_of_any_request_is_a_grammar(client: httpx.AsyncClient) -> None:
    """At any depth: a client's IR is a specification to be read, and names no rule of how a model writes."""
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    assert fields.isdisjoint(SCHEMA_WORDS)
