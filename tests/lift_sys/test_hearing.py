"""A text that is heard while it is written, by who called for it."""

import asyncio

import pytest

from deployments.scripted_engine import IR_TEXT, ScriptedEngine
from deployments.settings import IRSettings
from deployments.stages import IRStage
from lift_sys.errors import OutputInvalid
from lift_sys.hearing import aloud, heard_by, joined, listener
from lift_sys.ir_stage import ir_chat
from schemas import Completion, LiftRequest, Piece, Sampling

pytestmark = pytest.mark.anyio

CHAT, SAMPLING = ir_chat(LiftRequest(prompt="double")), Sampling(max_tokens=99)


def begun(text: str) -> Piece:
    return Piece(text=text, begins=True)


def more(text: str) -> Piece:
    return Piece(text=text)


@pytest.mark.parametrize(("pieces", "heard"), [
    ([begun("a")], begun("a")),
    ([begun("a"), more("b")], begun("ab")),
    ([more("b"), more("c")], more("bc")),
    ([more("b"), begun("c")], begun("c")),
    ([begun("a"), more("b"), begun("c"), more("d"), begun("e"), more("f")], begun("ef")),
])  # fmt: skip
def test_pieces_told_together_leave_out_what_is_void(pieces: list[Piece], heard: Piece) -> None:
    assert joined(pieces) == heard


async def test_a_call_told_aloud_gives_its_pieces_in_order_and_then_its_result() -> None:
    *pieces, result = [told async for told in aloud(ScriptedEngine(0.3).generate([CHAT], SAMPLING, "s"))]
    assert len(pieces) > 2
    assert [isinstance(piece, Piece) and piece.begins for piece in pieces] == [True, *[False] * (len(pieces) - 1)]
    assert "".join(piece.text for piece in pieces if isinstance(piece, Piece)) == IR_TEXT
    assert isinstance(result, list)
    assert [completion.text for completion in result] == [IR_TEXT]


async def test_what_fails_aloud_fails_after_what_was_heard() -> None:
    async def work() -> None:
        if hear := listener():
            hear(begun("{"))
        raise OutputInvalid("cut")

    told = aloud(work())
    assert await anext(told) == begun("{")
    with pytest.raises(OutputInvalid, match="cut"):
        await anext(told)


async def test_an_attempt_after_one_that_could_not_be_used_begins_anew() -> None:
    stage = IRStage(ScriptedEngine(cut=True), IRSettings(max_attempts=3), lambda stage, reason: None)
    heard: list[Piece] = []
    with heard_by(heard.append), pytest.raises(OutputInvalid):
        await stage.write(LiftRequest(prompt="double"), "s")
    assert [piece.begins for piece in heard].count(True) == 3


async def test_who_stops_listening_stops_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            if hear := listener():
                hear(begun("{"))
            await asyncio.sleep(60)
        finally:
            ended.set()

    told = aloud(work())
    assert await anext(told) == begun("{")
    await told.aclose()
    assert ended.is_set()


async def test_only_who_is_called_within_is_heard() -> None:
    heard: list[Piece] = []

    async def asked() -> list[Completion]:
        return await ScriptedEngine().generate([CHAT], SAMPLING, "s")

    with heard_by(heard.append):
        await asked()
    told = len(heard)
    assert told > 1
    await asked()
    assert len(heard) == told
