"""Two pools of engines as one Engine: a call goes to the pool for its length, and over to the other one in need."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deployments.breaker import Breaker
from deployments.metrics import Why
from lift_sys.engine import Engine
from lift_sys.errors import EngineUnavailable, Overloaded
from schemas import Chat, Completion, Sampling

CHARS_PER_TOKEN = 3
"""Fewer than code and English have, so that a prompt is rather taken to be longer than it is."""


@dataclass(frozen=True)
class Pool:
    engine: Engine
    breaker: Breaker
    model: str | None = None
    """That its completions are to name. Default: none, as of the deployment's own."""
    context_tokens: int | None = None
    """Of prompt and answer together. Default: whatever is asked for."""

    def takes(self, tokens: int) -> bool:
        return self.context_tokens is None or tokens <= self.context_tokens

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        completions = await self.engine.generate(chats, sampling, session)
        return [one.model_copy(update={"model": self.model}) for one in completions] if self.model else completions


class TellWhy(Protocol):
    def __call__(self, *, why: Why) -> None: ...


def _tell_nobody(*, why: Why) -> None: ...


class FallbackEngine:
    """A call leaves the pool that it came to first after `after_s`, with what time it has left.

    It leaves at once where that pool is away or full, and `tell` hears why. Prompts up to `short_tokens` go to the
    second pool first. A call that the other pool's context does not hold stays where it is.
    """

    def __init__(
        self, primary: Pool, second: Pool, *, after_s: float, short_tokens: int = 0, tell: TellWhy = _tell_nobody
    ) -> None:
        self._primary = primary
        self._second = second
        self._after_s = after_s
        self._short_tokens = short_tokens
        self._tell = tell

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        first, other = self._order(prompt_tokens(chats), sampling.max_tokens)
        if other is None:
            return await first.generate(chats, sampling, session)
        why: Why = "open"
        if first.breaker.allows():
            try:
                async with asyncio.timeout(self._after_s):
                    completions = await first.generate(chats, sampling, session)
            except (EngineUnavailable, TimeoutError):
                first.breaker.failed()
                why = "failed"
            except Overloaded:
                first.breaker.ended()  # who is full is not broken
                why = "full"
            except BaseException:
                first.breaker.ended()
                raise
            else:
                first.breaker.succeeded()
                return completions
        self._tell(why=why)
        return await other.generate(chats, sampling, session)

    def _order(self, prompt: int, answer: int) -> tuple[Pool, Pool | None]:
        """Who is asked first, and who instead, if anybody can be."""
        if not self._second.takes(prompt + answer):
            return self._primary, None
        if prompt > self._short_tokens:
            return self._primary, self._second
        return self._second, self._primary


def prompt_tokens(chats: Sequence[Chat]) -> int:
    """Of the longest chat, by its characters: there is no tokenizer here."""
    chars = (sum(len(message.content) for message in chat.messages) + len(chat.opening) for chat in chats)
    return max(chars, default=0) // CHARS_PER_TOKEN
