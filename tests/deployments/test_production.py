"""A cluster with the flags of production, HAProxy in front: replicas that die, overload."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import free_port

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

PROMPT = {"prompt": "Double a number: double(2) == 4"}
ARGS: dict[str, Any] = {
    "engine": {"kind": "scripted", "scripted_delay_s": 0.4, "scripted_places": 4},
    "fallback": {"engine": {"kind": "scripted", "model": "other"}, "after_s": 1.5, "failures": 1_000},
    "code": {"n": 4, "first": 64},
    # Five requests, once an ingress knows what one takes.
    "admission": {"max_tokens": 700, "max_waiting": 8},
}
TWICE = {"num_replicas": 2, "graceful_shutdown_timeout_s": 20}


@pytest.fixture(scope="module")
def service(serve: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    own = {
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
    }
    with serve(ARGS, some={"Ingress": TWICE, "IRStage": TWICE, "Engine": TWICE}, production=own) as service:
        time.sleep(1.5)  # each of the two ingresses looks once a second who is there
        yield service


@contextlib.asynccontextmanager
async def client_of(service: Any) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=service.client.base_url, timeout=60, limits=limits) as client:
        yield client


async def ask(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await client.post("/v1/lift", json={**PROMPT, **more})


def test_it_answers_through_haproxy(service: Any) -> None:
    assert service.lift(**PROMPT).verdict.level == "verified"
    names = {process.name() for process in psutil.Process(service.pid).children(recursive=True)}
    assert "haproxy" in names


@pytest.mark.parametrize("part", ["IRStage", "Engine"])
def test_a_request_outlives_the_replica_that_works_on_it(service: Any, part: str) -> None:
    async def ask_and_kill() -> list[int]:
        async with client_of(service) as client:
            asked = [asyncio.create_task(ask(client)) for _ in range(4)]
            await asyncio.sleep(0.25)
            service.replicas(part)[0].kill()
            return [(await one).status_code for one in asked]

    assert asyncio.run(ask_and_kill()) == [200] * 4


def test_more_than_can_be_done_is_refused_at_once_and_told_when_to_come_back(service: Any) -> None:
    async def all_at_once() -> list[httpx.Response]:
        async with client_of(service) as client:
            return await asyncio.gather(*(ask(client) for _ in range(120)))

    answers = asyncio.run(all_at_once())
    assert {answer.status_code for answer in answers} == {200, 429}
    refused = [answer for answer in answers if answer.status_code == 429]
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in refused)


def test_another_model_answers_while_there_is_no_engine(service: Any) -> None:
    for replica in service.replicas("Engine"):
        replica.kill()
    answer = service.lift(**PROMPT)
    assert answer.verdict.level == "verified"
    assert (answer.fallback, answer.model) == (True, "other")
