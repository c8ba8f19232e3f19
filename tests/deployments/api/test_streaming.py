"""Server-sent events of a request over a real connection, from a service whose stages wait and fail as told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from httpx_sse import EventSource, ServerSentEvent

from deployments.api.routes import Service, make_api
from deployments.api.streams import Streams
from deployments.metrics import Metric
from deployments.security.key_file import edit_keys
from deployments.security.keys import Keys, new_key
from deployments.settings import ApiSettings
from lift_sys.errors import DeadlinePassed, EngineUnavailable, LiftError, OutputInvalid
from schemas import LiftResponse
from schemas.events import EVENT, Accepted, Answer, Event, Failed
from tests.deployments.scripted_service import STEPS, ScriptedService, served

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KEPT_S = 0.3
BODY = {"prompt": "double a number", "stream": True}


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
async def client(service: ScriptedService) -> AsyncIterator[httpx.AsyncClient]:
    api = service.api(ApiSettings(stream_kept_s=KEPT_S, streams_kept=2))
    async with served(api) as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        yield client


async def read(answer: httpx.Response, until: str = "") -> list[ServerSentEvent]:
    """All events, or all up to the first of a name."""
    found = []
    async for event in EventSource(answer).aiter_sse():
        found.append(event)
        if event.event == until:
            break
    return found


def parsed(event: ServerSentEvent) -> Event:
    return EVENT.validate_json(event.data)


async def begun(client: httpx.AsyncClient, until: str, **body: Any) -> list[ServerSentEvent]:
    """The events of a connection that is lost after the first one of this name."""
    async with client.stream("POST", "/v1/lift", json={**BODY, **body}) as answer:
        return await read(answer, until)


async def test_every_step_is_an_event_and_the_last_one_the_answer(client: httpx.AsyncClient) -> None:
    async with client.stream("POST", "/v1/lift", json=BODY) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = await read(answer)
    assert [event.event for event in told] == STEPS
    assert [event.id for event in told] == [str(number + 1) for number in range(len(STEPS))]
    events = [parsed(event) for event in told]
    assert [event.event for event in events] == STEPS, "the name stands in the data, too"
    first, last = events[0], events[-1]
    assert isinstance(first, Accepted)
    assert isinstance(last, Answer)
    assert last.response.request_id == first.request_id
    assert last.response.verdict.level == "verified"


async def test_without_stream_the_answer_is_one_document(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/lift", json={"prompt": "double a number"})
    assert LiftResponse.model_validate_json(answer.content).verdict.level == "verified"


@pytest.mark.parametrize(
    ("body", "status"), [({"stream": 1}, 422), ({"stream": "yes"}, 422), ({"examples": ["nothing"]}, 422)]
)
async def test_what_is_wrong_before_the_first_event_is_an_ordinary_problem(
    client: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    answer = await client.post("/v1/lift", json={**BODY, **body})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_service_that_is_not_ready_says_so_before_a_stream(service: ScriptedService) -> None:
    async def missing() -> tuple[str, ...]:
        return ("Engine",)

    api = make_api(Service(service.lift, service.validate, missing), ApiSettings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        answer = await client.post("/v1/lift", json=BODY)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutputInvalid("cut"), 502),
        (EngineUnavailable("gone"), 503),
        (DeadlinePassed("late"), 504),
        (RuntimeError("the secret is 42"), 500),
    ],
)
async def test_what_goes_wrong_later_is_the_last_event(
    client: httpx.AsyncClient, service: ScriptedService, error: Exception, status: int
) -> None:
    service.failures["code"] = error
    *_, last = await begun(client, until="")
    failed = parsed(last)
    assert isinstance(failed, Failed)
    assert failed.problem.status == status
    assert failed.problem.instance == "/v1/lift"
    assert (str(error) in failed.problem.detail) == isinstance(error, LiftError)


async def test_a_stream_keeps_to_the_deadline(client: httpx.AsyncClient, service: ScriptedService) -> None:
    service.closed.add("code")
    *_, last = await begun(client, until="", timeout_s=0.1)
    failed = parsed(last)
    assert isinstance(failed, Failed)
    assert failed.problem.status == 504
    assert service.cancelled == ["code"]


async def test_a_lost_connection_is_resumed_after_the_last_event_seen(
    client: httpx.AsyncClient, service: ScriptedService
) -> None:
    service.closed.add("code")
    seen = await begun(client, until="ir.done")
    service.closed.clear()
    rest = await resumed(client, seen)
    assert [event.event for event in (*seen, *rest)] == STEPS
    assert [event.id for event in (*seen, *rest)] == [str(number + 1) for number in range(len(STEPS))]
    assert service.began == 1, "the work was not done anew"


async def resumed(client: httpx.AsyncClient, seen: list[ServerSentEvent], **headers: str) -> list[ServerSentEvent]:
    headers |= {"last-event-id": seen[-1].id}
    async with client.stream("GET", events_of(seen), headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        return await read(answer)


def events_of(seen: list[ServerSentEvent]) -> str:
    accepted = parsed(seen[0])
    assert isinstance(accepted, Accepted)
    return f"/v1/lift/{accepted.request_id}/events"


async def test_an_answer_can_be_read_again_for_a_while_and_then_no_more(client: httpx.AsyncClient) -> None:
    seen = await begun(client, until="")
    assert [e.event for e in await resumed(client, seen[:7])] == STEPS[7:]
    assert await resumed(client, seen) == [], "nothing came after the answer"
    await asyncio.sleep(2 * KEPT_S)
    assert (await client.get(events_of(seen))).status_code == 404


async def test_two_may_read_at_once(client: httpx.AsyncClient, service: ScriptedService) -> None:
    service.closed.add("code")
    seen = await begun(client, until="ir.done")
    both = asyncio.gather(resumed(client, seen), resumed(client, seen[:1]))
    await asyncio.sleep(2 * KEPT_S)
    service.closed.clear()
    first, second = await both
    assert [e.id for e in second] == ["2", *(e.id for e in first)]


async def test_a_client_that_goes_away_for_good_has_its_work_cancelled(
    client: httpx.AsyncClient, service: ScriptedService
) -> None:
    service.closed.add("code")
    seen = await begun(client, until="ir.done")
    await asyncio.sleep(KEPT_S / 3)
    assert service.cancelled == [], "it may come back"
    await asyncio.sleep(KEPT_S)
    assert service.cancelled == ["code"]
    assert (await client.get(events_of(seen))).status_code == 404


async def test_where_too_many_are_kept_the_longest_unread_goes_first(
    client: httpx.AsyncClient, service: ScriptedService
) -> None:
    service.closed.add("code")
    first, *_ = [await begun(client, until="ir.done") for _ in range(3)]
    assert service.cancelled == ["code"]
    assert (await client.get(events_of(first))).status_code == 404


@pytest.mark.parametrize(
    ("last_event_id", "status", "field"),
    [("-1", 422, "last-event-id"), ("x", 422, "last-event-id"), ("99", 422, "Last-Event-ID")],
)
async def test_an_event_that_never_was_is_refused(
    client: httpx.AsyncClient, last_event_id: str, status: int, field: str
) -> None:
    seen = await begun(client, until="")
    answer = await client.get(events_of(seen), headers={"last-event-id": last_event_id})
    assert answer.status_code == status
    assert field in answer.text


async def test_who_cancels_ends_the_work_at_once_and_every_reader_is_told(
    client: httpx.AsyncClient, service: ScriptedService
) -> None:
    service.closed.add("code")
    async with client.stream("POST", "/v1/lift", json=BODY) as answer:
        cancelled = await client.delete(f"/v1/lift/{answer.headers['x-request-id']}")
        told = await read(answer)
    assert (cancelled.status_code, cancelled.content) == (204, b"")
    assert service.cancelled == ["code"]
    assert [event.event for event in told] == ["accepted", "ir.done", "problem"]
    failed = parsed(told[-1])
    assert isinstance(failed, Failed)
    assert (failed.problem.status, failed.problem.type) == (410, "/problems/request-cancelled")
    assert [event.event for event in await resumed(client, told[:1])] == ["ir.done", "problem"], "it was told for good"


async def test_what_has_ended_is_not_undone_by_a_cancel(client: httpx.AsyncClient) -> None:
    told = await begun(client, until="")
    assert (await client.delete(events_of(told).removesuffix("/events"))).status_code == 204
    assert [event.event for event in await resumed(client, told[:-1])] == ["answer"]


@pytest.mark.parametrize(("request_id", "status"), [("nothing", 404), ("x" * 65, 422)])
async def test_there_is_nothing_to_cancel(client: httpx.AsyncClient, request_id: str, status: int) -> None:
    answer = await client.delete(f"/v1/lift/{request_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_stream_of_another_ingress_is_cancelled_there(service: ScriptedService) -> None:
    """Which of them a request meets, its sender does not know."""
    service.closed.add("code")
    there = Streams(kept_s=9, most=9)
    first = make_api(Service(service.lift, service.validate, service.missing), ApiSettings(), streams=there)

    async def asked(owner: str, request_id: str) -> bool:
        return there.cancel(owner, request_id)

    second = make_api(Service(service.lift, service.validate, service.missing, cancel_elsewhere=asked), ApiSettings())
    async with served(first) as url, served(second) as other, httpx.AsyncClient(timeout=10) as client:
        async with client.stream("POST", f"{url}/v1/lift", json=BODY) as answer:
            path = f"{other}/v1/lift/{answer.headers['x-request-id']}"
            assert (await client.delete(path)).status_code == 204
            assert (await read(answer))[-1].event == "problem"
        assert (await client.delete(f"{other}/v1/lift/nothing")).status_code == 404
    assert service.cancelled == ["code"]


async def test_a_client_may_choose_the_id_of_its_request(client: httpx.AsyncClient) -> None:
    chosen = "0b7e1f0c-5b39-4d0f-9d5a-3c1f5a4d1f00"
    for sent, taken in ((chosen, True), ("canary", False), (f"{{{chosen}}}", False)):
        async with client.stream("POST", "/v1/lift", json=BODY, headers={"x-request-id": sent}) as answer:
            accepted = parsed((await read(answer))[0])
        assert isinstance(accepted, Accepted)
        assert (accepted.request_id == sent) == taken


def given_key(path: Path, name: str) -> str:
    key, text = new_key(name, ("lift",))
    edit_keys(path, lambda known: Keys(keys=(*known.keys, key)))
    return text


async def test_nobody_reads_or_cancels_anothers_stream(service: ScriptedService, tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    ann, bob = ({"Authorization": f"Bearer {given_key(path, name)}"} for name in ("ann", "bob"))
    async with (
        served(service.api(ApiSettings(keys_file=path))) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        async with client.stream("POST", "/v1/lift", json=BODY, headers=ann) as answer:
            seen = await read(answer)
        for key, status in ((ann, 200), (bob, 404), ({}, 401)):
            assert (await client.get(events_of(seen), headers=key)).status_code == status
        for key, status in ((bob, 404), ({}, 401), (ann, 204)):
            assert (await client.delete(events_of(seen).removesuffix("/events"), headers=key)).status_code == status


async def test_silence_is_filled_with_comments(service: ScriptedService) -> None:
    service.closed.add("ir")
    async with (
        served(service.api(ApiSettings(stream_ping_s=0.05))) as url,
        httpx.AsyncClient(base_url=url) as client,
        client.stream("POST", "/v1/lift", json=BODY) as answer,
    ):
        lines = answer.aiter_lines()
        comments = 0
        while comments < 2:
            comments += (await anext(lines)).startswith(":")


async def test_how_a_stream_ended_is_counted(service: ScriptedService) -> None:
    counted: list[str] = []

    def tell(metric: Metric, amount: float, /, **labels: str) -> None:
        counted.append(labels["outcome"])

    api: FastAPI = make_api(Service(service.lift, service.validate, service.missing), ApiSettings(), tell)
    async with served(api) as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        await begun(client, until="")
        service.failures["ir"] = EngineUnavailable("gone")
        await begun(client, until="")
        service.closed.add("ir")
        await begun(client, until="accepted")
        await asyncio.sleep(0.1)
    assert counted == ["answered", "unavailable", "cancelled"]
