"""What an engine wrote is repeated word for word, and a chat that was never recorded is said to be missing."""

import io
from pathlib import Path

import pytest

from deployments.scripted_engine import ScriptedEngine
from lift_sys.evaluation.direct import source_in
from lift_sys.evaluation.tape import NotOnTape, Recorder, Tape
from lift_sys.grammar.code_frame import CODE
from schemas.engine import Chat, Message, Sampling

pytestmark = pytest.mark.anyio
WARM, COLD = Sampling(temperature=0.7, max_tokens=99), Sampling(max_tokens=99)


def chat(words: str, n: int) -> Chat:
    return Chat(messages=(Message(role="user", content=words),), grammar=CODE, n=n)


@pytest.fixture
async def tape(tmp_path: Path) -> Path:
    file = io.StringIO()
    recorder = Recorder(ScriptedEngine(), file)
    await recorder.generate([chat("one", 4), chat("two", 1)], WARM, "")
    path = tmp_path / "tape.jsonl"
    path.write_text(file.getvalue(), encoding="utf-8")
    return path


async def test_a_tape_repeats_the_first_of_what_was_recorded(tape: Path) -> None:
    spoken = await ScriptedEngine().generate([chat("one", 2), chat("two", 1)], WARM, "")
    repeated = await Tape([tape]).generate([chat("one", 2), chat("two", 1)], WARM, "")
    assert [c.text for c in repeated] == [c.text for c in spoken]


async def test_a_session_hears_nothing_twice(tape: Path) -> None:
    engine = Tape([tape])
    await engine.generate([chat("one", 3)], WARM, "a")
    assert len(await engine.generate([chat("one", 4)], WARM, "b")) == 4
    with pytest.raises(NotOnTape, match="4 completions of 'one', 5 wanted"):
        await engine.generate([chat("one", 2)], WARM, "a")


async def test_a_tape_can_be_heard_in_parts_but_for_what_there_is_one_of(tape: Path) -> None:
    half = Tape([tape], part=(1, 2))
    assert len(await half.generate([chat("one", 2), chat("two", 1)], WARM, "")) == 3
    with pytest.raises(NotOnTape, match="2 completions of 'one', 3 wanted"):
        await half.generate([chat("one", 1)], WARM, "")


@pytest.mark.parametrize(
    ("asked", "sampling"),
    [(chat("three", 1), WARM), (chat("one", 1), COLD), (chat("one", 1).model_copy(update={"opening": "x"}), WARM)],
)
async def test_another_chat_is_not_on_the_tape(tape: Path, asked: Chat, sampling: Sampling) -> None:
    with pytest.raises(NotOnTape, match="0 completions"):
        await Tape([tape]).generate([asked], sampling, "")


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("Here:\n```python\nx = 1\n```\nand\n```python\ny\n```", "x = 1"),
        ("```py\nx = 1\n", "x = 1"),
        ("x = 1\n", "x = 1"),
    ],
)
def test_the_first_block_of_markdown_is_the_answer(answer: str, source: str) -> None:
    assert source_in(answer) == source
