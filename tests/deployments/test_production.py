"""A cluster with the flags of production, HAProxy in front: replicas that die, overload, clients that hang up, a new
deploy."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from httpx_sse import EventSource

from deployments.bench.watch import dashboard_address, gcs_address
from tests.conftest import free_port

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

PROMPT = {"prompt": "Double a number: double(2) == 4"}
ARGS: dict[str, Any] = {
    "engine": {"kind": "scripted", "scripted_delay_s": 0.4, "scripted_places": 4},
    "model_stages": "ingress",
    "fallback": {"engine": {"kind": "scripted", "model": "other"}, "after_s": 1.5, "failures": 1_000},
    "code": {"n": 4, "first": 64},
    # Five requests, once an ingress knows what one takes.
    "admission": {"max_tokens": 700, "max_waiting": 8},
    "api": {"stream_kept_s": 0.5},
}
PARTS = ("Ingress", "Validator", "Engine")
TWICE = {"num_replicas": 2, "graceful_shutdown_timeout_s": 20, "graceful_shutdown_wait_loop_s": 2}  # as deployed


@pytest.fixture(scope="module")
def service(serve: Callable[..., AbstractContextManager[Any]]) -> Iterator[Any]:
    own = {
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
    }
    with serve(ARGS, some=dict.fromkeys(PARTS, TWICE), production=own) as service:
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


def test_replicas_do_not_go_last_of_all_on_their_machine(service: Any) -> None:
    assert {replica.nice() for part in PARTS for replica in service.replicas(part)} == {psutil.Process().nice()}


def test_a_request_outlives_the_engine_that_works_on_it(service: Any) -> None:
    async def ask_and_kill() -> list[int]:
        async with client_of(service) as client:
            asked = [asyncio.create_task(ask(client)) for _ in range(4)]
            await asyncio.sleep(0.25)
            service.replicas("Engine")[0].kill()
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


LOADS = """
import json, sys, time, ray
from ray import serve
ray.init(sys.argv[1], log_to_driver=False, logging_level="error")
engine = serve.get_deployment_handle("Engine", "lift")
while True:
    loads = engine.broadcast("record_autoscaling_stats").results(timeout_s=30)
    print(json.dumps(sum(load["running"] + load["waiting"] for load in loads)), flush=True)
    time.sleep(0.1)
"""
MANY = {**PROMPT, "n": 64}
"""More than six seconds of work for an engine."""


class Engines:
    """How much the engines have to do, asked through the cluster by a process that is no part of the service."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        self._told = process.stdout

    def until(self, busy: bool) -> float:
        """Seconds until all of them have nothing to do, or one is at a wave of variations."""
        begun = time.monotonic()
        while (json.loads(self._told.readline()) > 4) != busy:
            assert time.monotonic() - begun < 60
        return time.monotonic() - begun


@pytest.fixture(scope="module")
def engines(service: Any) -> Iterator[Engines]:
    environment = {"RAY_AUTH_MODE": "token", **os.environ}
    command = [sys.executable, "-c", LOADS, gcs_address(service.pid)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        found = Engines(process)
        found.until(busy=False)  # joining the cluster takes longer than some work
        yield found
        process.kill()


@pytest.mark.parametrize("stream", [False, True])
def test_who_hangs_up_leaves_no_work_behind(service: Any, engines: Engines, stream: bool) -> None:
    """Through HAProxy, which by Ray's own config would not notice."""

    async def ask_and_hang_up() -> None:
        async with client_of(service) as client:
            asked = asyncio.create_task(client.post("/v1/lift", json={**MANY, "stream": stream}))
            await asyncio.to_thread(engines.until, busy=True)
            assert not asked.done()
            asked.cancel()

    asyncio.run(ask_and_hang_up())
    assert engines.until(busy=False) < 3


def test_a_cancel_finds_the_ingress_that_has_the_stream(service: Any, engines: Engines) -> None:
    with service.client.stream("POST", "/v1/lift", json={**MANY, "stream": True}) as answer:
        told = EventSource(answer).iter_sse()
        path = f"/v1/lift/{json.loads(next(told).data)['request_id']}"
        engines.until(busy=True)
        for _ in range(2):
            assert service.client.delete(path).status_code == 204
        assert [event.event for event in told if event.data][-1] == "problem"
    assert engines.until(busy=False) < 3
    assert service.client.delete("/v1/lift/nothing").status_code == 404


def test_a_new_deploy_under_load_costs_no_request(service: Any, tmp_path: Path) -> None:
    """Other arguments, so that Serve replaces every replica. Of each part it ends one before the next is there."""
    data = yaml.safe_load(service.config.read_text(encoding="utf-8"))
    data["applications"][0]["args"]["engine"]["scripted_delay_s"] = 0.2
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    before = replaced(service)

    async def steadily(over: asyncio.Event) -> list[httpx.Response]:
        found = []
        async with client_of(service) as client:
            while not over.is_set():
                found.append(await ask(client))
        return found

    async def deploy_meanwhile() -> list[httpx.Response]:
        over = asyncio.Event()
        asking = [asyncio.create_task(steadily(over)) for _ in range(2)]
        await asyncio.to_thread(deploy, service, tmp_path / "changed.yaml")
        async with asyncio.timeout(120):
            while replaced(service) & before or len(replaced(service)) < len(before):
                await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        over.set()
        return [answer for answers in await asyncio.gather(*asking) for answer in answers]

    answers = asyncio.run(deploy_meanwhile())
    assert [answer.text for answer in answers if answer.status_code != 200] == []
    assert len(answers) > 10


def replaced(service: Any) -> set[int]:
    while True:
        with contextlib.suppress(psutil.NoSuchProcess):  # one that went between two looks
            return {process.pid for part in PARTS for process in service.replicas(part)}


def deploy(service: Any, config: Path) -> None:
    address = dashboard_address(service.pid)
    command = [sys.executable, "-m", "ray.serve.scripts", "deploy", str(config), "--address", address]
    environment = {"RAY_AUTH_MODE": "token", **os.environ}
    subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)


@contextlib.contextmanager
def without(service: Any, part: str) -> Iterator[None]:
    """Serve replaces a scripted engine within two seconds, so whoever comes is killed too."""
    over = threading.Event()

    def kill_who_comes() -> None:
        while not over.wait(0.05):
            with contextlib.suppress(psutil.NoSuchProcess):  # one that went between two looks
                for replica in service.replicas(part):
                    replica.kill()

    killer = threading.Thread(target=kill_who_comes)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


def test_another_model_answers_while_there_is_no_engine(service: Any) -> None:
    with without(service, "Engine"):
        answer = service.lift(**PROMPT)
    assert answer.verdict.level == "verified"
    assert (answer.fallback, answer.model) == (True, "other")
