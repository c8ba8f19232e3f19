"""What is asked of a model so that all ways of asking can be compared afterwards: every framing, many times."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lift_sys.engine import Engine
from lift_sys.errors import OutputInvalid
from lift_sys.evaluation.direct import DIRECT_TOKENS, direct_chat, json_chat
from lift_sys.framings import FRAMINGS
from lift_sys.ir_stage import ir_chat, write_ir
from schemas.api import LiftRequest
from schemas.engine import Chat, Sampling
from schemas.ir import IR


@dataclass(frozen=True)
class Wanted:
    """Completions of one request."""

    framings: Mapping[str, int]
    """At `temperature`, by the framing's name."""
    hotter: Mapping[str, int] = field(default_factory=dict)
    """At temperature 1."""
    irs: int = 4
    """Beside the likeliest."""
    direct: int = 4
    """Beside the likeliest, in markdown."""
    temperature: float = 0.7
    ir_tokens: int = 3_500
    code_tokens: int = 768


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
    async def ask(chats: Sequence[Chat], temperature: float, tokens: int) -> None:
        if chats:
            await engine.generate(chats, Sampling(temperature=temperature, max_tokens=tokens), session)

    direct = direct_chat(request)
    await asyncio.gather(
        ask([direct, json_chat(request)], 0.0, DIRECT_TOKENS),
        ask([direct.model_copy(update={"n": wanted.direct})], wanted.temperature, DIRECT_TOKENS),
    )
    try:
        ir, _ = await write_ir(
            request, session, engine=engine, max_tokens=wanted.ir_tokens, max_attempts=2, count=lambda stage, why: None
        )
    except OutputInvalid:
        return
    chats = _chats(wanted.framings, request, ir)
    await asyncio.gather(
        ask([ir_chat(request).model_copy(update={"n": wanted.irs})], wanted.temperature, wanted.ir_tokens),
        ask(chats, wanted.temperature, wanted.code_tokens),
        ask(_chats(wanted.hotter, request, ir), 1.0, wanted.code_tokens),
        ask([chat.model_copy(update={"n": 1}) for chat in chats], 0.0, wanted.code_tokens),
    )


def _chats(counts: Mapping[str, int], request: LiftRequest, ir: IR) -> list[Chat]:
    chats = (FRAMINGS[name].chat(request, ir, n=n) for name, n in counts.items() if n)
    return [chat for chat in chats if chat]
