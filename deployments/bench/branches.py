"""Many variations of one prompt against as many separate requests: what a shared prefix saves.

Prompts are random tokens of a stated length, each used once, and every answer has the same length, so that nothing is
in the cache that was not put there by the row itself.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from deployments.sglang_engine import Prompt, SGLangEngine
from schemas.wire import Wire

Way = Literal["shared", "separate"]
WAYS: tuple[Way, ...] = ("shared", "separate")
_TOKENS = range(1_000, 100_000)
"""Ordinary tokens of the vocabularies that we use."""
_LOOK_S = 0.02
_STALE_S = 0.1
"""So long may a look show the work before."""


class Branches(Wire):
    """`n` answers of equal length, all asked for at once."""

    way: Way
    """`shared`: variations of one prompt, as the code stage asks for them. `separate`: as many prompts."""
    n: int
    repeat: int
    prompt_tokens: int
    tokens: int
    """Of each answer."""
    seconds: float
    """From the request to the last token of the last answer."""
    cached_share: float
    """Of all prompt tokens of the answers."""
    kv_share: float
    """The most of the KV cache that was in use by these requests, as a share; looked at fifty times a second."""


async def measure_branches(
    engine: SGLangEngine,
    counts: Sequence[int],
    *,
    prompt_tokens: int,
    tokens: int,
    repeats: int,
    on_row: Callable[[Branches], None],
) -> list[Branches]:
    """Both ways in turn for every count; the first round only warms up."""
    dice = random.Random(0)
    rows = []
    for repeat in range(-1, repeats):
        for n in counts:
            for way in WAYS:
                prompts = [dice.choices(_TOKENS, k=prompt_tokens) for _ in range(1 if way == "shared" else n)]
                row = await _row(engine, way, n, repeat, prompts, tokens)
                if repeat >= 0:
                    rows.append(row)
                    on_row(row)
    return rows


async def _row(engine: SGLangEngine, way: Way, n: int, repeat: int, prompts: list[list[int]], tokens: int) -> Branches:
    free: dict[str, Any] = {"temperature": 1.0, "max_new_tokens": tokens, "ignore_eos": True}
    begun = time.monotonic()
    asked = asyncio.ensure_future(engine.write([Prompt(prompt, free, n // len(prompts)) for prompt in prompts]))
    used = await _most_used(engine, asked)
    seconds = time.monotonic() - begun
    completions = asked.result()
    return Branches(
        way=way,
        n=n,
        repeat=repeat,
        prompt_tokens=len(prompts[0]),
        tokens=tokens,
        seconds=round(seconds, 4),
        cached_share=round(sum(c.cached_tokens for c in completions) / sum(c.prompt_tokens for c in completions), 4),
        kv_share=round(used, 4),
    )


async def _most_used(engine: SGLangEngine, work: Awaitable[Any]) -> float:
    """The largest token usage until the work is done."""
    most = 0.0
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=_STALE_S)
    while not (await asyncio.wait({task}, timeout=_LOOK_S))[0]:
        load = await engine.load()
        most = max(most, load.used_tokens / load.capacity_tokens)
    return most
