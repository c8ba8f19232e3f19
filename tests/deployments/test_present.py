"""A pool without a replica is left at once, where a call would wait for one to come."""

import asyncio

import pytest

from deployments.present import PresentEngine
from deployments.scripted_engine import IR_TEXT, ScriptedEngine
from lift_sys.errors import EngineUnavailable
from lift_sys.ir_stage import ir_chat
from schemas import LiftRequest, Sampling

pytestmark = pytest.mark.anyio

CALL = ([ir_chat(LiftRequest(prompt="Double a number."))], Sampling(max_tokens=64), "s")


class Looks:
    """What is missing, from one look to the next; the last one stays."""

    def __init__(self, *told: tuple[str, ...]) -> None:
        self._told = list(told)

    async def __call__(self) -> tuple[str, ...]:
        return self._told.pop(0) if len(self._told) > 1 else self._told[0]


async def test_a_pool_that_is_there_answers() -> None:
    engine = PresentEngine(ScriptedEngine(0.02), Looks(()), every_s=0.005)
    assert [one.text for one in await engine.generate(*CALL)] == [IR_TEXT]


@pytest.mark.parametrize(
    "looks", [(("Engine",),), ((), (), ("Engine",))], ids=["before the call", "in the midst of it"]
)
async def test_a_pool_that_is_away_is_named_and_nobody_works_on(looks: tuple[tuple[str, ...], ...]) -> None:
    working = ScriptedEngine(9)
    engine = PresentEngine(working, Looks(*looks), every_s=0.005)
    async with asyncio.timeout(1):
        with pytest.raises(EngineUnavailable, match="no replica runs of Engine"):
            await engine.generate(*CALL)
        await asyncio.sleep(0.01)
    assert (await working.load()).running == 0
