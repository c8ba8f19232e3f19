"""Both clients against the real HTTP API on a real port, which turns them away and breaks off as told."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.settings import ApiSettings
from lift_sys.client import AsyncClient, Client, ServiceProblem
from lift_sys.errors import OutputInvalid
from schemas import LiftRequest, Problem, ValidateRequest
from schemas.events import Event
from tests.deployments.scripted_service import STEPS, VERDICT, ScriptedService, served

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

REQUEST = LiftRequest(prompt="double a number", timeout_s=30)


@dataclass
class Cut:
    """The connection breaks after so many pieces of the body."""

    after: int


@dataclass
class Refusal:
    status: int
    retry_after: str


@dataclass
class Trouble:
    """In front of the API: what happens to the first requests, in order. Remembers what each of them said."""

    app: ASGIApp
    plan: list[Cut | Refusal]
    heard: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.heard.append({name.decode(): value.decode() for name, value in scope["headers"]})
        trouble = self.plan.pop(0) if self.plan else Cut(1_000)
        if isinstance(trouble, Refusal):
            problem = Problem(title="Busy", status=trouble.status, detail="too much at once")
            answer = JSONResponse(problem.model_dump(), trouble.status, {"Retry-After": trouble.retry_after})
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, _cutting(send, trouble.after))


def _cutting(send: Send, after: int) -> Send:
    left = after

    async def cutting(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.body":
            if not left:
                raise ConnectionError("the cable is cut")
            left -= 1
        await send(message)

    return cutting


@dataclass
class Asking:
    """A client, of either kind."""

    client: Client | AsyncClient

    async def lift(self, request: LiftRequest = REQUEST) -> Any:
        return await self._do(lambda client: client.lift(request))

    async def validate(self, request: ValidateRequest) -> Any:
        return await self._do(lambda client: client.validate(request))

    async def stream(self, request: LiftRequest = REQUEST) -> list[Event]:
        if isinstance(self.client, AsyncClient):
            return [event async for event in self.client.stream(request)]
        client = self.client
        return await asyncio.to_thread(lambda: list(client.stream(request)))

    async def _do(self, call: Callable[[Any], Any]) -> Any:
        if isinstance(self.client, AsyncClient):
            return await call(self.client)
        return await asyncio.to_thread(call, self.client)


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture(params=["sync", "async"])
def asked(request: pytest.FixtureRequest, service: ScriptedService) -> Callable[..., Any]:
    """`async with asked(trouble, …) as (asking, trouble):`"""

    @asynccontextmanager
    async def asked(
        *plan: Cut | Refusal, settings: ApiSettings | None = None, **options: Any
    ) -> AsyncIterator[tuple[Asking, Trouble]]:
        trouble = Trouble(service.api(settings), list(plan))
        async with served(trouble) as url:
            if request.param == "sync":
                with Client(url, **options) as client:
                    yield Asking(client), trouble
            else:
                async with AsyncClient(url, **options) as awaiting:
                    yield Asking(awaiting), trouble

    return asked


Asked = Callable[..., Any]


async def test_an_answer_is_a_model(asked: Asked, service: ScriptedService) -> None:
    async with asked(api_key="k1") as (asking, trouble):
        assert (await asking.lift()).verdict == VERDICT
        assert await asking.validate(ValidateRequest(code="x = 1", function="x")) == VERDICT
    assert service.asked[0] == REQUEST
    assert {heard["authorization"] for heard in trouble.heard} == {"Bearer k1"}
    assert len({heard["idempotency-key"] for heard in trouble.heard}) == 2, "one for each request"


async def test_a_stream_is_its_events(asked: Asked) -> None:
    async with asked() as (asking, trouble):
        assert [event.event for event in await asking.stream()] == STEPS
    assert "authorization" not in trouble.heard[0]


async def test_comments_in_a_silence_are_no_events(asked: Asked, service: ScriptedService) -> None:
    service.closed.add("code")
    async with asked(settings=ApiSettings(stream_ping_s=0.02)) as (asking, _):
        asyncio.get_running_loop().call_later(0.2, service.closed.clear)
        assert [event.event for event in await asking.stream()] == STEPS


@pytest.mark.parametrize("way", ["lift", "stream"])
async def test_a_busy_service_is_asked_again_when_it_said(asked: Asked, way: str) -> None:
    async with asked(Refusal(429, "1"), Refusal(503, "0")) as (asking, trouble):
        begun = time.monotonic()
        await getattr(asking, way)()
        assert time.monotonic() - begun >= 1
    assert len(trouble.heard) == 3
    assert len({heard["idempotency-key"] for heard in trouble.heard}) == 1, "the same request, not three"


@pytest.mark.parametrize(
    ("refusal", "tries", "asked_times", "retry_after_s"),
    [
        (Refusal(429, "0"), 2, 2, 0),
        (Refusal(429, "0"), 1, 1, 0),
        (Refusal(503, "900"), 4, 1, 900),
        (Refusal(422, "0"), 4, 1, 0),
        (Refusal(503, "Fri, 27 Nov 2026 07:00:00 GMT"), 1, 1, None),
    ],
    ids=["no more tries", "one try", "too long to wait", "nothing would change", "a date"],
)
async def test_at_some_point_it_is_a_problem(
    asked: Asked, refusal: Refusal, tries: int, asked_times: int, retry_after_s: float | None
) -> None:
    async with asked(*[refusal] * 9, tries=tries) as (asking, trouble):
        with pytest.raises(ServiceProblem, match="Busy") as caught:
            await asking.lift()
    assert len(trouble.heard) == asked_times
    assert caught.value.problem.status == refusal.status
    assert caught.value.retry_after_s == retry_after_s


@pytest.mark.parametrize("pieces", [0, 1, 3, len(STEPS) - 1])
async def test_a_stream_goes_on_where_its_connection_broke(asked: Asked, service: ScriptedService, pieces: int) -> None:
    async with asked(Cut(pieces)) as (asking, trouble):
        assert [event.event for event in await asking.stream()] == STEPS
    assert [heard.get("last-event-id") for heard in trouble.heard] == [None, str(pieces) if pieces else None]
    assert service.began == (1 if pieces else 2), "work is done again only where nothing was heard of it"


async def test_a_stream_that_breaks_at_every_event_comes_to_its_end(asked: Asked, service: ScriptedService) -> None:
    async with asked(*[Cut(1)] * len(STEPS)) as (asking, _):
        assert [event.event for event in await asking.stream()] == STEPS
    assert service.began == 1


async def test_a_stream_that_only_breaks_is_given_up(asked: Asked) -> None:
    async with asked(Cut(1), *[Cut(0)] * 99) as (asking, _):
        with pytest.raises(httpx.TransportError):
            await asking.stream()


async def test_a_connection_that_broke_is_tried_again_for_one_answer_too(asked: Asked) -> None:
    async with asked(Cut(0), Cut(0)) as (asking, trouble):
        assert (await asking.lift()).verdict == VERDICT
    assert len({heard["idempotency-key"] for heard in trouble.heard}) == 1


@pytest.mark.parametrize("way", ["lift", "stream"])
async def test_what_the_service_says_is_what_is_raised(asked: Asked, service: ScriptedService, way: str) -> None:
    service.failures["ir"] = OutputInvalid("cut twice")
    async with asked() as (asking, _):
        with pytest.raises(ServiceProblem, match="cut twice") as caught:
            await getattr(asking, way)()
    assert caught.value.problem.status == 502


@pytest.mark.parametrize("way", ["lift", "stream"])
async def test_the_fields_of_a_refusal_are_named(asked: Asked, way: str) -> None:
    async with asked() as (asking, _):
        with pytest.raises(ServiceProblem, match=r"examples\.0"):
            await getattr(asking, way)(LiftRequest(prompt="double", examples=("nothing",)))


@pytest.mark.parametrize("way", ["lift", "stream"])
async def test_another_service_is_not_taken_for_ours(way: str) -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"hello": "world"})(scope, receive, send)

    async with served(page) as url, AsyncClient(url) as client:
        with pytest.raises(ServiceProblem, match="not as lift-sys does"):
            await getattr(Asking(client), way)()


async def test_nobody_listens(own_port: int) -> None:
    async with AsyncClient(f"http://127.0.0.1:{own_port}", tries=2) as client:
        with pytest.raises(httpx.ConnectError):
            await client.lift(REQUEST)


async def test_a_stream_that_is_closed_early_is_left(service: ScriptedService) -> None:
    service.closed.add("code")
    async with served(service.api(ApiSettings(stream_kept_s=0))) as url, AsyncClient(url) as client:
        stream = client.stream(REQUEST)
        assert (await anext(stream)).event == "accepted"
        await stream.aclose()
        await until(lambda: service.cancelled == ["code"])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)
