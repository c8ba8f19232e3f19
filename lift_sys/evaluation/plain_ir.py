"""An IR that no model wrote, to see what the model's is worth: the function's name, and nothing that is not known."""

from lift_sys.ir_stage import stated_examples
from lift_sys.stub import signature_in
from schemas.api import LiftRequest, StageReport
from schemas.ir import IR, Effects, Example, Intent, Signature

_NOTHING = Example(origin="inferred", arguments="", expect="returns", value="None", covers="typical")


async def write_plain_ir(request: LiftRequest, session: str) -> tuple[IR, StageReport]:
    """Raises `ValueError` where the request neither has a header nor states an example."""
    stated = stated_examples(request)
    signature = signature_in(request.prompt)
    if signature is None and not stated:
        raise ValueError("the request names no function")
    name = signature.name if signature else stated[0].function
    examples = tuple(one.example for one in stated)[:5] or (_NOTHING,)
    ir = IR(
        intent=Intent(summary="", rationale="", asks_for="function"),
        # Examples with arguments fit no empty signature, and then any will do.
        signature=signature or Signature(name=name, parameters=(), returns="Any", is_async=False),
        examples=examples if len(examples) > 1 else examples * 2,
        assertions=(),
        effects=Effects(pure=True, allowed=(), raises=(), imports=()),
        holes=(),
    )
    return ir, StageReport(stage="ir", seconds=0.0, attempts=0)
