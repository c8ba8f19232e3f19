"""The whole system in order, with plain functions for stages; and once with the real stages over a scripted model."""

from dataclasses import dataclass, field
from functools import partial

import pytest

from lift_sys.errors import SpecificationInvalid
from lift_sys.ledger import Ledger, add
from lift_sys.pipeline import Stages, lift
from lift_sys.sandbox import ProcessSandbox
from lift_sys.validator_stage import choose_code
from schemas import IR, Code, Completion, Evidence, Example, LiftRequest, LiftResponse, StageReport, Verdict
from schemas.verdict import Level

pytestmark = pytest.mark.anyio

REQUEST = LiftRequest(prompt="Double a number, so that double(2) == 4.", examples=("double(5) == 10",))


def wrong(detail: str) -> Evidence:
    return Evidence(clause="examples", kind="example", origin="user", outcome="failed", detail=detail)


@dataclass
class Plan:
    """Stages that do as planned: a level a try. They remember what they were given."""

    ir: IR
    levels: list[Level]
    sessions: list[str] = field(default_factory=list)
    told: list[tuple[Evidence, ...]] = field(default_factory=list)
    stated: list[tuple[Example, ...]] = field(default_factory=list)

    async def write_ir(self, request: LiftRequest, session: str) -> tuple[IR, StageReport]:
        self.sessions.append(session)
        return self.ir, StageReport(stage="ir", seconds=1.0, attempts=2, prompt_tokens=10)

    async def write_code(
        self, request: LiftRequest, ir: IR, findings: tuple[Evidence, ...], session: str
    ) -> tuple[tuple[Code, ...], StageReport]:
        self.sessions.append(session)
        self.told.append(findings)
        sources = [f"# try {len(self.told)}, variation {i}" for i in range(3)]
        report = StageReport(
            stage="code", seconds=0.5, attempts=1, prompt_tokens=7, cached_tokens=3, completion_tokens=5,
            finish_reasons=("stop",) * 3,
        )  # fmt: skip
        return tuple(Code(function=ir.signature.name, imports=(), source=source) for source in sources), report

    async def choose_code(
        self, ir: IR, stated: tuple[Example, ...], variations: tuple[Code, ...]
    ) -> tuple[Code, Verdict, StageReport]:
        self.stated.append(stated)
        evidence = wrong(f"mistake {len(self.stated)}")
        level = self.levels.pop(0)
        if level != "rejected":
            evidence = evidence.model_copy(update={"outcome": "passed"})
        verdict = Verdict(level=level, reason="as planned", evidence=(evidence,), sandbox="namespaces")
        return variations[1], verdict, StageReport(stage="validate", seconds=0.25, attempts=1)

    async def run(self, request: LiftRequest = REQUEST, max_attempts: int = 3) -> LiftResponse:
        stages = Stages(self.write_ir, self.write_code, self.choose_code)
        return await lift(request, "request-7", stages, model="m", max_attempts=max_attempts)


@pytest.mark.parametrize(
    ("levels", "max_attempts", "tries", "level"),
    [
        (["verified"], 3, 1, "verified"),
        (["unverified"], 3, 1, "unverified"),
        (["rejected", "likely", "verified"], 3, 2, "likely"),
        (["rejected", "rejected", "rejected", "verified"], 3, 3, "rejected"),
        (["rejected", "verified"], 1, 1, "rejected"),
    ],
    ids=["at once", "not rejected is enough", "the second", "never", "one try"],
)
async def test_pipeline_tries_until_a_verdict_is_no_rejection(
    levels: list[Level], max_attempts: int, tries: int, level: Level, ir: IR
) -> None:
    plan = Plan(ir, list(levels))
    response = await plan.run(max_attempts=max_attempts)
    assert response.verdict.level == level
    assert response.code.source == f"# try {tries}, variation 1"
    assert len(plan.told) == tries
    assert [report.attempts for report in response.stages] == [2, tries, tries]


async def test_every_try_is_told_what_was_wrong_with_the_one_before(ir: IR) -> None:
    plan = Plan(ir, ["rejected", "rejected", "verified"])
    await plan.run()
    assert plan.told == [(), (wrong("mistake 1"),), (wrong("mistake 2"),)]


async def test_pipeline_adds_up_what_the_stages_cost(ir: IR) -> None:
    response = await Plan(ir, ["rejected", "verified"]).run()
    by_ir, by_code, by_validate = response.stages
    assert (by_ir.stage, by_ir.seconds, by_ir.prompt_tokens) == ("ir", 1.0, 10)
    assert (by_code.stage, by_code.seconds, by_code.prompt_tokens) == ("code", 1.0, 14)
    assert (by_code.cached_tokens, by_code.completion_tokens) == (6, 10)
    assert by_code.finish_reasons == ("stop",) * 6
    assert (by_validate.stage, by_validate.seconds) == ("validate", 0.5)
    assert (response.request_id, response.model, response.variations, response.ir) == ("request-7", "m", 3, ir)


async def test_all_model_calls_of_a_request_are_one_session(ir: IR) -> None:
    plan = Plan(ir, ["rejected", "verified"])
    await plan.run()
    assert plan.sessions == ["request-7"] * 3


async def test_the_validator_gets_the_users_examples_from_list_and_words(ir: IR) -> None:
    plan = Plan(ir, ["verified"])
    await plan.run()
    [stated] = plan.stated
    assert [(example.arguments, example.value, example.origin) for example in stated] == [
        ("5", "10", "user"),
        ("2", "4", "user"),
    ]


async def test_an_example_that_cannot_be_read_is_refused_before_any_work(ir: IR) -> None:
    plan = Plan(ir, ["verified"])
    with pytest.raises(SpecificationInvalid) as refusal:
        await plan.run(LiftRequest(prompt="double", examples=("double(1) == 2", "double of 2 is 4")))
    assert refusal.value.args[0] == "examples.1"
    assert plan.sessions == []


async def test_the_real_validator_makes_the_pipeline_try_again(ir: IR, sandbox: ProcessSandbox) -> None:
    sources = [["def double(x): return x"] * 2, ["def double(x): return x + x", "def double(x): return x * 2"]]
    told: list[tuple[Evidence, ...]] = []

    async def write_code(
        request: LiftRequest, ir: IR, findings: tuple[Evidence, ...], session: str
    ) -> tuple[tuple[Code, ...], StageReport]:
        told.append(findings)
        variations = tuple(Code(function="double", imports=(), source=source) for source in sources[len(told) - 1])
        return variations, StageReport(stage="code", seconds=0, attempts=1)

    stages = Stages(Plan(ir, []).write_ir, write_code, partial(choose_code, sandbox=sandbox))
    response = await lift(REQUEST, "request-7", stages, model="m", max_attempts=2)
    assert response.verdict.level == "verified"
    assert response.code.source in sources[1]
    details = [finding.detail for finding in told[1]]
    assert "double(5) should have returned 10, but returned 5" in details


async def spend(*completions: Completion) -> list[Completion]:
    return list(completions)


async def test_a_ledger_adds_up_attempts_and_tokens() -> None:
    ledger = Ledger("ir")
    one = Completion(
        text="", finish_reason="length", prompt_tokens=3, cached_tokens=2, completion_tokens=1, seconds=0.5
    )
    await ledger.charge(spend(one, one))
    await ledger.charge(spend(one.model_copy(update={"finish_reason": "stop"})))
    report = ledger.report()
    assert (report.attempts, report.prompt_tokens, report.cached_tokens, report.completion_tokens) == (2, 9, 6, 3)
    assert report.finish_reasons == ("length", "length", "stop")
    assert add([report, report]).attempts == 4
