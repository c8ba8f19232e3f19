"""The whole system in order, with plain functions for stages; and once with the real stages over a scripted model."""

from dataclasses import dataclass, field
from functools import partial

import pytest

from lift_sys.code_stage import Failure, Wave
from lift_sys.errors import SpecificationInvalid
from lift_sys.hearing import listener
from lift_sys.ledger import Ledger, add
from lift_sys.pipeline import Effort, Stages, Watch, lift, unwatched
from lift_sys.sandbox import ProcessSandbox
from lift_sys.validator_stage import choose_code
from schemas import (
    IR,
    Answered,
    Code,
    Completion,
    Evidence,
    Example,
    Hole,
    LiftRequest,
    LiftResponse,
    Piece,
    Rival,
    StageReport,
    Verdict,
)  # fmt: skip
from schemas.events import Event, IRDelta, Usage
from schemas.verdict import Level

pytestmark = pytest.mark.anyio

REQUEST = LiftRequest(prompt="Double a number, so that double(2) == 4.", examples=("double(5) == 10",))


def wrong(detail: str) -> Evidence:
    return Evidence(clause="examples", kind="example", origin="user", outcome="failed", detail=detail)


ONE_WAVE = Effort(n=3, first=3, repairs=2, repaired=1)


@dataclass
class Plan:
    """Stages that do as planned: a level a try, and the agreement on it. They remember what they were given."""

    ir: IR
    levels: list[Level]
    agreement: float = 0.5
    rival: Rival | None = None
    sessions: list[str] = field(default_factory=list)
    waves: list[Wave] = field(default_factory=list)
    stated: list[tuple[Example, ...]] = field(default_factory=list)

    async def write_ir(self, request: LiftRequest, session: str) -> tuple[IR, StageReport]:
        self.sessions.append(session)
        return self.ir, StageReport(stage="ir", seconds=1.0, attempts=2, prompt_tokens=10)

    async def write_code(
        self, request: LiftRequest, ir: IR, wave: Wave, session: str
    ) -> tuple[tuple[Code, ...], StageReport]:
        self.sessions.append(session)
        self.waves.append(wave)
        sources = [f"# try {len(self.waves)}, variation {i}" for i in range(wave.end - wave.begin)]
        report = StageReport(
            stage="code", seconds=0.5, attempts=1, prompt_tokens=7, cached_tokens=3, completion_tokens=5,
            finish_reasons=("stop",) * len(sources),
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
        verdict = Verdict(
            level=level, reason="as planned", evidence=(evidence,), agreement=self.agreement, rival=self.rival,
            sandbox="namespaces",
        )  # fmt: skip
        return variations[-1], verdict, StageReport(stage="validate", seconds=0.25, attempts=1)

    async def run(
        self, request: LiftRequest = REQUEST, effort: Effort = ONE_WAVE, watch: Watch = unwatched
    ) -> LiftResponse:
        stages = Stages(self.write_ir, self.write_code, self.choose_code)
        return await lift(request, "request-7", stages, effort, "m", watch=watch)

    @property
    def failures(self) -> list[Failure | None]:
        return [wave.failure for wave in self.waves]


@pytest.mark.parametrize(
    ("levels", "repairs", "tries", "level"),
    [
        (["verified"], 2, 1, "verified"),
        (["unverified"], 2, 1, "unverified"),
        (["rejected", "likely", "verified"], 2, 2, "likely"),
        (["rejected", "rejected", "rejected", "verified"], 2, 3, "rejected"),
        (["rejected", "verified"], 0, 1, "rejected"),
    ],
    ids=["at once", "not rejected is enough", "the first repair", "never", "no repair"],
)
async def test_what_was_rejected_is_repaired(
    levels: list[Level], repairs: int, tries: int, level: Level, ir: IR
) -> None:
    plan = Plan(ir, list(levels))
    response = await plan.run(effort=Effort(3, 3, repairs, 2))
    assert response.verdict.level == level
    assert response.code.source.startswith(f"# try {tries}, variation ")
    assert response.variations == 3 + 2 * (tries - 1)
    assert [report.attempts for report in response.stages] == [2, tries, tries]


async def test_every_step_is_told_when_it_is_done(ir: IR) -> None:
    told: list[Event] = []
    plan = Plan(ir, ["rejected", "verified"])
    response = await plan.run(watch=told.append)
    wave, repair = ["candidate.done"] * 3, ["candidate.done"]
    judged = ["clause.checked", "verdict"]
    assert [e.event for e in told] == ["accepted", "ir.done", *wave, *judged, *repair, *judged, "usage"]
    assert [e.index for e in told if e.event == "candidate.done"] == [0, 1, 2, 3]
    assert [e.passed for e in told if e.event == "clause.checked"] == [False, True]
    verdicts = [e for e in told if e.event == "verdict"]
    assert (verdicts[-1].code, verdicts[-1].verdict) == (response.code, response.verdict)
    assert told[-1] == Usage(stages=response.stages)


async def test_who_watches_hears_the_ir_while_it_is_written(ir: IR) -> None:
    heard = [Piece(text="{", begins=True), Piece(text="{", begins=True), Piece(text="}")]

    class Heard(Plan):
        async def write_ir(self, request: LiftRequest, session: str) -> tuple[IR, StageReport]:
            if hear := listener():
                for piece in heard:
                    hear(piece)
            return await super().write_ir(request, session)

    told: list[Event] = []
    await Heard(ir, ["verified"]).run(watch=told.append)
    deltas = [IRDelta(text=piece.text, begins=piece.begins) for piece in heard]
    assert told[1:4] == deltas
    assert [e.event for e in told].count("ir.delta") == 3


async def test_where_nobody_watches_nobody_listens(ir: IR) -> None:
    class Alone(Plan):
        async def write_ir(self, request: LiftRequest, session: str) -> tuple[IR, StageReport]:
            assert listener() is None
            return await super().write_ir(request, session)

    assert (await Alone(ir, ["verified"]).run()).verdict.level == "verified"


async def test_what_was_told_before_a_failure_stays_told(ir: IR) -> None:
    told: list[Event] = []
    with pytest.raises(IndexError):
        await Plan(ir, []).run(watch=told.append)
    assert [e.event for e in told] == ["accepted", "ir.done", *["candidate.done"] * 3]


async def test_every_repair_is_told_what_was_wrong_with_which_code(ir: IR) -> None:
    plan = Plan(ir, ["rejected", "rejected", "verified"])
    await plan.run()
    first, second, third = plan.failures
    assert first is None
    assert second is not None
    assert (second.code.source, second.findings) == ("# try 1, variation 2", (wrong("mistake 1"),))
    assert third is not None
    assert (third.code.source, third.findings) == ("# try 2, variation 0", (wrong("mistake 2"),))


@pytest.mark.parametrize(
    ("n", "first", "waves"),
    [
        (1, 1, [(0, 1)]),
        (8, 8, [(0, 8)]),
        (8, 3, [(0, 3), (3, 6), (6, 8)]),
        (16, 4, [(0, 4), (4, 8), (8, 16)]),
    ],
)
async def test_variations_come_in_waves_that_double_their_number(
    n: int, first: int, waves: list[tuple[int, int]], ir: IR
) -> None:
    plan = Plan(ir, ["likely"] * len(waves))
    response = await plan.run(effort=Effort(n, first, 0, 1))
    assert plan.waves == [Wave(*wave) for wave in waves]
    assert response.variations == n


@pytest.mark.parametrize(
    ("levels", "agreement", "asked"),
    [(["verified"], 1.0, 4), (["verified", "verified"], 0.6, 8), (["likely", "likely"], 1.0, 8)],
    ids=["verified and all agree", "verified and some do not", "all agree and not verified"],
)
async def test_no_more_variations_are_asked_for_than_settle_the_verdict(
    levels: list[Level], agreement: float, asked: int, ir: IR
) -> None:
    response = await Plan(ir, levels, agreement).run(effort=Effort(8, 4, 0, 1))
    assert response.variations == asked


async def test_pipeline_adds_up_what_the_stages_cost(ir: IR) -> None:
    response = await Plan(ir, ["rejected", "verified"]).run()
    by_ir, by_code, by_validate = response.stages
    assert (by_ir.stage, by_ir.seconds, by_ir.prompt_tokens) == ("ir", 1.0, 10)
    assert (by_code.stage, by_code.seconds, by_code.prompt_tokens) == ("code", 1.0, 14)
    assert (by_code.cached_tokens, by_code.completion_tokens) == (6, 10)
    assert by_code.finish_reasons == ("stop",) * 4
    assert (by_validate.stage, by_validate.seconds) == ("validate", 0.5)
    assert (response.request_id, response.model, response.variations, response.ir) == ("request-7", "m", 4, ir)


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


CONTRADICTIONS: dict[str, tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = {
    "none": ("double(2) == 4; double(3) == 6", ("double(2) == 4", "double(3) == 6"), []),
    "two values": (
        "double(2) == 4; double(3) == 6; double(2) == 5",
        ("double(3) == 6",),
        [("double(2) == 4", "double(2) == 5")],
    ),
    "a value and an exception": (
        "double('') == ''; double('') raises TypeError",
        (),
        [("double('') == ''", "double('') raises TypeError")],
    ),
    "spelt in other ways": ("double( 2 ) == 4; double(2) == 0x5", (), [("double(2) == 4", "double(2) == 0x5")]),
    "the same value in other ways": (
        "double('a') == 'aa'; double(\"a\") == \"aa\"",
        ("double('a') == 'aa'", 'double("a") == "aa"'),
        [],
    ),
}


@pytest.mark.parametrize(("prompt", "held_to", "asked"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
async def test_examples_that_contradict_each_other_are_asked_about_and_not_guessed(
    prompt: str, held_to: tuple[str, ...], asked: list[tuple[str, ...]], ir: IR
) -> None:
    plan = Plan(ir, ["verified"], agreement=1.0)
    response = await plan.run(LiftRequest(prompt=prompt))
    assert response.examples == held_to
    assert [question.options for question in response.questions] == asked
    assert response.verdict.level == ("likely" if asked else "verified")


async def test_an_answer_decides_between_examples_that_contradict_each_other(ir: IR) -> None:
    plan = Plan(ir, ["verified"], agreement=1.0)
    answers = (Answered(question="Which is meant?", answer="double(2) == 5"),)
    response = await plan.run(LiftRequest(prompt="double(2) == 4; double(2) == 5", answers=answers))
    assert (response.examples, response.questions) == (("double(2) == 5",), ())
    assert response.verdict.level == "verified"


RIVAL = Rival(call="double('')", chosen="''", chosen_by=3, other="0", other_by=2)
FAR = Rival(call="double('')", chosen="''", chosen_by=5, other="0", other_by=2)
HOLE = Hole(question="Of what?", options=("numbers", "texts"), assumed="numbers")
WHICH = "What is double('') to be?"


@pytest.mark.parametrize(
    ("holes", "rival", "answered", "asked"),
    [
        ((), None, {}, {}),
        ((), RIVAL, {}, {WHICH: "double('') == ''"}),
        ((), FAR, {}, {}),
        ((HOLE,), RIVAL, {}, {"Of what?": "numbers", WHICH: "double('') == ''"}),
        ((HOLE,), RIVAL, {"Of what?": "texts"}, {WHICH: "double('') == ''"}),
    ],
    ids=["nothing is open", "variations part", "few differ", "the IR assumed something", "answered once"],
)
async def test_what_is_open_is_asked_with_what_was_assumed(
    holes: tuple[Hole, ...], rival: Rival | None, answered: dict[str, str], asked: dict[str, str], ir: IR
) -> None:
    plan = Plan(ir.model_copy(update={"holes": holes}), ["likely"], rival=rival)
    answers = tuple(Answered(question=question, answer=answer) for question, answer in answered.items())
    response = await plan.run(LiftRequest(prompt="double", answers=answers))
    assert {question.question: question.assumed for question in response.questions} == asked


@pytest.mark.parametrize(
    ("answer", "written"), [(None, False), ("double(2) == 4", False), ("texts, too", True)],
    ids=["no answer", "an example", "other words"],
)  # fmt: skip
async def test_an_ir_of_before_is_used_again_unless_words_say_what_it_left_open(
    answer: str | None, written: bool, ir: IR
) -> None:
    plan = Plan(ir, ["likely"])
    known = ir.model_copy(update={"holes": (HOLE,)})
    answers = () if answer is None else (Answered(question="Of what?", answer=answer),)
    response = await plan.run(LiftRequest(prompt="double", answers=answers, ir=known))
    assert response.ir == (ir if written else known)
    assert response.stages[0].attempts == (2 if written else 0)


async def test_an_ir_that_no_code_can_be_held_to_is_refused(ir: IR) -> None:
    bad = ir.model_copy(update={"signature": ir.signature.model_copy(update={"name": "class"})})
    with pytest.raises(SpecificationInvalid, match="keyword"):
        await Plan(ir, ["likely"]).run(LiftRequest(prompt="double", ir=bad))


async def test_an_example_that_cannot_be_read_is_refused_before_any_work(ir: IR) -> None:
    plan = Plan(ir, ["verified"])
    with pytest.raises(SpecificationInvalid) as refusal:
        await plan.run(LiftRequest(prompt="double", examples=("double(1) == 2", "double of 2 is 4")))
    assert refusal.value.args[0] == "examples.1"
    assert plan.sessions == []


async def test_the_real_validator_has_rejected_code_repaired(ir: IR, sandbox: ProcessSandbox) -> None:
    sources = [["def double(x): return x"] * 2, ["def double(x): return x + x", "def double(x): return x * 2"]]
    waves: list[Wave] = []

    async def write_code(
        request: LiftRequest, ir: IR, wave: Wave, session: str
    ) -> tuple[tuple[Code, ...], StageReport]:
        waves.append(wave)
        variations = tuple(Code(function="double", imports=(), source=source) for source in sources[len(waves) - 1])
        return variations, StageReport(stage="code", seconds=0, attempts=1)

    stages = Stages(Plan(ir, []).write_ir, write_code, partial(choose_code, sandbox=sandbox))
    response = await lift(REQUEST, "request-7", stages, Effort(2, 2, 1, 2), "m")
    assert response.verdict.level == "likely"
    assert response.code.source in sources[1]
    [_, repair] = waves
    assert repair.failure is not None
    details = [finding.detail for finding in repair.failure.findings]
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
    both = add([report, report])
    assert (both.attempts, both.prompt_tokens) == (4, 18)


@pytest.mark.anyio
async def test_a_stage_tells_how_long_an_engine_wrote_for_it() -> None:
    """Variations of one call are written at once, so the slowest counts; calls come one after the other."""
    ledger = Ledger("code")
    quick, slow = (
        Completion(text="", finish_reason="stop", prompt_tokens=1, cached_tokens=0, completion_tokens=1, seconds=s)
        for s in (0.2, 0.5)
    )
    await ledger.charge(spend(quick, slow))
    await ledger.charge(spend(quick))
    report = ledger.report()
    assert report.engine_s == 0.7
    assert add([report, report]).engine_s == 1.4
