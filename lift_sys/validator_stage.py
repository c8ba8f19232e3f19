"""Stage 3: from several pieces of code to one, with a verdict."""

import time

from lift_sys.errors import SpecificationInvalid
from lift_sys.sandbox import Sandbox
from lift_sys.validation.judge import judge
from lift_sys.validation.selection import Policy, soft
from lift_sys.validation.spec import from_examples, from_ir, read_examples
from schemas.api import StageReport, ValidateRequest
from schemas.code import Code
from schemas.ir import IR, Example
from schemas.verdict import Verdict


async def choose_code(
    ir: IR, stated: tuple[Example, ...], variations: tuple[Code, ...], *, sandbox: Sandbox, policy: Policy = soft
) -> tuple[Code, Verdict, StageReport]:
    """The best of the variations: by the user's examples, then by a policy. Raises `SandboxUnavailable`."""
    begun = time.monotonic()
    sources = [code.source for code in variations]
    judgement = await judge(from_ir(ir, stated), sources, sandbox, sampled=True, policy=policy)
    seconds = round(time.monotonic() - begun, 4)
    return variations[judgement.chosen], judgement.verdict, StageReport(stage="validate", seconds=seconds, attempts=1)


async def validate_code(request: ValidateRequest, *, sandbox: Sandbox, seed: int = 0) -> Verdict:
    """The verdict on code that somebody else wrote. Raises `SpecificationInvalid` that names the client's mistake.

    The same seed makes up the same inputs, so that a verdict can be found again.
    """
    function = request.function or (request.ir.signature.name if request.ir else "")
    if request.ir and request.ir.signature.name != function:
        raise SpecificationInvalid("function", f"is {function!r}, but the IR's is {request.ir.signature.name!r}")
    stated = read_examples(function, request.examples)
    spec = from_ir(request.ir, stated) if request.ir else from_examples(function, stated)
    judgement = await judge(spec, [request.code], sandbox, sampled=False, seed=seed)
    return judgement.verdict
