"""The seam to whatever writes text."""

from collections.abc import Sequence
from typing import Protocol

from schemas.engine import Chat, Completion, Sampling


class Engine(Protocol):
    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        """`n` completions of each chat, in order, all at once, each held to the grammar that its chat names.

        Calls of one `session` should meet the same prefix cache. Cancelling the call stops the work.
        Raises `EngineUnavailable`.
        """
