"""Another engine answers where the deployment's own cannot, and the answer says so."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.breaker import Breaker
from deployments.fallback import CHARS_PER_TOKEN, FallbackEngine, Pool
from deployments.scripted_engine import ScriptedEngine
from deployments.settings import CodeSettings, IRSettings, ValidatorSettings
from deployments.stages import CodeStage, IRStage, Validator
from lift_sys.engine import Engine
from lift_sys.errors import EngineUnavailable, Overloaded, SpecificationInvalid
from lift_sys.hearing import heard_by
from lift_sys.ir_stage import IR_GRAMMAR, ir_chat
from lift_sys.pipeline import Effort, Stages, lift
from schemas import Chat, Completion, LiftRequest, LiftResponse, Message, Piece, Sampling

pytestmark = pytest.mark.slow

REQUEST = LiftRequest(prompt="Double a number: double(2) == 4")


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


# The breaker


def test_it_opens_after_failures_in_a_row_and_lets_one_try_after_a_while() -> None:
    clock = Clock()
    breaker = Breaker(failures=2, open_s=10, clock=clock)
    for failed in (True, False, True, True):
        assert breaker.allows()
        breaker.failed() if failed else breaker.succeeded()
    assert not breaker.allows()
    clock.now_s = 10
    assert [breaker.allows(), breaker.allows()] == [True, False], "one tries it"
    breaker.failed()
    clock.now_s = 19
    assert not breaker.allows(), "open for as long again"
    clock.now_s = 20
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.allows(), breaker.allows()] == [True, True]


def test_a_try_that_says_nothing_leaves_it_to_the_next() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, open_s=1, clock=clock)
    breaker.failed()
    clock.now_s = 1
    assert breaker.allows()
    breaker.ended()
    assert breaker.allows()


@given(st.integers(1, 4), st.lists(st.sampled_from(["allows", "succeeded", "failed", "ended", "later"]), max_size=40))
def test_whatever_happens_it_is_tried_again_after_a_while(failures: int, events: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(failures, open_s=5, clock=clock)
    for event in events:
        if event == "later":
            clock.now_s += 5
        else:
            getattr(breaker, event)()
    breaker.ended()
    clock.now_s += 5
    assert breaker.allows()


# The engine


class Away:
    """An engine that fails, and counts how often it was asked."""

    def __init__(self, failure: BaseException | None = None, delay_s: float = 0.0) -> None:
        self.failure = failure
        self.delay_s = delay_s
        self.asked = 0

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        if self.failure:
            raise self.failure
        return await ScriptedEngine().generate(chats, sampling, session)


def pair(primary: Engine, second: Engine, failures: int = 2, **more: Any) -> FallbackEngine:
    """The second one takes 8,192 tokens of prompt and answer."""
    breakers = [Breaker(failures, open_s=60) for _ in range(2)]
    return FallbackEngine(Pool(primary, breakers[0]), Pool(second, breakers[1], "other", 8_192), after_s=0.5, **more)


async def models(primary: Engine, calls: int, failures: int = 2) -> list[str | None]:
    """Which model wrote each answer."""
    engine = pair(primary, ScriptedEngine(), failures)
    chat, sampling = ir_chat(REQUEST), Sampling(max_tokens=64)
    return [(await engine.generate([chat], sampling, "s"))[0].model for _ in range(calls)]


@pytest.mark.anyio
@pytest.mark.parametrize("primary", [Away(EngineUnavailable("no replica")), Away(delay_s=60)], ids=["away", "too slow"])
async def test_who_cannot_write_is_not_asked_again_for_a_while(primary: Away) -> None:
    assert await models(primary, calls=4) == ["other"] * 4
    assert primary.asked == 2


@pytest.mark.anyio
async def test_who_can_write_is_asked_each_time() -> None:
    primary = Away()
    assert await models(primary, calls=4) == [None] * 4
    assert primary.asked == 4


@pytest.mark.anyio
async def test_a_client_s_own_mistake_goes_to_nobody_else() -> None:
    primary = Away(SpecificationInvalid("prompt", "too long"))
    for _ in range(4):
        with pytest.raises(SpecificationInvalid):
            await models(primary, calls=1, failures=1)
    assert primary.asked == 4


@pytest.mark.anyio
async def test_who_listens_hears_the_fallback_begin_anew() -> None:
    heard: list[Piece] = []
    engine = pair(ScriptedEngine(9), ScriptedEngine())
    with heard_by(heard.append):
        [completion] = await engine.generate([ir_chat(REQUEST)], Sampling(max_tokens=64), "s")
    begun = [index for index, piece in enumerate(heard) if piece.begins]
    assert len(begun) == 2
    assert begun[1] > 1, "the first one had told something"
    assert "".join(piece.text for piece in heard[begun[1] :]) == completion.text


async def lifted(primary: Engine) -> LiftResponse:
    engine = pair(primary, ScriptedEngine(), failures=1)
    validator = Validator(ValidatorSettings(allow_weak_sandbox=True))
    ir, code = IRStage(engine, IRSettings(), ignore), CodeStage(engine, CodeSettings(), ignore)
    stages = Stages(ir.write, code.write, validator.choose)
    return await lift(REQUEST, "0", stages, Effort(n=4, first=4, repairs=0, repaired=0), "own")


def ignore(stage: str, reason: str) -> None:
    """Nothing is refused here."""


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("primary", "model"), [(ScriptedEngine(), "own"), (Away(EngineUnavailable("no replica")), "other")]
)
async def test_an_answer_names_the_model_that_wrote_it(primary: Engine, model: str) -> None:
    answer = await lifted(primary)
    assert answer.verdict.level == "verified"
    assert (answer.model, answer.fallback) == (model, model == "other")


# Pools by the length of a prompt

AWAY, FULL, WELL = EngineUnavailable("no replica"), Overloaded("the queues are full"), None
SHORT, LONG, TOO_LONG = 1_000, 2_000, 9_000


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tokens", "own", "other", "wrote"),
    [
        (SHORT, WELL, WELL, "other"),
        (SHORT, WELL, AWAY, None),
        (SHORT, WELL, FULL, None),
        (LONG, WELL, WELL, None),
        (LONG, AWAY, WELL, "other"),
        (LONG, FULL, WELL, "other"),
        (TOO_LONG, WELL, WELL, None),
    ],
)
async def test_the_pool_for_its_length_writes_or_in_need_the_other(
    tokens: int, own: BaseException | None, other: BaseException | None, wrote: str | None
) -> None:
    engine = pair(Away(own), Away(other), short_tokens=SHORT)
    assert (await engine.generate([chat_of(tokens)], Sampling(max_tokens=64), "s"))[0].model == wrote


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [AWAY, FULL], ids=["away", "full"])
async def test_what_the_other_pool_cannot_hold_is_not_given_to_it(failure: EngineUnavailable | Overloaded) -> None:
    other = Away()
    with pytest.raises(type(failure)):
        await pair(Away(failure), other).generate([chat_of(TOO_LONG)], Sampling(max_tokens=64), "s")
    assert other.asked == 0


@pytest.mark.anyio
@pytest.mark.parametrize(("failure", "asked"), [(AWAY, 2), (FULL, 4)], ids=["away", "full"])
async def test_a_full_pool_is_asked_again_and_a_broken_one_is_not(failure: BaseException, asked: int) -> None:
    other = Away(failure)
    engine = pair(Away(), other, short_tokens=SHORT)
    for _ in range(4):
        await engine.generate([chat_of(SHORT)], Sampling(max_tokens=64), "s")
    assert other.asked == asked


def chat_of(tokens: int) -> Chat:
    return Chat(messages=(Message(role="user", content="x" * tokens * CHARS_PER_TOKEN),), grammar=IR_GRAMMAR)


@pytest.mark.anyio
async def test_it_is_told_why_a_call_went_over() -> None:
    told: list[str] = []
    away, full = Away(EngineUnavailable("no replica")), Away(Overloaded("the queues are full"))
    for primary in (away, full):
        engine = pair(primary, ScriptedEngine(), tell=lambda why: told.append(why))
        for _ in range(3):
            await engine.generate([ir_chat(REQUEST)], Sampling(max_tokens=64), "s")
    assert told == ["failed", "failed", "open", "full", "full", "full"]
