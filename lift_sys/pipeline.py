"""The whole system, in order: request, IR, code, verdict; again while the verdict is a rejection and attempts are left.

The stages come in as plain async callables. A Ray handle's method is one, and so is a function in a test.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lift_sys.ir_stage import stated_examples
from lift_sys.ledger import add
from schemas.api import LiftRequest, LiftResponse, StageReport
from schemas.code import Code
from schemas.ir import IR, Example
from schemas.verdict import Evidence, Verdict

WriteIR = Callable[[LiftRequest, str], Awaitable[tuple[IR, StageReport]]]
WriteCode = Callable[[LiftRequest, IR, tuple[Evidence, ...], str], Awaitable[tuple[tuple[Code, ...], StageReport]]]
ChooseCode = Callable[[IR, tuple[Example, ...], tuple[Code, ...]], Awaitable[tuple[Code, Verdict, StageReport]]]


@dataclass(frozen=True)
class Stages:
    write_ir: WriteIR
    write_code: WriteCode
    choose_code: ChooseCode


async def lift(request: LiftRequest, request_id: str, stages: Stages, *, model: str, max_attempts: int) -> LiftResponse:
    """One request, from words to a verdict. Both model calls carry `request_id` as their session."""
    begun = time.monotonic()
    stated = tuple(s.example for s in stated_examples(request))
    ir, ir_report = await stages.write_ir(request, request_id)
    findings: tuple[Evidence, ...] = ()
    code_reports, validate_reports = [], []
    for _ in range(max_attempts):
        variations, code_report = await stages.write_code(request, ir, findings, request_id)
        code, verdict, validate_report = await stages.choose_code(ir, stated, variations)
        code_reports.append(code_report)
        validate_reports.append(validate_report)
        findings = verdict.findings
        if verdict.level != "rejected":
            break
    return LiftResponse(
        request_id=request_id,
        verdict=verdict,
        code=code,
        ir=ir,
        examples=tuple(example.text(ir.signature.name) for example in stated),
        model=model,
        variations=len(variations),
        stages=(ir_report, add(code_reports), add(validate_reports)),
        seconds=round(time.monotonic() - begun, 4),
    )
