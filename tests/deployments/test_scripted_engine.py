"""The engine without a model: its places, and what it tells of them."""

import asyncio

import pytest

from deployments.scripted_engine import ScriptedEngine
from lift_sys.ir_stage import ir_chat
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
