"""Who comes in, who waits and who is refused, with a clock that the tests turn."""

import asyncio
import itertools
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.admission import Estimate, Gate, Line, Ticket
from deployments.api.routes import Service, make_api
from deployments.scripted_engine import IR_TEXT
from deployments.settings import AdmissionSettings, ApiSettings, CodeSettings, IRSettings
from lift_sys.deadline import within
from lift_sys.errors import DeadlinePassed, Overloaded
from lift_sys.pipeline import Watch
from schemas import IR, Code, LiftRequest, LiftResponse, StageReport, Verdict
from schemas.api import Priority
from schemas.verdict import Evidence

PRIORITIES: tuple[Priority, ...] = ("interactive", "batch")
REQUEST = LiftRequest(prompt="Double a number")
PASSED = Evidence(clause="parse", kind="static", origin="rule", outcome="passed", detail="parses")
IR_OF_DOUBLE = IR.model_validate_json(IR_TEXT)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def line(clock: Clock | None = None, **settings: Any) -> Line:
    return Line(AdmissionSettings(**{"max_tokens": 10, "max_waiting": 4, **settings}), clock or Clock())


def is_inside(ticket: Ticket) -> bool:
    return ticket.came_in_s is not None


# The line


def test_so_many_tokens_come_in_as_there_is_room_for_and_others_wait() -> None:
    held = line()
    first, second, third = (held.ask(5, "interactive") for _ in range(3))
    assert [is_inside(one) for one in (first, second, third)] == [True, True, False]
    assert (held.tokens, held.waiting) == (10, 1)
    assert held.leave(first) == [third]
    assert (held.tokens, held.waiting) == (10, 0)


def test_one_that_needs_more_than_there_is_comes_in_alone() -> None:
    held = line()
    small, huge = held.ask(1, "interactive"), held.ask(99, "interactive")
    assert not is_inside(huge)
    late = held.ask(1, "interactive")
    assert held.leave(small) == [huge], "and nobody small overtakes it"
    assert held.leave(huge) == [late]


def test_interactive_requests_come_in_first_whoever_came_first() -> None:
    held = line()
    inside = held.ask(10, "batch")
    batch, interactive = held.ask(10, "batch"), held.ask(10, "interactive")
    assert held.leave(inside) == [interactive]
    assert held.leave(interactive) == [batch]


def test_half_of_the_line_is_kept_for_those_that_somebody_waits_for() -> None:
    held = line(max_waiting=4)
    held.ask(10, "batch")
    for priority in ("batch", "batch", "interactive", "interactive"):
        held.ask(1, priority)
    for one in PRIORITIES:
        with pytest.raises(Overloaded):
            held.ask(1, one)


def test_who_would_wait_for_too_long_is_refused_at_once_and_told_when_to_come_back() -> None:
    """Ten tokens leave in 8 s; so a line of ten takes 8 s, and one of twenty 16 s."""
    clock = Clock()
    held = line(clock, max_wait_s=20)
    first = held.ask(10, "interactive")
    clock.now_s = 8.0
    held.leave(first)
    held.ask(10, "interactive")
    for patience_s, refused in ((7, True), (9, False), (15, True), (17, False), (99, True)):
        if not refused:
            held.ask(10, "interactive", patience_s)
            continue
        with pytest.raises(Overloaded) as refusal:
            held.ask(10, "interactive", patience_s)
        assert refusal.value.retry_after_s == 8 * (1 + held.waiting)


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from(PRIORITIES), st.integers(0, 5)), max_size=60),
)
def test_nothing_is_lost_and_the_room_is_kept_whoever_leaves_and_when(
    room: int, steps: list[tuple[int, Priority, int]]
) -> None:
    """Each step asks; one in some leaves too. In the end all that were not refused have been inside."""
    held = line(max_tokens=room, max_waiting=8, max_wait_s=3_600)
    there: list[Ticket] = []
    for tokens, priority, leaver in steps:
        try:
            there.append(held.ask(tokens, priority))
        except Overloaded:
            assert held.waiting >= 4
        if leaver < len(there):
            came = held.leave(there.pop(leaver))
            assert [one.priority for one in came] == sorted((one.priority for one in came), reverse=True)
        inside = [one for one in there if is_inside(one)]
        assert held.tokens == sum(one.tokens for one in inside)
        assert held.tokens <= room or len(inside) == 1
        assert held.waiting == len(there) - len(inside) <= 8
        assert inside or not there, "nobody waits before an empty room"
    while there:
        inside = [one for one in there if is_inside(one)]
        there.remove(inside[0])
        held.leave(inside[0])
    assert (held.tokens, held.waiting) == (0, 0)


# The estimate


def answer(tokens: int) -> LiftResponse:
    report = StageReport(stage="code", seconds=1, attempts=1, prompt_tokens=50, cached_tokens=50)
    return LiftResponse(
        request_id="0",
        verdict=Verdict(level="likely", reason="", evidence=(PASSED,), sandbox="namespaces"),
        code=Code(function="f", imports=(), source="pass"),
        ir=IR_OF_DOUBLE,
        model="m",
        variations=1,
        stages=(report.model_copy(update={"completion_tokens": tokens}),),
        seconds=1.0,
    )


def test_an_estimate_grows_with_what_is_asked_for() -> None:
    estimate = Estimate(IRSettings(), CodeSettings())
    wanted = [
        REQUEST.model_copy(update={"ir": IR_OF_DOUBLE}),
        REQUEST,
        LiftRequest(prompt="Double a number " * 100),
        LiftRequest(prompt="Double a number " * 100, n=64),
    ]
    assert all(estimate.of(less) < estimate.of(more) for less, more in itertools.pairwise(wanted))


def test_an_estimate_learns_what_answers_take() -> None:
    estimate = Estimate(IRSettings(), CodeSettings())
    for _ in range(200):
        estimate.learn(REQUEST, answer(321))
    assert estimate.of(REQUEST) == pytest.approx(321, rel=0.01)


# The gate


def gate(**settings: Any) -> tuple[Line, Gate]:
    """With room for one request at a time."""
    held = line(**settings)
    return held, Gate(held, Estimate(IRSettings(), CodeSettings()))


@pytest.mark.anyio
async def test_who_gives_up_leaves_the_line_and_the_others_come_in() -> None:
    held, gated = gate()
    done: list[int] = []

    async def ask(number: int) -> None:
        async with gated.admitted(REQUEST):
            await asyncio.sleep(0.01)
            done.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert held.waiting == 3
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert done == [0, 2, 3]
    assert (held.tokens, held.waiting) == (0, 0)


@pytest.mark.anyio
async def test_nobody_waits_longer_than_the_deadline() -> None:
    held, gated = gate()
    async with gated.admitted(REQUEST):
        with pytest.raises(DeadlinePassed):
            async with within(0.05), gated.admitted(REQUEST):
                pass
        assert held.waiting == 0


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(PRIORITIES)), min_size=1, max_size=5))
def test_the_gate_is_empty_in_the_end_whoever_gives_up_and_when(steps: list[tuple[int, Priority]]) -> None:
    async def run() -> None:
        held, gated = gate(max_waiting=64)

        async def ask(priority: Priority) -> None:
            async with gated.admitted(REQUEST.model_copy(update={"priority": priority})):
                await asyncio.sleep(0)

        tasks = [(asyncio.create_task(ask(priority)), step) for step, priority in steps]
        for now in range(6):
            await asyncio.sleep(0)
            for task, step in tasks:
                if step == now:
                    task.cancel()
        await asyncio.wait_for(asyncio.gather(*(task for task, _ in tasks), return_exceptions=True), 5)
        assert (held.tokens, held.waiting) == (0, 0)

    asyncio.run(run())


@pytest.mark.anyio
async def test_a_client_that_is_refused_is_told_when_to_come_back() -> None:
    async def refuse(request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        raise Overloaded("more work than can be done soon", 17)

    async def validate(request: object) -> Verdict:
        raise Overloaded("the queues are full")

    async def nothing_missing() -> tuple[str, ...]:
        return ()

    service = Service(refuse, validate, nothing_missing)
    transport = httpx.ASGITransport(make_api(service, ApiSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        lifted = await client.post("/v1/lift", json={"prompt": "x"})
        validated = await client.post("/v1/validate", json={"code": "x", "function": "f"})
    assert [one.status_code for one in (lifted, validated)] == [429, 429]
    assert lifted.headers["retry-after"] == "17"
    assert int(validated.headers["retry-after"]) > 0
