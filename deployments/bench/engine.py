"""Our grammars on a real engine, through the service's own adapter: what they cost, and whether noise breaks them.

With random weights at temperature 1 a model picks tokens that no trained one would.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from lift_sys.code_stage import Wave, ask, require_answer
from lift_sys.evaluation.tasks import tasks18
from lift_sys.grammar.code_frame import CODE
from lift_sys.grammar.tree import Grammar
from lift_sys.ir_samples import SAMPLES
from lift_sys.ir_stage import IR_GRAMMAR, ir_chat, read_ir
from lift_sys.outputs import Refused
from schemas import Chat, Completion, LiftRequest, Sampling
from schemas.wire import Wire

if TYPE_CHECKING:
    from deployments.sglang_engine import SGLangEngine

Arm = Literal["free", "ir", "code"]
ARMS: tuple[Arm, ...] = ("free", "ir", "code")
_REQUESTS = [LiftRequest(prompt=task.prompt) for task in tasks18()]


class Pair(Wire):
    """One batch of equal requests, all begun at once."""

    arm: Arm
    concurrency: int
    repeat: int
    tokens: int
    """Of each request; every one of the batch has so many, or the batch does not count."""
    ms_per_token: float
    """Median over the batch of a request's seconds over its tokens. The prompt is in the prefix cache."""
    whole: bool


class Output(Wire):
    """What came of one generation. `reason` says why it is invalid; null if it is not."""

    grammar: str
    reason: str | None
    unusable: bool
    """Valid, and yet no function can be held to it: a keyword for a name, say."""
    tokens: int
    seconds: float


def chats(grammar: str, requests: Sequence[LiftRequest] = _REQUESTS) -> list[Chat]:
    """Prompts as the stages make them, one a request."""
    if grammar == IR_GRAMMAR:
        return [ir_chat(request) for request in requests]
    return [chat for r in requests for chat in ask(r, SAMPLES[0].ir, Wave(0, 1), {"script": 1})]


async def measure_tokens(
    engine: "SGLangEngine", concurrencies: Sequence[int], *, tokens: int, repeats: int, on_row: Callable[[Pair], None]
) -> list[Pair]:
    """Batches of every arm in turn, so that a slow moment meets all alike; the first round only warms up."""
    rows = []
    for concurrency in concurrencies:
        for repeat in range(-1, repeats):
            for arm in ARMS:
                row = await _batch(engine, arm, concurrency, repeat, tokens)
                if repeat >= 0:
                    rows.append(row)
                    on_row(row)
    return rows


async def _batch(engine: "SGLangEngine", arm: Arm, concurrency: int, repeat: int, tokens: int) -> Pair:
    prompts = [engine.tokens_of(chat, room_for=tokens) for chat in chats(CODE if arm == "code" else IR_GRAMMAR)]
    sampling = Sampling(temperature=1.0, max_tokens=tokens)
    free = {"temperature": 1.0, "max_new_tokens": tokens, "ignore_eos": True}
    parameters = free if arm == "free" else engine.parameters(IR_GRAMMAR if arm == "ir" else CODE, sampling)
    work = (engine.complete(prompts[i % len(prompts)], parameters) for i in range(concurrency))
    completions: list[Completion] = await asyncio.gather(*work)
    pace = statistics.median(c.seconds / c.completion_tokens for c in completions)
    whole = all(c.completion_tokens == tokens for c in completions)
    return Pair(
        arm=arm, concurrency=concurrency, repeat=repeat, tokens=tokens, ms_per_token=round(pace * 1e3, 4), whole=whole
    )


def ratios(rows: Sequence[Pair], arm: Arm, concurrency: int) -> list[float]:
    """Constrained ÷ free, one a repeat in which every request of both batches was whole."""
    at = {(row.arm, row.repeat): row for row in rows if row.concurrency == concurrency and row.whole}
    both = [(at.get((arm, repeat)), at.get(("free", repeat))) for repeat in sorted({row.repeat for row in rows})]
    return [round(held.ms_per_token / free.ms_per_token, 4) for held, free in both if held and free]


async def prove(
    engine: "SGLangEngine",
    grammars: Sequence[Grammar],
    wanted: dict[str, int],
    *,
    concurrency: int,
    limit_s: float,
    on_row: Callable[[Output], None],
) -> list[Output]:
    """So many generations by each grammar's name, at temperature 1, all read back as the stages read them.

    After the limit no other is begun; those that are under way count.
    """
    free = asyncio.Semaphore(concurrency)
    until = time.monotonic() + limit_s
    limits = {grammar.name: grammar.max_tokens for grammar in grammars}

    async def one(chat: Chat) -> Output | None:
        async with free:
            begun = time.monotonic()
            if begun > until:
                return None
            [completion] = await engine.generate([chat], Sampling(temperature=1.0, max_tokens=limits[chat.grammar]), "")
            row = read(chat, completion, round(time.monotonic() - begun, 3))
        on_row(row)
        return row

    prompts = {name: chats(name) for name in wanted}
    work = [prompts[name][i % len(prompts[name])] for name, times in wanted.items() for i in range(times)]
    random.Random(0).shuffle(work)  # so that long and short answers share the batches
    return [row for row in await asyncio.gather(*map(one, work)) if row is not None]


def read(chat: Chat, completion: Completion, seconds: float) -> Output:
    reason = None
    try:
        if chat.grammar == IR_GRAMMAR:
            read_ir(completion)
        else:
            require_answer(chat.opening, completion)
    except Refused as refusal:
        reason = refusal.reason
    return Output(
        grammar=chat.grammar,
        reason=None if reason == "unusable" else reason,
        unusable=reason == "unusable",
        tokens=completion.completion_tokens,
        seconds=seconds,
    )
