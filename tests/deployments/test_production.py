"""A cluster with the flags of production, HAProxy in front: replicas that die, clients that go, overload, redeploys."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from deployments.bench.watch import dashboard_address
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


def test_a_client_that_goes_takes_its_work_with_it_down_to_the_engine(service: Any) -> None:
    """Each of 64 variations keeps an engine busy for six seconds."""

    async def leave() -> None:
        async with client_of(service) as client:
            asked = [asyncio.create_task(ask(client, n=64)) for _ in range(16)]
            await asyncio.sleep(1.0)
            for one in asked:
                one.cancel()
            await asyncio.wait(asked)

    asyncio.run(leave())
    begun = time.monotonic()
    assert not service.lift(**PROMPT).fallback, "the engine had time for it"
    assert time.monotonic() - begun < 4


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


def test_a_redeploy_costs_no_request(service: Any, tmp_path: Path) -> None:
    """Ingress and engine get new arguments, so that all of their replicas are replaced."""
    before = {name: {p.pid for p in service.replicas(name)} for name in ("Ingress", "Engine")}
    deployed = asyncio.run(asked_during(service, changed(service.config, tmp_path)))
    assert set(deployed) == {200}
    after = {name: {p.pid for p in service.replicas(name)} for name in before}
    assert all(before[name].isdisjoint(after[name]) for name in before), "all are new"


def changed(path: Path, folder: Path) -> Path:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["applications"][0]["args"]["engine"]["scripted_delay_s"] = 0.2
    new = folder / "changed.yaml"
    new.write_text(yaml.safe_dump(data), encoding="utf-8")
    return new


async def asked_during(service: Any, config: Path) -> list[int]:
    """The statuses of steady requests while a config is deployed."""
    statuses: list[int] = []
    async with client_of(service) as client:

        async def asking() -> None:
            while True:
                statuses.append((await ask(client)).status_code)

        deploying = await asyncio.to_thread(serve_command, service, "deploy", str(config))
        assert deploying.returncode == 0, deploying.stderr
        workers = [asyncio.create_task(asking()) for _ in range(3)]
        await asyncio.to_thread(wait_until_deployed, service)
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)
        assert not [one for one in workers if not one.cancelled()], "no connection broke"
    return statuses


def wait_until_deployed(service: Any) -> None:
    until = time.monotonic() + 200
    while time.monotonic() < until:
        status = yaml.safe_load(serve_command(service, "status").stdout)["applications"]["lift"]
        settled = all(
            one["status"] == "HEALTHY" and set(one["replica_states"]) == {"RUNNING"}
            for one in status["deployments"].values()
        )
        if status["status"] == "RUNNING" and settled:
            return
        time.sleep(1)
    pytest.fail("the deployment did not settle")


def serve_command(service: Any, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ray.serve.scripts", command, *words, "--address", dashboard_address(service.pid)]
    environment: Mapping[str, str] = {"RAY_AUTH_MODE": "token", **os.environ}
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)
