"""The engine without a model: its places, and what it tells of them."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.scripted_engine import Places, ScriptedEngine
from lift_sys.ir_stage import ir_chat
from lift_sys.priorities import rank
from schemas import LiftRequest, Sampling

pytestmark = pytest.mark.anyio

CHAT = ir_chat(LiftRequest(prompt="Double a number"))


async def test_so_many_answers_are_worked_on_as_there_are_places_and_others_wait() -> None:
    engine = ScriptedEngine(0.2, places=2)
    asked = asyncio.ensure_future(engine.generate([CHAT] * 5, Sampling(max_tokens=64), "session"))
    await asyncio.sleep(0.05)
    load = await engine.load()
    assert (load.running, load.waiting) == (2, 3)
    assert 0 < load.used_tokens < load.capacity_tokens
    assert load.uncached_tokens > 0
    await asked
    after = await engine.load()
    assert (after.running, after.waiting, after.used_tokens, after.uncached_tokens) == (0, 0, 0, 0)


async def test_a_call_that_is_given_up_leaves_its_places() -> None:
    engine = ScriptedEngine(60, places=1)
    asked = asyncio.ensure_future(engine.generate([CHAT] * 3, Sampling(max_tokens=64), "session"))
    await asyncio.sleep(0.05)
    asked.cancel()
    await asyncio.wait({asked})
    await asyncio.sleep(0.05)
    load = await engine.load()
    assert (load.running, load.waiting) == (0, 0)


async def test_of_those_that_wait_the_highest_priority_begins_first_and_then_who_came_first() -> None:
    engine, begun = ScriptedEngine(0.02, places=1), []

    async def ask(name: str, request: LiftRequest) -> None:
        sampling = Sampling(max_tokens=64, priority=rank(request.priority, "ir"))
        await engine.generate([CHAT], sampling, name)
        begun.append(name)

    batch, interactive = (LiftRequest(prompt="x", priority=priority) for priority in ("batch", "interactive"))
    asked = [("first", batch), ("b1", batch), ("b2", batch), ("i1", interactive), ("i2", interactive)]
    await asyncio.gather(*(ask(name, request) for name, request in asked))
    assert begun == ["first", "i1", "i2", "b1", "b2"]


def test_who_waits_comes_before_who_does_not_and_what_is_half_done_before_what_is_not_begun() -> None:
    orders = [("batch", "ir"), ("batch", "code"), ("interactive", "ir"), ("interactive", "code")]
    assert [rank(priority, stage) for priority, stage in orders] == [0, 1, 2, 3]  # type: ignore[arg-type]


@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 8)), max_size=12))
def test_no_place_is_lost_whoever_gives_up_and_when(places: int, calls: list[tuple[int, int | None]]) -> None:
    assert asyncio.run(free_after(Places(places), calls)) == places


async def free_after(held: Places, calls: list[tuple[int, int | None]]) -> int:
    """How many can be had at once, when each of the calls has used a place for a moment, or given up at its step."""

    async def use(priority: int) -> None:
        await held.acquire(priority)
        try:
            await asyncio.sleep(0)
        finally:
            held.release()

    tasks = [(asyncio.create_task(use(priority)), step) for priority, step in calls]
    for now in range(9):
        await asyncio.sleep(0)
        for task, step in tasks:
            if step == now:
                task.cancel()
    await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
    free = [asyncio.create_task(held.acquire(0)) for _ in range(10)]
    await asyncio.sleep(0)
    had = sum(task.done() for task in free)
    for task in free:
        task.cancel()
    await asyncio.gather(*free, return_exceptions=True)
    return had
