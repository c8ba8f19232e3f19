"""What is asked of a model so that all ways of asking can be compared afterwards: every framing, many times."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lift_sys.code_stage import TELLINGS, Framing, request_messages
from lift_sys.engine import Engine
from lift_sys.errors import OutputInvalid
from lift_sys.evaluation.direct import direct_chat
from lift_sys.ir_stage import ir_chat, write_ir
from schemas.api import LiftRequest
from schemas.engine import Sampling


@dataclass(frozen=True)
class Wanted:
    """Completions a request."""

    temperature: float = 0.7
    irs: int = 4
    """Beside the likeliest."""
    variations: int = 12
    """In each telling."""
    ir_tokens: int = 3_500
    answer_tokens: int = 1_200
    """More than any grammar of code admits."""


async def record(
    engine: Engine, requests: Sequence[LiftRequest], wanted: Wanted, *, concurrency: int, on_done: Callable[[], None]
) -> None:
    free = asyncio.Semaphore(concurrency)

    async def one(number: int, request: LiftRequest) -> None:
        async with free:
            await _record(engine, request, wanted, str(number))
        on_done()

    await asyncio.gather(*(one(number, request) for number, request in enumerate(requests)))


async def _record(engine: Engine, request: LiftRequest, wanted: Wanted, session: str) -> None:
    warm = Sampling(temperature=wanted.temperature, max_tokens=wanted.answer_tokens)
    await engine.generate([direct_chat(request)], Sampling(max_tokens=wanted.answer_tokens), session)
    try:
        ir, _ = await write_ir(
            request, session, engine=engine, max_tokens=wanted.ir_tokens, max_attempts=2, count=lambda stage, why: None
        )
    except OutputInvalid:
        return
    irs = ir_chat(request).model_copy(update={"n": wanted.irs})
    await engine.generate([irs], Sampling(temperature=wanted.temperature, max_tokens=wanted.ir_tokens), session)
    chats = [Framing().chat(request_messages(request, ir, (), t), ir, wanted.variations) for t in TELLINGS]
    await engine.generate(chats, warm, session)
    likeliest = [chat.model_copy(update={"n": 1}) for chat in chats]
    await engine.generate(likeliest, warm.model_copy(update={"temperature": 0.0}), session)
