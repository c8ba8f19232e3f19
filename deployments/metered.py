"""What the graph's parts tell of themselves: each wraps or watches one of them, which knows nothing of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from deployments.metrics import (
    ADMITTED,
    CANDIDATES,
    COST,
    ENGINE_REQUESTS,
    ENGINE_TOKENS,
    GRAMMAR_SECONDS,
    REPAIRS,
    SANDBOX_JOBS,
    SANDBOX_SLOTS,
    SANDBOX_TIER,
    STAGE_SECONDS,
    TOKENS,
    TPOT_SECONDS,
    TTFT_SECONDS,
    WAITING,
    Tell,
)
from lift_sys.code_stage import Wave
from lift_sys.engine import Engine
from lift_sys.outputs import Stage
from lift_sys.pipeline import Stages
from lift_sys.scaling import Load
from schemas import IR, Chat, Code, Completion, Example, LiftRequest, Sampling, StageReport, Verdict
from schemas.verdict import Tier

Result = TypeVar("Result")

_WATCH_S = 1.0
"""Ray forgets a gauge that is not told again within two of its reports, of which there is one a second at most."""
_HOUR_S = 3_600


class MeteredEngine:
    """An Engine that tells of its tokens and their times, for the stage that it works for."""

    def __init__(self, engine: Engine, stage: Stage, tell: Tell) -> None:
        self._engine = engine
        self._stage = stage
        self._tell = tell

    async def generate(self, chats: Sequence[Chat], sampling: Sampling, session: str) -> list[Completion]:
        completions = await self._engine.generate(chats, sampling, session)
        cached = sum(c.cached_tokens for c in completions)
        prompt = sum(c.prompt_tokens for c in completions)
        written = sum(c.completion_tokens for c in completions)
        for kind, amount in {"prompt": prompt - cached, "cached": cached, "completion": written}.items():
            self._tell(TOKENS, amount, stage=self._stage, kind=kind)
        for completion in completions:
            if completion.ttft_s is not None:
                self._tell(TTFT_SECONDS, completion.ttft_s, stage=self._stage)
            if completion.tpot_s is not None:
                self._tell(TPOT_SECONDS, completion.tpot_s, stage=self._stage)
        return completions


def metered(stages: Stages, tell: Tell) -> Stages:
    """The same stages, which tell how long each call took, and what came of it."""

    async def timed(stage: str, work: Awaitable[Result]) -> Result:
        begun = time.monotonic()
        try:
            return await work
        finally:
            tell(STAGE_SECONDS, time.monotonic() - begun, stage=stage)

    async def write_ir(request: LiftRequest, session: str) -> tuple[IR, StageReport]:
        return await timed("ir", stages.write_ir(request, session))

    async def write_code(
        request: LiftRequest, ir: IR, wave: Wave, session: str
    ) -> tuple[tuple[Code, ...], StageReport]:
        if wave.failure:
            tell(REPAIRS, 1)
        written, report = await timed("code", stages.write_code(request, ir, wave, session))
        tell(CANDIDATES, len(written))
        return written, report

    async def choose_code(
        ir: IR, stated: tuple[Example, ...], variations: tuple[Code, ...]
    ) -> tuple[Code, Verdict, StageReport]:
        return await timed("validate", stages.choose_code(ir, stated, variations))

    return Stages(write_ir, write_code, choose_code)


async def watch_engine(
    load: Callable[[], Awaitable[Load]], grammar_s: Mapping[str, float], usd_per_hour: float, tell: Tell
) -> None:
    """Without end, every second: what the engine is doing, what it took to start, and what this second has cost."""
    seen = time.monotonic()
    while True:
        told = await load()
        for grammar, seconds in grammar_s.items():
            tell(GRAMMAR_SECONDS, seconds, grammar=grammar)
        tell(ENGINE_REQUESTS, told.running, state="running")
        tell(ENGINE_REQUESTS, told.waiting, state="waiting")
        tell(ENGINE_TOKENS, told.used_tokens, kind="used")
        tell(ENGINE_TOKENS, told.capacity_tokens, kind="capacity")
        now = time.monotonic()
        tell(COST, usd_per_hour * (now - seen) / _HOUR_S)
        seen = now
        await asyncio.sleep(_WATCH_S)


class Admission(Protocol):
    """What a line says of itself."""

    tokens: int

    @property
    def waiting(self) -> int: ...


async def watch_admission(line: Admission, tell: Tell) -> None:
    """Without end, every second."""
    while True:
        tell(ADMITTED, line.tokens)
        tell(WAITING, line.waiting)
        await asyncio.sleep(_WATCH_S)


class Watched(Protocol):
    """What a sandbox says of itself."""

    known_tier: Tier | None
    """None before its first run."""

    def load(self) -> Load: ...


async def watch_sandbox(sandbox: Watched, slots: int, tell: Tell) -> None:
    """Without end, every second."""
    while True:
        for tier in SANDBOX_TIER.labels["tier"] if sandbox.known_tier else ():
            tell(SANDBOX_TIER, tier == sandbox.known_tier, tier=tier)
        told = sandbox.load()
        tell(SANDBOX_JOBS, told.running, state="running")
        tell(SANDBOX_JOBS, told.waiting, state="waiting")
        tell(SANDBOX_SLOTS, slots)
        await asyncio.sleep(_WATCH_S)
