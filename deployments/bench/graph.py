"""The graph against what it is made of: the same requests over HTTP, by the stages in one process, on the engine alone.

All three ask for the same variations in one wave, so that they do the same work. Requests come from so many clients as
are stated, each of which waits for its answer (closed loop).
"""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import Literal

import aiohttp

from deployments.bench.cpu import cpu_s, spent_s
from deployments.settings import Settings
from deployments.stages import CodeStage, IRStage, Validator
from lift_sys.engine import Engine
from lift_sys.errors import LiftError
from lift_sys.evaluation.tasks import tasks18
from lift_sys.pipeline import ChooseCode, Stages, lift
from schemas import IR, Code, Evidence, Example, LiftRequest, LiftResponse, StageReport, Verdict
from schemas.wire import Wire

Arm = Literal["engine", "process", "graph"]
"""`engine`: its calls alone. `process`: those and the validator, as functions. `graph`: over HTTP and Ray Serve."""
Ask = Callable[[LiftRequest], Awaitable[LiftResponse]]

PROMPTS = [task.prompt for task in tasks18()]
_FEWEST = 9
_ROUNDS = 4
"""Requests of a block for each client, so that its beginning weighs little; its end is not counted."""


class Block(Wire):
    """So many requests by so many clients."""

    arm: Arm
    clients: int
    repeat: int
    requests: int
    failed: int
    seconds: float
    tokens: int
    """That the model wrote for the requests that did not fail."""
    busy_s: float
    """Until a client found no request left. From then on there are fewer, for as long as the longest answer takes."""
    busy_tokens: int
    """Of the answers until then."""
    latency_s: tuple[float, ...]
    stage_s: dict[str, float]
    """Mean of a request, by stage."""
    levels: dict[str, int]
    cpu_ms: dict[str, float]
    """Of a request, by process of the service; without the engine's own. Empty where there is no service."""

    @property
    def tokens_per_s(self) -> float:
        return self.busy_tokens / self.busy_s


def in_process(settings: Settings, engine: Engine, *, validated: bool) -> Ask:
    """The service's own stages, called as functions."""
    ir = IRStage(engine, settings.ir, lambda stage, reason: None)
    code = CodeStage(engine, settings.code, lambda stage, reason: None)
    choose: ChooseCode = Validator(settings.validator).choose if validated else _take_first
    stages = Stages(ir.write, code.write, choose)
    numbers = iter(range(2**31))

    async def ask(request: LiftRequest) -> LiftResponse:
        return await lift(request, str(next(numbers)), stages, settings.effort(request.n), settings.engine.model)

    return ask


async def _take_first(
    ir: IR, stated: tuple[Example, ...], variations: tuple[Code, ...]
) -> tuple[Code, Verdict, StageReport]:
    unseen = Evidence(clause="parse", kind="static", origin="rule", outcome="skipped", detail="nothing was checked")
    verdict = Verdict(level="unverified", reason="nothing was checked", evidence=(unseen,), sandbox=None)
    return variations[0], verdict, StageReport(stage="validate", seconds=0.0, attempts=0)


def http_client(url: str) -> aiohttp.ClientSession:
    """A lean one, whose own time would count as the graph's: httpx takes half a millisecond more for each request."""
    any_number = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(url, connector=any_number, timeout=aiohttp.ClientTimeout(total=600))


def over_http(client: aiohttp.ClientSession) -> Ask:
    async def ask(request: LiftRequest) -> LiftResponse:
        async with client.post("/v1/lift", json=request.model_dump(exclude_none=True, mode="json")) as answer:
            answer.raise_for_status()
            return LiftResponse.model_validate_json(await answer.read())

    return ask


async def measure_blocks(
    arms: Mapping[Arm, Ask],
    clients: Sequence[int],
    *,
    n: int,
    repeats: int,
    limit_s: float,
    on_row: Callable[[Block], None],
    on_turn: Callable[[list[Block]], None] = lambda rows: None,
) -> list[Block]:
    """Every arm in turn, so that a slow moment meets all alike; one block of each warms up.

    After the limit no other turn is begun. `on_turn` is given all rows so far.
    """
    until = time.monotonic() + limit_s
    for arm, ask in arms.items():
        await _block(arm, ask, max(clients), -1, n)
    rows: list[Block] = []
    for repeat in range(repeats):
        for count in clients:
            if time.monotonic() > until:
                return rows
            for arm, ask in arms.items():
                rows.append(await _block(arm, ask, count, repeat, n))
                on_row(rows[-1])
            on_turn(rows)
    return rows


async def _block(arm: Arm, ask: Ask, clients: int, repeat: int, n: int) -> Block:
    wanted = max(_FEWEST, _ROUNDS * clients if repeat >= 0 else clients)
    prompts = islice(cycle(PROMPTS), wanted)
    answers: list[tuple[float, LiftResponse]] = []
    failed = 0
    ends: list[tuple[float, int]] = []  # of the clients: when, and after how many answers to all of them

    async def client(prompts: Iterator[str]) -> None:
        nonlocal failed
        for prompt in prompts:
            begun = time.monotonic()
            try:
                answer = await ask(LiftRequest(prompt=prompt, n=n))
            except (aiohttp.ClientError, TimeoutError, LiftError):
                failed += 1
                continue
            answers.append((time.monotonic() - begun, answer))
        ends.append((time.monotonic(), len(answers)))

    cpu, begun = cpu_s(), time.monotonic()
    await asyncio.gather(*(client(prompts) for _ in range(clients)))
    seconds = time.monotonic() - begun
    spent = spent_s(cpu, cpu_s()) if arm == "graph" else {}
    stages = [stage for _, answer in answers for stage in answer.stages]
    idle_at, served = ends[0]
    return Block(
        arm=arm,
        clients=clients,
        repeat=repeat,
        requests=wanted,
        failed=failed,
        seconds=round(seconds, 4),
        tokens=_written(answers),
        busy_s=round(idle_at - begun, 4),
        busy_tokens=_written(answers[:served]),
        latency_s=tuple(round(latency, 4) for latency, _ in answers),
        stage_s={
            name: round(statistics.mean(stage.seconds for stage in stages if stage.stage == name), 4)
            for name in ("ir", "code", "validate")
        }
        if answers
        else {},
        levels=dict(Counter(answer.verdict.level for _, answer in answers)),
        cpu_ms={name: round(used * 1e3 / wanted, 2) for name, used in spent.items() if used},
    )


def _written(answers: Sequence[tuple[float, LiftResponse]]) -> int:
    return sum(stage.completion_tokens for _, answer in answers for stage in answer.stages)


def ratios(rows: Sequence[Block], clients: int, over: Arm) -> list[float]:
    """Tokens a second of the graph over those of another arm, one a repeat."""
    at = {(row.arm, row.repeat): row.tokens_per_s for row in rows if row.clients == clients}
    repeats = sorted({repeat for _, repeat in at})
    return [round(at["graph", repeat] / at[over, repeat], 4) for repeat in repeats if (over, repeat) in at]
