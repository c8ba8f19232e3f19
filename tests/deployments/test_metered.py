"""What the parts tell of themselves, and to what labels."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from deployments.api.explained import STATUS
from deployments.metered import MeteredEngine, metered, watch_engine, watch_sandbox
from deployments.metrics import METRICS, REQUESTS, SCALING_TERM, Metric
from deployments.request_meter import RequestMeter, outcome_of
from deployments.scripted_engine import IR_TEXT, ScriptedEngine
from lift_sys.code_stage import Failure, Wave
from lift_sys.errors import EngineUnavailable
from lift_sys.ir_stage import ir_chat
from lift_sys.pipeline import Stages
from lift_sys.scaling import EngineScaling, Load, ValidatorScaling
from schemas import IR, Code, Completion, LiftRequest, Sampling, StageReport
from schemas.verdict import Tier

pytestmark = pytest.mark.anyio

REQUEST = LiftRequest(prompt="Double a number.")
IR_ = IR.model_validate_json(IR_TEXT)
CODE = Code(function="double", imports=(), source="def double(x): return 2 * x")
REPORT = StageReport(stage="code", seconds=0.1, attempts=1)


class Told:
    """A `Tell` that remembers, and refuses what a real one refuses."""

    def __init__(self) -> None:
        self.amounts: Counter[str] = Counter()
        self.times: Counter[str] = Counter()

    def __call__(self, metric: Metric, amount: float, /, **labels: str) -> None:
        metric.check(labels)
        series = " ".join([metric.name.removeprefix("lift_"), *labels.values()])
        self.times[series] += 1
        self.amounts[series] = amount + (self.amounts[series] if metric.kind != "gauge" else 0)  # type: ignore[assignment]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({"route": "lift", "outcome": "a user's words"}, "a user's words"),
        ({"route": "lift"}, "outcome"),
        ({"route": "lift", "outcome": "late", "user": "ann"}, "user"),
    ],
)
def test_a_label_outside_of_its_set_is_refused_by_name(labels: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        REQUESTS.check(labels)


def test_every_name_is_one_metric_and_every_label_a_short_list() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names) > 20
    for metric in METRICS:
        series = 1
        for values in metric.labels.values():
            assert values
            series *= len(values)
        assert series * max(1, len(metric.buckets)) <= 250, metric.name
        assert (metric.kind == "histogram") == bool(metric.buckets), metric.name


async def test_an_engine_tells_of_its_tokens_and_their_times(told: Told) -> None:
    engine = MeteredEngine(ScriptedEngine(0.02), "ir", told)
    [completion] = await engine.generate([ir_chat(REQUEST)], Sampling(max_tokens=99), "s")
    assert told.amounts["tokens ir completion"] == completion.completion_tokens
    assert told.amounts["tokens ir prompt"] + told.amounts["tokens ir cached"] == completion.prompt_tokens
    assert 0 < told.amounts["ttft_seconds ir"] < completion.seconds
    assert told.times["tpot_seconds ir"] == 1


async def test_an_engine_that_knows_no_times_tells_none(told: Told) -> None:
    class Terse:
        async def generate(self, chats: Any, sampling: Sampling, session: str) -> list[Completion]:
            bare = Completion(
                text="", finish_reason="stop", prompt_tokens=3, cached_tokens=1, completion_tokens=1, seconds=1.0
            )
            return [bare] * 2

    await MeteredEngine(Terse(), "code", told).generate([], Sampling(max_tokens=9), "s")
    assert dict(told.amounts) == {"tokens code prompt": 4, "tokens code cached": 2, "tokens code completion": 2}


async def test_stages_tell_their_times_candidates_and_repairs(told: Told) -> None:
    async def write_ir(*args: Any) -> Any:
        return IR_, REPORT

    async def write_code(*args: Any) -> Any:
        return (CODE, CODE), REPORT

    async def choose_code(*args: Any) -> Any:
        raise EngineUnavailable("gone")

    stages = metered(Stages(write_ir, write_code, choose_code), told)
    await stages.write_ir(REQUEST, "s")
    await stages.write_code(REQUEST, IR_, Wave(0, 2), "s")
    await stages.write_code(REQUEST, IR_, Wave(0, 2, Failure(CODE, ())), "s")
    with pytest.raises(EngineUnavailable):
        await stages.choose_code(IR_, (), (CODE,))
    assert told.amounts["candidates"] == 4
    assert told.amounts["repair_rounds"] == 1
    assert [told.times[f"stage_seconds {stage}"] for stage in ("ir", "code", "validate")] == [1, 2, 1]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "answered"), (413, "refused"), (405, "refused"), (429, "overloaded"), (500, "failed"), (504, "late")],
)
async def test_a_request_is_counted_by_how_it_ended(told: Told, status: int, outcome: str) -> None:
    await _ask(told, lambda send: send({"type": "http.response.start", "status": status}))
    assert dict(told.amounts) == {f"requests lift {outcome}": 1}


def test_every_error_of_ours_has_an_outcome() -> None:
    assert {outcome_of(status) for status, _ in STATUS.values()} == {
        "refused", "overloaded", "unusable", "unavailable", "late",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "outcome"), [(asyncio.CancelledError(), "cancelled"), (RuntimeError("a bug"), "failed")]
)
async def test_a_request_that_has_no_answer_is_counted_too(told: Told, error: BaseException, outcome: str) -> None:
    async def fail(send: Send) -> None:
        raise error

    with pytest.raises(type(error)):
        await _ask(told, fail)
    assert dict(told.amounts) == {f"requests lift {outcome}": 1}


async def test_probes_are_not_counted(told: Told) -> None:
    await _ask(told, lambda send: send({"type": "http.response.start", "status": 200}), path="/readyz")
    assert not told.times


async def _ask(told: Told, answer: Callable[[Send], Awaitable[None]], path: str = "/v1/lift") -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send)

    async def nothing() -> Message:
        return {}

    async def ignore(message: Message) -> None:
        return

    await RequestMeter(app, told)({"type": "http", "path": path}, nothing, ignore)


async def test_a_watched_engine_tells_its_load_and_what_it_costs(told: Told) -> None:
    async def load() -> Load:
        return Load(running=3, waiting=1, used_tokens=50, capacity_tokens=100)

    await _watched(watch_engine(load, {"ir": 0.3}, 3_600_000.0, told))
    assert told.amounts["engine_requests running"] == 3
    assert told.amounts["engine_tokens used"] / told.amounts["engine_tokens capacity"] == 0.5
    assert told.amounts["grammar_seconds ir"] == 0.3
    assert told.times["cost_dollars"] == 1


async def test_a_watched_sandbox_tells_its_jobs(told: Told) -> None:
    class Busy:
        known_tier: Tier | None = "landlock"

        def load(self) -> Load:
            return Load(running=2, waiting=5)

    await _watched(watch_sandbox(Busy(), 4, told))
    assert [told.amounts[f"sandbox_tier {tier}"] for tier in ("namespaces", "landlock", "rlimits")] == [0, 1, 0]
    assert [told.amounts[f"sandbox_jobs {state}"] for state in ("running", "waiting")] == [2, 5]
    assert told.amounts["sandbox_slots"] == 4


async def _watched(work: Awaitable[None]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await work


def test_every_term_of_a_policy_is_a_label() -> None:
    terms = {"guard", *EngineScaling().needs([], 0), *ValidatorScaling().needs([], 0)}
    assert set(SCALING_TERM.labels["term"]) == terms
