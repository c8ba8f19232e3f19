"""What each caller may use, and what is told of it."""

import asyncio
import contextlib
import gc
import logging
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deployments.api.routes import make_api
from deployments.bench.scripted_service import TOKENS, ScriptedService
from deployments.metrics import Metric
from deployments.security.keys import Caller, Quota
from deployments.security.quotas import Quotas
from deployments.settings import ApiSettings
from tests.conftest import free_port
from tests.deployments.security.guarded import LIFT, VALIDATE, Guarded, bearer, client_of
from tests.redis_server import REDIS

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path / "keys.yaml", ScriptedService())


def is_over(answer: httpx.Response, word: str) -> bool:
    problem = answer.json()
    over = answer.status_code == 429 and problem["type"] == "/problems/quota-exceeded" and word in problem["detail"]
    return over and int(answer.headers["retry-after"]) > 0


async def test_a_request_beyond_those_of_a_minute_is_told_when_to_come_back(guarded: Guarded) -> None:
    key = guarded.key("ann", "lift", requests_per_minute=2)
    async with guarded.client() as client:
        answers = [await client.post("/v1/lift", json=LIFT, headers=bearer(key)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert is_over(answers[2], "2 requests a minute")
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers] == [
        '"minute";r=1', '"minute";r=0', '"minute";r=0'
    ]  # fmt: skip
    assert answers[0].headers["ratelimit-policy"] == '"minute";q=2;w=60;qu="requests"'
    assert 0 < int(answers[2].headers["retry-after"]) <= 60


async def test_what_an_answer_took_counts_against_the_day(guarded: Guarded) -> None:
    key = guarded.key("ann", "lift", tokens_per_day=2 * TOKENS - 1)
    async with guarded.client() as client:
        answers = [await client.post("/v1/lift", json=LIFT, headers=bearer(key)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert is_over(answers[2], "tokens a day")
    assert f'"day";q={2 * TOKENS - 1};w=86400;qu="tokens"' in answers[0].headers["ratelimit-policy"]


async def test_a_request_beyond_those_at_once_is_refused_until_one_ends(guarded: Guarded) -> None:
    key = guarded.key("ann", "lift", concurrent=2)
    guarded.backend.delay_s = 0.2
    async with guarded.client() as client:
        answers = await asyncio.gather(*(client.post("/v1/lift", json=LIFT, headers=bearer(key)) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
        assert any(is_over(answer, "2 requests at once") for answer in answers)
        assert (await client.post("/v1/lift", json=LIFT, headers=bearer(key))).status_code == 200


@pytest.mark.parametrize("ends", ["it fails", "the client leaves"])
async def test_a_place_is_given_back_however_a_request_ends(guarded: Guarded, ends: str) -> None:
    key = guarded.key("ann", "lift", concurrent=1)
    async with guarded.client() as client:
        if ends == "it fails":
            guarded.backend.failure = RuntimeError("so")
            assert (await client.post("/v1/lift", json=LIFT, headers=bearer(key))).status_code == 500
            guarded.backend.failure = None
        else:
            guarded.backend.delay_s = 5
            left = asyncio.create_task(client.post("/v1/lift", json=LIFT, headers=bearer(key)))
            await asyncio.sleep(0.1)
            left.cancel()
            await asyncio.wait({left})
            guarded.backend.delay_s = 0
        assert (await client.post("/v1/lift", json=LIFT, headers=bearer(key))).status_code == 200


async def test_callers_do_not_use_up_each_others_quota_and_two_keys_of_one_do(guarded: Guarded) -> None:
    keys = [guarded.key(name, "lift") for name in ("ann", "ann", "bob")]
    async with guarded.client(quota={"requests_per_minute": 1}) as client:
        statuses = [(await client.post("/v1/lift", json=LIFT, headers=bearer(key))).status_code for key in keys]
    assert statuses == [200, 429, 200]


async def test_a_keys_own_limit_goes_before_the_deployments(guarded: Guarded) -> None:
    key = guarded.key("ann", "lift", "validate", requests_per_minute=2)
    async with guarded.client(quota={"requests_per_minute": 1, "concurrent": 7}) as client:
        first = await client.post("/v1/validate", json=VALIDATE, headers=bearer(key))
        second = await client.post("/v1/lift", json=LIFT, headers=bearer(key))
    assert first.status_code == second.status_code == 200
    assert '"concurrent";q=7;qu="concurrent-requests"' in first.headers["ratelimit-policy"]


async def test_probes_and_descriptions_are_free(guarded: Guarded) -> None:
    key = guarded.key("ann", "lift", requests_per_minute=1)
    async with guarded.client() as client:
        for path in ("/healthz", "/openapi.json", "/problems") * 2:
            answer = await client.get(path, headers=bearer(key))
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers


async def test_a_caller_beyond_its_quota_does_not_look_like_an_overload(guarded: Guarded) -> None:
    key, told = guarded.key("ann", "lift", requests_per_minute=1), Counter[str]()

    def tell(metric: Metric, amount: float, /, **labels: str) -> None:
        told[labels["outcome"]] += 1

    api = make_api(guarded.backend.service(), ApiSettings(keys_file=guarded.path), tell)
    async with client_of(api) as client:
        for one in (key, key, "nobody"):
            await client.post("/v1/lift", json=LIFT, headers=bearer(one))
    assert told == {"answered": 1, "refused": 2}


async def test_who_has_no_limit_is_told_of_none(guarded: Guarded) -> None:
    key = guarded.key("ann", "lift")
    async with guarded.client() as client:
        answer = await client.post("/v1/lift", json=LIFT, headers=bearer(key))
    assert "ratelimit" not in answer.headers


async def test_a_store_that_is_away_refuses_nobody_and_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    quotas = Quotas(Quota(requests_per_minute=1, tokens_per_day=1), f"redis://127.0.0.1:{free_port()}")
    caller = Caller("ann", frozenset({"lift"}))
    with caplog.at_level(logging.ERROR):
        assert [await quotas.enter(caller) for _ in range(3)] == [None] * 3
        await quotas.spend(caller, 7)
        assert await quotas.headers(caller) == {}
    assert "quotas are not counted" in caplog.text
    assert "7 tokens are not counted" in caplog.text


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    assert REDIS
    command = [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
        process.terminate()


# An ingress keeps its connections for as long as it lives, and `limits` has no way to close them.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.skipif(not REDIS, reason="asks for a real Redis (Debian's package redis-server)")
async def test_several_ingresses_count_together_in_a_redis(redis: str) -> None:
    caller, quota = Caller("ann", frozenset({"lift"})), Quota(requests_per_minute=3, tokens_per_day=100)
    ingresses = [Quotas(quota, redis) for _ in range(2)]
    let_in = [await ingress.enter(caller) is None for ingress in ingresses * 2]
    assert let_in == [True, True, True, False]
    assert [(await ingress.left(caller))["minute"] for ingress in ingresses] == [0, 0]
    await ingresses[0].spend(caller, 70)
    assert (await ingresses[1].left(caller))["day"] == 30
    del ingresses
    gc.collect()
