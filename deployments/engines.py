"""The engines that can be served, and the choice among them."""

from collections.abc import Sequence
from typing import Protocol

from deployments.scripted_engine import ScriptedEngine
from deployments.settings import EngineSettings
from lift_sys.engine import Engine
from lift_sys.grammar.tree import Grammar
from lift_sys.scaling import Load
from schemas import Chat


class ServedEngine(Engine, Protocol):
    """An engine that can be warmed and watched."""

    async def warm_up(self, chats: Sequence[Chat]) -> None:
        """Compile every grammar, and bring the prefix of every chat into the cache."""

    async def check_health(self) -> None:
        """Raises when the engine does not answer."""

    async def load(self) -> Load:
        """What the engine is doing now."""


def make_engine(settings: EngineSettings, grammars: Sequence[Grammar]) -> ServedEngine:
    match settings.kind:
        case "scripted":
            return ScriptedEngine(settings.scripted_delay_s, places=settings.scripted_places, cut=settings.scripted_cut)
        case "sglang":
            from deployments.sglang_engine import SGLangEngine  # seconds to import, and absent where only tests run

            return SGLangEngine(settings, grammars)
