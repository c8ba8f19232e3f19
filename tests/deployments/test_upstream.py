"""A model behind an OpenAI-compatible API stands in, held to nothing: what it says is judged like all else."""

import json
from collections.abc import Callable

import httpx
import pytest

from deployments.scripted_engine import IR_TEXT
from deployments.settings import CodeSettings, IRSettings, UpstreamSettings, ValidatorSettings
from deployments.stages import CodeStage, IRStage, Validator
from deployments.upstream import UpstreamEngine, framed, upstream_engine
from lift_sys.errors import EngineUnavailable, OutputInvalid
from lift_sys.grammar.code_frame import opening, require_frame, source_of
from lift_sys.hearing import heard_by
from lift_sys.ir_stage import ir_chat
from lift_sys.pipeline import Effort, Stages, lift
from schemas import IR_JSON_SCHEMA, LiftRequest, LiftResponse, Piece, Sampling

pytestmark = pytest.mark.anyio

REQUEST = LiftRequest(prompt="Double a number: double(2) == 4")
CODE = "Sure:\n\n```python\ndef double(x: int) -> int:\n    return 2 * x\n```\n\nIt doubles."


class Upstream:
    """Answers an IR where a schema is asked for, else code; remembers what it was asked."""

    def __init__(self, ir: str = IR_TEXT, code: str = CODE) -> None:
        self.ir = ir
        self.code = code
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        content = self.ir if "response_format" in json.loads(request.content) else self.code
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
        return httpx.Response(200, json={"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage})


def engine(answer: Callable[[httpx.Request], httpx.Response]) -> UpstreamEngine:
    transport = httpx.MockTransport(answer)
    client = httpx.AsyncClient(
        transport=transport, base_url="http://upstream/v1/", headers={"authorization": "Bearer k"}
    )
    return UpstreamEngine(client, "their-model")


async def lifted(upstream: Upstream) -> LiftResponse:
    asked = engine(upstream)
    validator = Validator(ValidatorSettings(allow_weak_sandbox=True))
    ir, code = IRStage(asked, IRSettings(), ignore), CodeStage(asked, CodeSettings(), ignore)
    stages = Stages(ir.write, code.write, validator.choose)
    return await lift(REQUEST, "0", stages, Effort(n=4, first=4, repairs=0, repaired=0), "own")


def ignore(stage: str, reason: str) -> None:
    """What is refused shows in the answer."""


async def test_the_key_comes_from_the_environment_and_its_absence_is_said_by_name() -> None:
    settings = UpstreamSettings(base_url="http://127.0.0.1:9/v1", model="m", key_variable="THEIR_KEY")
    with pytest.raises(ValueError, match="no 'THEIR_KEY'"):
        upstream_engine(settings, {})
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await upstream_engine(settings, {"THEIR_KEY": "k"}).generate([ir_chat(REQUEST)], Sampling(max_tokens=9), "s")


@pytest.mark.slow
async def test_its_code_is_judged_like_any_other() -> None:
    upstream = Upstream()
    assert (await lifted(upstream)).verdict.level == "verified"
    wrong = await lifted(Upstream(code=CODE.replace("2 * x", "3 * x")))
    assert wrong.verdict.level == "rejected"
    first = json.loads(upstream.asked[0].content)
    assert first["model"] == "their-model"
    assert first["response_format"]["json_schema"]["schema"] == IR_JSON_SCHEMA
    assert {one.headers["authorization"] for one in upstream.asked} == {"Bearer k"}
    assert {str(one.url) for one in upstream.asked} == {"http://upstream/v1/chat/completions"}


async def test_who_listens_hears_its_text_in_one_piece() -> None:
    heard: list[Piece] = []
    with heard_by(heard.append):
        [completion] = await engine(Upstream()).generate([ir_chat(REQUEST)], Sampling(max_tokens=9), "s")
    assert heard == [Piece(text=completion.text, begins=True)]


async def test_an_ir_that_is_none_is_refused() -> None:
    with pytest.raises(OutputInvalid, match="no usable IR"):
        await lifted(Upstream(ir='{"intent": 3}'))


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda request: httpx.Response(500), "status 500"),
        (lambda request: httpx.Response(401, text="the key k is wrong"), "status 401"),
        (lambda request: httpx.Response(200, text="<html>"), "no chat completion"),
        (lambda request: httpx.Response(200, json={"choices": []}), "no chat completion"),
        (broken, "cannot be reached: ConnectError"),
    ],
)
async def test_what_is_no_answer_is_an_engine_that_is_away(
    answer: Callable[[httpx.Request], httpx.Response], said: str
) -> None:
    with pytest.raises(EngineUnavailable, match=said) as failure:
        await engine(answer).generate([ir_chat(REQUEST)], Sampling(max_tokens=9), "s")
    assert "key k" not in str(failure.value)


STUB = 'def double(x):\n    """Twice."""\n'


@pytest.mark.parametrize(
    ("content", "begun", "source"),
    [
        (CODE, "", "def double(x: int) -> int:\n    return 2 * x"),
        ("x = 1", "", "x = 1"),
        (f"```\n{STUB}    return 2 * x\n```", STUB, f"{STUB}    return 2 * x"),
        (CODE, STUB, f"{STUB}def double(x: int) -> int:\n    return 2 * x"),
    ],
)
def test_an_answer_is_brought_into_the_frame(content: str, begun: str, source: str) -> None:
    answer = opening(begun) + framed(content, opening(begun))
    require_frame(answer)
    assert source_of(answer) == source
