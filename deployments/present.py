"""An engine whose pool can be away: it says so at once, where Serve would wait for a replica to come."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from lift_sys.engine import Engine
from lift_sys.errors import EngineUnavailable
from schemas import Chat, Completion, Sampling


class PresentEngine:
    """Raises `EngineUnavailable` as soon as somebody is `missing`, before a call or in the midst of it."""

    def __init__(
        self, engine: Engine, missing: Callable[[], Awaitable[Sequence[str]]], *, every_s: float = 1.0
    ) -> None:
        self._engine = engine
        self._missing = missing
        self._every_s = every_s

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        call = asyncio.ensure_future(self._engine.generate(chats, sampling, session))
        try:
            while not call.done():
                if missing := await self._missing():
                    raise EngineUnavailable(f"no replica runs of {', '.join(missing)}")
                await asyncio.wait({call}, timeout=self._every_s)
            return call.result()
        finally:
            call.cancel()
