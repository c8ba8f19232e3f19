"""A request as the page would see it through: its events as the wire has them, made of the real models."""

from collections.abc import Sequence
from typing import Any

from schemas import (
    IR,
    Assertion,
    Code,
    Effects,
    Evidence,
    Example,
    Hole,
    Intent,
    LiftResponse,
    Parameter,
    Question,
    Rival,
    Signature,
    StageReport,
    Verdict,
)

Event = tuple[str, dict[str, Any]]
"""Its name, and its data without the name."""

PROMPT = "the median of a list of numbers"
EXAMPLE = "median([3, 1, 2]) == 2"
QUESTION = "What is the median of an empty list?"

IR_ = IR(
    intent=Intent(
        summary="Find the median of a list of numbers.",
        rationale="The middle of the sorted numbers; of an even count, the mean of the two in the middle.",
        asks_for="function",
    ),
    signature=Signature(
        name="median",
        parameters=(Parameter(name="numbers", type="list[float]", kind="positional", default=None),),
        returns="float",
        is_async=False,
    ),
    examples=(
        Example(origin="user", arguments="[3, 1, 2]", expect="returns", value="2", covers="typical"),
        Example(origin="inferred", arguments="[1, 2, 3, 4]", expect="returns", value="2.5", covers="boundary"),
        Example(origin="inferred", arguments="[]", expect="raises", value="KeyError", covers="empty"),
    ),
    assertions=(
        Assertion(kind="requires", expr="len(numbers) > 0", origin="implied"),
        Assertion(kind="ensures", expr="min(numbers) <= result <= max(numbers)", origin="implied"),
    ),
    effects=Effects(pure=True, allowed=(), raises=("ValueError",), imports=("statistics",)),
    holes=(Hole(question=QUESTION, options=("raise ValueError", "None", "0"), assumed="raise ValueError"),),
)

SORTED = '''def median(numbers: list[float]) -> float:
    """The middle of the sorted numbers, or the mean of the two in the middle."""
    if not numbers:
        raise ValueError("median of no numbers")
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:  # an odd count has one in the middle
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
'''
SHORT = "import statistics\n\n\ndef median(numbers):\n    return statistics.median(numbers)\n"
WRONG = "def median(numbers):\n    return sorted(numbers)[len(numbers) // 2]\n"


def code(source: str) -> Code:
    return Code(function="median", imports=("statistics",) if "import" in source else (), source=source)


CODES = (code(SORTED), code(SHORT), code(SORTED), code(WRONG))

EVIDENCE = (
    Evidence(clause="parse", kind="static", origin="rule", outcome="passed", detail="parses and compiles"),
    Evidence(clause="imports", kind="static", origin="rule", outcome="passed", detail="imports nothing"),
    Evidence(clause="signature", kind="static", origin="rule", outcome="passed", detail="defines median as asked"),
    Evidence(clause="examples[0]", kind="example", origin="user", outcome="passed", detail=EXAMPLE, inputs_tried=1),
    Evidence(
        clause="examples.inferred[0]",
        kind="example",
        origin="inferred",
        outcome="passed",
        detail="median([1, 2, 3, 4]) == 2.5",
        inputs_tried=1,
    ),
    Evidence(
        clause="examples.inferred[1]",
        kind="example",
        origin="inferred",
        outcome="failed",
        detail="median([]) raises KeyError: raised ValueError",
        inputs_tried=1,
        counterexample="median([])",
    ),
    Evidence(
        clause="assertions[1]",
        kind="assertion",
        origin="implied",
        outcome="passed",
        detail="ensures min(numbers) <= result <= max(numbers)",
        inputs_tried=48,
    ),
    Evidence(
        clause="assertions[0]",
        kind="assertion",
        origin="implied",
        outcome="skipped",
        detail="requires len(numbers) > 0: the signature already says so",
    ),
    Evidence(
        clause="agreement",
        kind="agreement",
        origin="rule",
        outcome="passed",
        detail="behaves as 67 % of 4 variations do, averaged over the inputs",
        inputs_tried=48,
    ),
)
VERDICT = Verdict(
    level="likely",
    reason="your example holds, and one in three of the variations does otherwise",
    evidence=EVIDENCE,
    agreement=0.67,
    rival=Rival(call="median([1, 2])", chosen="1.5", chosen_by=3, other="2", other_by=1),
    spec_strength=0.4,
    sandbox="namespaces",
)
STAGES = (
    StageReport(stage="ir", seconds=1.42, attempts=1, prompt_tokens=367, cached_tokens=357, completion_tokens=188),
    StageReport(stage="code", seconds=0.96, attempts=1, prompt_tokens=826, cached_tokens=761, completion_tokens=236),
    StageReport(stage="validate", seconds=0.22, attempts=1),
)


def response(**changes: Any) -> LiftResponse:
    answer = LiftResponse(
        request_id="2f4bb2c2257a47029db9dc2887e2a1fa",
        verdict=VERDICT,
        code=CODES[0],
        ir=IR_,
        examples=(EXAMPLE,),
        questions=(Question(question=QUESTION, options=IR_.holes[0].options, assumed="raise ValueError"),),
        model="Qwen/Qwen2.5-Coder-1.5B-Instruct",
        variations=len(CODES),
        stages=STAGES,
        seconds=2.61,
    )
    return answer.model_copy(update=changes)


def verified() -> LiftResponse:
    """The answer once the question is answered."""
    evidence = tuple(one for one in EVIDENCE if one.outcome == "passed")
    verdict = Verdict(
        level="verified",
        reason="your example holds, and all variations agree",
        evidence=evidence,
        agreement=1.0,
        sandbox="namespaces",
    )
    return response(verdict=verdict, questions=(), ir=IR_.model_copy(update={"holes": ()}))


def events(answer: LiftResponse, codes: Sequence[Code] = CODES) -> list[Event]:
    """All that is told of a request that is answered."""
    text = answer.ir.model_dump_json()
    pieces = [text[at : at + 60] for at in range(0, len(text), 60)]
    told: list[Event] = [
        ("accepted", {"request_id": answer.request_id, "model": answer.model, "variations": len(codes)})
    ]
    told += [("ir.delta", {"text": piece, "begins": piece == pieces[0]}) for piece in pieces]
    told += [("ir.done", {"ir": answer.ir.model_dump(), "report": answer.stages[0].model_dump()})]
    told += [("candidate.done", {"index": index, "code": one.model_dump()}) for index, one in enumerate(codes)]
    for one in answer.verdict.evidence:
        checked = {"clause": one.clause, "passed": one.outcome == "passed", "evidence": one.model_dump()}
        told.append(("clause.checked", checked))
    told.append(("verdict", {"code": answer.code.model_dump(), "verdict": answer.verdict.model_dump()}))
    told.append(("usage", {"stages": [stage.model_dump() for stage in answer.stages]}))
    return [*told, ("answer", {"response": answer.model_dump()})]
