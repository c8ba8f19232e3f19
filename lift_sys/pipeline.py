"""The whole system, in order: request, IR, code in waves until a verdict is settled, repairs of what was rejected.

The stages come in as plain async callables. A Ray handle's method is one, and so is a function in a test.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from lift_sys.code_stage import Failure, Wave
from lift_sys.contradictions import settle
from lift_sys.hearing import heard_by
from lift_sys.ir_stage import answered_examples, known_ir, stated_examples
from lift_sys.ledger import add
from lift_sys.questions import open_questions
from lift_sys.validation.levels import is_settled
from schemas.api import LiftRequest, LiftResponse, Question, StageReport
from schemas.code import Code
from schemas.events import Accepted, CandidateDone, ClauseChecked, Event, IRDelta, IRDone, Usage, VerdictGiven
from schemas.ir import IR, Example
from schemas.verdict import Verdict

WriteIR = Callable[[LiftRequest, str], Awaitable[tuple[IR, StageReport]]]
WriteCode = Callable[[LiftRequest, IR, Wave, str], Awaitable[tuple[tuple[Code, ...], StageReport]]]
ChooseCode = Callable[[IR, tuple[Example, ...], tuple[Code, ...]], Awaitable[tuple[Code, Verdict, StageReport]]]
Watch = Callable[[Event], None]
"""Hears of each step when it is done, and of the IR while it is written."""


def unwatched(event: Event) -> None:
    """For who waits for the answer only."""


@dataclass(frozen=True)
class Stages:
    write_ir: WriteIR
    write_code: WriteCode
    choose_code: ChooseCode


@dataclass(frozen=True)
class Effort:
    """How much is tried for a request."""

    n: int
    """Variations at most, in waves that double their number."""
    first: int
    """Of the first wave."""
    repairs: int
    """Rounds in which the best of what was all rejected is to be mended."""
    repaired: int
    """Variations of such a round."""

    def waves(self) -> Iterator[Wave]:
        done = 0
        while done < self.n:
            until = min(self.n, max(self.first, 2 * done))
            yield Wave(done, until)
            done = until


async def lift(
    request: LiftRequest, request_id: str, stages: Stages, effort: Effort, model: str, *, watch: Watch = unwatched
) -> LiftResponse:
    """One request, from words to a verdict. All model calls carry `request_id` as their session.

    `watch` hears of every step but the last, which is the answer, or what is raised.
    """
    begun = time.monotonic()
    standing, contradictions = settle(stated_examples(request), answered_examples(request))
    stated = tuple(one.example for one in standing)
    watch(Accepted(request_id=request_id, model=model, variations=effort.n))
    ir, ir_report = known_ir(request) or await _written_ir(request, request_id, stages, watch)
    watch(IRDone(ir=ir, report=ir_report))
    tries = _Tries(request, request_id, stages, ir, stated, contradictions, watch)
    for wave in effort.waves():
        code, verdict = await tries.once(wave)
        if is_settled(verdict):
            break
    for _ in range(effort.repairs):
        if verdict.level != "rejected":
            break
        code, verdict = await tries.once(Wave(0, effort.repaired, Failure(code, verdict.findings)))
    code_report = add(tries.reports[::2])
    costs = (ir_report, code_report, add(tries.reports[1::2]))
    watch(Usage(stages=costs))
    return LiftResponse(
        request_id=request_id,
        verdict=_doubted(verdict, contradictions),
        code=code,
        ir=ir,
        examples=tuple(example.text(ir.signature.name) for example in stated),
        questions=(*contradictions, *open_questions(ir, verdict, request.answers)),
        model=code_report.fallback or model,
        fallback=bool(ir_report.fallback or code_report.fallback),
        variations=len(tries.variations),
        stages=costs,
        seconds=round(time.monotonic() - begun, 4),
    )


async def _written_ir(request: LiftRequest, request_id: str, stages: Stages, watch: Watch) -> tuple[IR, StageReport]:
    if watch is unwatched:
        return await stages.write_ir(request, request_id)
    with heard_by(lambda piece: watch(IRDelta(text=piece.text, begins=piece.begins))):
        return await stages.write_ir(request, request_id)


@dataclass
class _Tries:
    """What was written for a request so far, and what that cost."""

    request: LiftRequest
    request_id: str
    stages: Stages
    ir: IR
    stated: tuple[Example, ...]
    contradictions: tuple[Question, ...]
    watch: Watch
    variations: tuple[Code, ...] = ()
    reports: list[StageReport] = field(default_factory=list)

    async def once(self, wave: Wave) -> tuple[Code, Verdict]:
        """A wave of variations, and the best of all there are then."""
        written, code_report = await self.stages.write_code(self.request, self.ir, wave, self.request_id)
        for index, one in enumerate(written, len(self.variations)):
            self.watch(CandidateDone(index=index, code=one))
        self.variations += written
        code, verdict, validate_report = await self.stages.choose_code(self.ir, self.stated, self.variations)
        self._tell(code, _doubted(verdict, self.contradictions))
        self.reports.extend((code_report, validate_report))
        return code, verdict

    def _tell(self, code: Code, verdict: Verdict) -> None:
        for evidence in verdict.evidence:
            if evidence.outcome != "skipped":
                passed = evidence.outcome == "passed"
                self.watch(ClauseChecked(clause=evidence.clause, passed=passed, evidence=evidence))
        self.watch(VerdictGiven(code=code, verdict=verdict))


def _doubted(verdict: Verdict, questions: tuple[Question, ...]) -> Verdict:
    """Code may be right by the other examples, and wrong by those that contradict each other."""
    if not questions or verdict.level != "verified":
        return verdict
    return verdict.model_copy(update={"level": "likely", "reason": f"{verdict.reason}; but: {questions[0].question}"})
