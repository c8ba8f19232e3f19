"""An Engine that asks another one when its own is away or too slow."""

import asyncio
from collections.abc import Sequence

from deployments.breaker import Breaker
from deployments.metrics import FALLBACKS, Tell, Why, tell_nobody
from lift_sys.engine import Engine
from lift_sys.errors import EngineUnavailable
from lift_sys.outputs import Stage
from schemas import Chat, Completion, Sampling


class FallbackEngine:
    """A call goes over after `after_s`, with what time it has left. `model` is the second's: its completions say so.

    `tell` hears of every call that goes over, for the stage that it is of.
    """

    def __init__(
        self,
        primary: Engine,
        second: Engine,
        breaker: Breaker,
        *,
        model: str,
        after_s: float,
        stage: Stage = "ir",
        tell: Tell = tell_nobody,
    ) -> None:
        self._primary = primary
        self._second = second
        self._breaker = breaker
        self._model = model
        self._after_s = after_s
        self._stage = stage
        self._tell = tell

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        why: Why = "open"
        if self._breaker.allows():
            why = "failed"
            try:
                async with asyncio.timeout(self._after_s):
                    completions = await self._primary.generate(chats, sampling, session)
            except (EngineUnavailable, TimeoutError):
                self._breaker.failed()
            except BaseException:
                self._breaker.ended()
                raise
            else:
                self._breaker.succeeded()
                return completions
        self._tell(FALLBACKS, 1, stage=self._stage, why=why)
        completions = await self._second.generate(chats, sampling, session)
        return [completion.model_copy(update={"model": self._model}) for completion in completions]
