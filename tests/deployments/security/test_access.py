"""Who is let in, and for what."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deployments.api.routes import make_api
from deployments.bench.scripted_service import ScriptedService
from deployments.security.access import NEEDS, Need, need
from deployments.security.keys import SCOPES, Scope
from deployments.settings import ApiSettings
from tests.deployments.security.guarded import LIFT, VALIDATE, Guarded, bearer, client_of

pytestmark = pytest.mark.anyio
OPEN = ("/healthz", "/readyz", "/docs", "/openapi.json", "/problems", "/problems/overloaded", "/v1/schemas/ir")
GUARDED: tuple[tuple[str, str, Any, Scope], ...] = (
    ("POST", "/v1/lift", LIFT, "lift"),
    ("POST", "/v1/validate", VALIDATE, "validate"),
    ("GET", "/admin/keys", None, "admin"),
    ("POST", "/admin/keys/reload", None, "admin"),
)


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path / "keys.yaml", ScriptedService())


@pytest.mark.parametrize(("method", "path", "body", "needed"), GUARDED, ids=[row[1] for row in GUARDED])
async def test_a_route_lets_in_who_has_its_scope_and_nobody_else(
    guarded: Guarded, method: str, path: str, body: Any, needed: Scope
) -> None:
    keys = {scope: guarded.key(f"has-{scope}", scope) for scope in SCOPES}
    async with guarded.client() as client:
        for scope, key in keys.items():
            answer = await client.request(method, path, json=body, headers=bearer(key))
            assert answer.status_code == (200 if scope == needed else 403), scope
            if scope != needed:
                assert answer.json()["type"] == "/problems/forbidden"
                assert needed in answer.json()["detail"]
                assert f'scope="{needed}"' in answer.headers["www-authenticate"]


async def test_an_unknown_address_is_told_to_any_caller(guarded: Guarded) -> None:
    key = guarded.key("ann", "jobs")
    async with guarded.client() as client:
        assert (await client.get("/nothing", headers=bearer(key))).status_code == 404


HEADERS: dict[str, Callable[[str], list[tuple[str, str]]]] = {
    "none": lambda key: [],
    "an empty one": lambda key: [("Authorization", "")],
    "another scheme": lambda key: [("Authorization", f"Basic {key}")],
    "no scheme": lambda key: [("Authorization", key)],
    "a wrong key": lambda key: [("Authorization", f"Bearer {key[:-1]}x")],
    "two": lambda key: [("Authorization", f"Bearer {key}"), ("Authorization", "Bearer other")],
    "another header": lambda key: [("X-API-Key", key)],
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize(
    ("method", "path"), [row[:2] for row in GUARDED] + [("GET", "/nothing"), ("GET", "/v1/nothing")]
)
async def test_without_a_valid_key_nobody_is_let_in(
    guarded: Guarded, headers: Callable[[str], list[tuple[str, str]]], method: str, path: str
) -> None:
    key = guarded.key("ann", *SCOPES)
    async with guarded.client() as client:
        answer = await client.request(method, path, headers=headers(key))
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/unauthenticated"
    assert answer.headers["www-authenticate"].startswith("Bearer realm=")


async def test_the_key_may_not_stand_in_the_address(guarded: Guarded) -> None:
    key = guarded.key("ann", "admin")
    async with guarded.client() as client:
        assert (await client.get("/admin/keys", params={"key": key, "access_token": key})).status_code == 401


async def test_a_body_of_a_stranger_is_not_read(guarded: Guarded) -> None:
    guarded.key("ann", "lift")
    async with guarded.client() as client:
        answer = await client.post("/v1/lift", content=b"a" * 2_000_000)
    assert answer.status_code == 401, "and not 413, which a body that is read would give"


@pytest.mark.parametrize("path", OPEN)
async def test_what_tells_nothing_of_callers_is_open(guarded: Guarded, path: str) -> None:
    guarded.key("ann", "lift")
    async with guarded.client() as client:
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(("path", "needed"), [
    ("/v1/lift", "lift"), ("/v1/lift/", "lift"), ("/v1/lift/7/events", "lift"), ("/v1/jobs/1", "jobs"),
    ("/v1/liftx", "any"), ("//v1/lift", "any"), ("/v1", "any"), ("/healthzz", "any"), ("/healthz", None),
    ("/admin/keys", "admin"), ("/", None), ("", "any"), ("/V1/LIFT", "any"), ("/problems/../admin", None),
])  # fmt: skip
def test_a_path_needs_what_its_beginning_says_and_an_unknown_one_any_key(path: str, needed: Need) -> None:
    assert need(path) == needed


def test_every_route_there_is_stands_in_the_table() -> None:
    """One that is forgotten would be open to every key, whatever its scopes."""
    api = make_api(ScriptedService().service(), ApiSettings())
    # A router that is included has no path of its own; its routes are in the description.
    paths = {path for route in api.routes if (path := getattr(route, "path", None))} | set(api.openapi()["paths"])
    for path in paths:
        assert any(path == known or path.startswith(f"{known.rstrip('/')}/") for known in NEEDS), path


LOCAL, FAR = ("127.0.0.1", 1), ("192.0.2.7", 1)


@pytest.mark.parametrize(("client", "allow", "path", "status"), [
    (LOCAL, False, "/v1/lift", 200), (("::1", 1), False, "/v1/lift", 200), (FAR, False, "/v1/lift", 401),
    (FAR, True, "/v1/lift", 200), (LOCAL, False, "/admin/keys", 200), (FAR, True, "/admin/keys", 403),
    (LOCAL, True, "/admin/keys", 403), (FAR, False, "/healthz", 200),
])  # fmt: skip
async def test_without_keys_this_machine_is_served_or_all_where_that_is_said(
    client: tuple[str, int], allow: bool, path: str, status: int
) -> None:
    api = make_api(ScriptedService().service(), ApiSettings(allow_anonymous=allow))
    async with client_of(api, client) as asking:
        answer = await (asking.post(path, json=LIFT) if path == "/v1/lift" else asking.get(path))
    assert answer.status_code == status
    if status == 401:
        assert "api.keys_file" in answer.json()["detail"]


@pytest.mark.parametrize(("settings", "host", "status"), [
    ({}, "127.0.0.1:8000", 200), ({}, "localhost", 200), ({}, "[::1]:8000", 200), ({}, "lift:8000", 200),
    ({}, "evil.example", 421), ({}, "evil.example:8000", 421), ({}, "127.0.0.1.evil.example", 421),
    ({"allow_anonymous": True}, "api.example.com", 200), ({"hosts": ("api.example.com",)}, "api.example.com:443", 200),
    ({"hosts": ("api.example.com",)}, "API.example.com", 200), ({"hosts": ("api.example.com",)}, "127.0.0.1", 421),
])  # fmt: skip
async def test_a_name_that_others_may_own_is_not_ours(settings: dict[str, Any], host: str, status: int) -> None:
    async with client_of(make_api(ScriptedService().service(), ApiSettings(**settings))) as client:
        answer = await client.post("/v1/lift", json=LIFT, headers={"Host": host})
    assert answer.status_code == status
    assert status == 200 or answer.json()["type"] == "/problems/misdirected"


@pytest.mark.parametrize(("settings", "named"), [
    ({"keys_file": "keys.yaml"}, "keys.yaml"), ({"keys_file": "/k", "allow_anonymous": True}, "exclude each other"),
    ({"cors_origins": ["*"]}, "cors_origins.0"), ({"cors_origins": ["https://a.example/x"]}, "cors_origins.0"),
    ({"hosts": ["a b"]}, "hosts.0"), ({"quota_store": "mysql://x"}, "quota_store"),
])  # fmt: skip
def test_settings_that_let_in_the_wrong_ones_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        ApiSettings.model_validate(settings)


async def test_the_service_does_not_start_without_its_keys(guarded: Guarded) -> None:
    with pytest.raises(ValueError, match="lift keys create"):
        guarded.client()


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.mark.parametrize(("origin", "allowed"), [
    ("https://app.example", True), ("https://evil.example", False), ("http://app.example", False), ("null", False),
])  # fmt: skip
async def test_only_named_origins_may_call_from_a_browser(guarded: Guarded, origin: str, allowed: bool) -> None:
    key = guarded.key("ann", "lift")
    async with guarded.client(cors_origins=("https://app.example",)) as client:
        asked = await client.options("/v1/lift", headers={"Origin": origin, **PREFLIGHT})
        answer = await client.post("/v1/lift", json=LIFT, headers={"Origin": origin, **bearer(key)})
    for one in (asked, answer):
        assert ("access-control-allow-origin" in one.headers) is allowed


async def test_no_origin_may_by_default(guarded: Guarded) -> None:
    guarded.key("ann", "lift")
    async with guarded.client() as client:
        asked = await client.options("/v1/lift", headers={"Origin": "https://app.example", **PREFLIGHT})
    assert asked.status_code == 401
    assert not [name for name in asked.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/healthz", "/v1/lift", "/nothing", "/docs"])
async def test_every_answer_has_headers_that_hold_a_browser(guarded: Guarded, path: str) -> None:
    guarded.key("ann", "lift")
    async with guarded.client() as client:
        answer = await client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_surprise_has_them_too(guarded: Guarded) -> None:
    key = guarded.key("ann", "lift")
    guarded.backend.failure = RuntimeError("no")
    async with guarded.client() as client:
        answer = await client.post("/v1/lift", json=LIFT, headers=bearer(key))
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_admin_sees_who_calls_and_no_secret(guarded: Guarded) -> None:
    admin, ann = guarded.key("root", "admin"), guarded.key("ann", "lift", requests_per_minute=5, tokens_per_day=1_000)
    async with guarded.client() as client:
        await client.post("/v1/lift", json=LIFT, headers=bearer(ann))
        answer = await client.get("/admin/keys", headers=bearer(admin))
    [row] = [row for row in answer.json() if row["name"] == "ann"]
    assert row["left"] == {"minute": 4, "day": 880}
    assert row["valid"]
    assert not {text.rpartition("_")[2] for text in (admin, ann)} & set(json.dumps(answer.json()).split('"'))
    assert "hash" not in answer.text


async def test_keys_are_read_again_when_an_admin_says_so(guarded: Guarded) -> None:
    admin = guarded.key("root", "admin")
    async with guarded.client() as client:
        ann = guarded.key("ann", "lift")
        answer = await client.post("/admin/keys/reload", headers=bearer(admin))
        assert answer.json() == {"keys": 2}
        assert (await client.post("/v1/lift", json=LIFT, headers=bearer(ann))).status_code == 200
        guarded.path.write_text("keys: [", encoding="utf-8")
        refused = await client.post("/admin/keys/reload", headers=bearer(admin))
        assert refused.json()["type"] == "/problems/keys-refused"
        assert (await client.post("/v1/lift", json=LIFT, headers=bearer(ann))).status_code == 200
