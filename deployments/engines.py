"""The engines that can be served, and the choice among them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from deployments import processes
from deployments.imports import without_collector
from deployments.scripted_engine import ScriptedEngine
from deployments.settings import EngineSettings
from lift_sys.engine import Engine
from lift_sys.grammar.tree import Grammar
from lift_sys.scaling import Load
from schemas import Chat

if TYPE_CHECKING:
    from deployments.sglang_engine import SGLangEngine


class ServedEngine(Engine, Protocol):
    """An engine that can be warmed and watched."""

    async def warm_up(self, chats: Sequence[Chat]) -> dict[str, float]:
        """Compile every grammar, and bring the prefix of every chat into the cache. The seconds of each grammar."""

    async def check_health(self) -> None:
        """Raises when the engine does not answer."""

    async def load(self) -> Load:
        """What the engine is doing now."""


def make_engine(settings: EngineSettings, grammars: Sequence[Grammar]) -> ServedEngine:
    match settings.kind:
        case "scripted":
            return ScriptedEngine(settings.scripted_delay_s, places=settings.scripted_places, cut=settings.scripted_cut)
        case "sglang":
            return import_sglang(settings)(settings, grammars)


@contextmanager
def sglang_engine(settings: EngineSettings, grammars: Sequence[Grammar]) -> "Iterator[SGLangEngine]":
    """An engine for as long as it is needed, with all that SGLang can tell of it. Raises what `SGLangEngine` does."""
    engine = import_sglang(settings)(settings, grammars)
    try:
        yield engine
    finally:
        engine.shutdown()


def import_sglang(settings: EngineSettings) -> "type[SGLangEngine]":
    """Makes this process ready for such an engine. Takes some ten seconds, and fails where only tests run."""
    processes.begin(settings)
    with without_collector():
        from deployments.sglang_engine import SGLangEngine
    return SGLangEngine
