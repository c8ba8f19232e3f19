"""An engine that can also be asked for an answer held to no grammar, as one must to see what grammars change."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from deployments.engines import make_engine, sglang_engine
from deployments.settings import EngineSettings
from lift_sys.engine import Engine
from lift_sys.evaluation.direct import FREE
from lift_sys.grammar.tree import Grammar
from schemas.engine import Chat, Completion, Sampling

if TYPE_CHECKING:
    from deployments.sglang_engine import SGLangEngine


@asynccontextmanager
async def running(settings: EngineSettings, grammars: Sequence[Grammar]) -> AsyncIterator[Engine]:
    """An engine in this process, for as long as it is needed. Raises what `SGLangEngine` does."""
    if settings.kind != "sglang":
        yield make_engine(settings, grammars)
        return
    with sglang_engine(settings, grammars) as engine:
        await engine.warm_up([])
        yield Held(engine)


class Held:
    """`SGLangEngine`, and chats whose grammar is `FREE`."""

    def __init__(self, engine: "SGLangEngine") -> None:
        self._engine = engine

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        free = {"temperature": sampling.temperature, "max_new_tokens": sampling.max_tokens}
        prompts = [self._engine.prompt_of(chat, sampling, free if chat.grammar == FREE else None) for chat in chats]
        return await self._engine.write(prompts, sampling.priority)
