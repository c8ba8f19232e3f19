"""What each deployment does: plain classes, one job each. They know nothing of Ray; `engine` is any Engine.

`timeout_s` is what the caller had left when it called; None where there is no deadline.
"""

from collections.abc import AsyncGenerator, Sequence

from deployments.engines import make_engine
from deployments.settings import CodeSettings, EngineSettings, IRSettings, ValidatorSettings
from lift_sys.code_stage import Wave, write_code
from lift_sys.deadline import within
from lift_sys.engine import Engine
from lift_sys.grammar.tree import Grammar
from lift_sys.hearing import aloud
from lift_sys.ir_stage import ir_chat, write_ir
from lift_sys.outputs import CountInvalid
from lift_sys.priorities import rank
from lift_sys.remembering import Memory, Remembering
from lift_sys.sandbox import CountRun, Limits, ProcessSandbox
from lift_sys.validation.selection import POLICIES
from lift_sys.validator_stage import choose_code, validate_code
from schemas import (
    IR,
    Chat,
    Code,
    Completion,
    Example,
    LiftRequest,
    Piece,
    Sampling,
    StageReport,
    ValidateRequest,
    Verdict,
)


class EngineReplica:
    """One engine. Healthy only once every grammar is compiled and the prefix of the IR call is cached."""

    async def __init__(self, settings: EngineSettings, grammars: tuple[Grammar, ...]) -> None:  # type: ignore[misc]
        self._engine = make_engine(settings, grammars)
        self._grammar_s = await self._engine.warm_up([ir_chat(LiftRequest(prompt="Warm up"))])

    async def generate(
        self, chats: Sequence[Chat], sampling: Sampling, session: str, timeout_s: float | None = None
    ) -> list[Completion]:
        async with within(timeout_s):
            return await self._engine.generate(chats, sampling, session)

    # Serve takes a generator of a coroutine; a plain method that gives one it may run in a thread.
    async def generate_aloud(
        self, chats: Sequence[Chat], sampling: Sampling, session: str, timeout_s: float | None = None
    ) -> AsyncGenerator[Piece | list[Completion], None]:
        return aloud(self.generate(chats, sampling, session, timeout_s))

    async def check_health(self) -> None:
        await self._engine.check_health()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Serve asks for this by its name, and hands it to the policy."""
        return (await self._engine.load()).told()


class IRStage:
    def __init__(self, engine: Engine, settings: IRSettings, count: CountInvalid) -> None:
        self._engine = engine
        self._settings = settings
        self._count = count

    async def write(self, request: LiftRequest, session: str, timeout_s: float | None = None) -> tuple[IR, StageReport]:
        limits = self._settings
        async with within(timeout_s):
            return await write_ir(
                request,
                session,
                engine=self._engine,
                max_tokens=limits.max_tokens,
                max_attempts=limits.max_attempts,
                count=self._count,
            )

    async def write_aloud(
        self, request: LiftRequest, session: str, timeout_s: float | None = None
    ) -> AsyncGenerator[Piece | tuple[IR, StageReport], None]:
        return aloud(self.write(request, session, timeout_s))


class CodeStage:
    def __init__(self, engine: Engine, settings: CodeSettings, count: CountInvalid) -> None:
        self._engine = engine
        self._settings = settings
        self._count = count

    async def write(
        self, request: LiftRequest, ir: IR, wave: Wave, session: str, timeout_s: float | None = None
    ) -> tuple[tuple[Code, ...], StageReport]:
        settings = self._settings
        usual = settings.later_temperature if wave.begin else settings.temperature
        temperature = usual if request.temperature is None else request.temperature
        priority = rank(request.priority, "code")
        async with within(timeout_s):
            return await write_code(
                request,
                ir,
                wave,
                session,
                engine=self._engine,
                sampling=Sampling(temperature=temperature, max_tokens=settings.max_tokens, priority=priority),
                mix=settings.mix,
                count=self._count,
            )


class Validator:
    """A client of its own executor: nothing of a candidate is parsed or run in this process."""

    def __init__(self, settings: ValidatorSettings, count: CountRun = lambda kind, end: None) -> None:
        self._policy = POLICIES[settings.policy]
        self._memory = Memory()
        self._sandbox = ProcessSandbox(
            Limits(call_s=settings.call_s, wall_s=settings.run_s, memory_bytes=settings.memory_bytes),
            concurrency=settings.concurrency,
            allow_weak=settings.allow_weak_sandbox,
            budget_s=settings.budget_s,
            most_waiting=settings.max_waiting,
            count=count,
        )

    async def check_health(self) -> None:
        """Raises `SandboxUnavailable` where code cannot be run safely, so that the deploy fails and says why."""
        await self._sandbox.tier()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Serve asks for this by its name, and hands it to the policy."""
        return self._sandbox.load().told()

    async def choose(
        self, ir: IR, stated: tuple[Example, ...], variations: tuple[Code, ...], timeout_s: float | None = None
    ) -> tuple[Code, Verdict, StageReport]:
        sandbox = Remembering(self._sandbox.request(), self._memory)
        async with within(timeout_s):
            return await choose_code(ir, stated, variations, sandbox=sandbox, policy=self._policy)

    async def validate(self, request: ValidateRequest, timeout_s: float | None = None) -> Verdict:
        async with within(timeout_s):
            return await validate_code(request, sandbox=self._sandbox.request())
