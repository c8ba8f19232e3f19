"""Stage 3 as the service calls it: variations of a model, and code that a client sends."""

import pytest

from lift_sys.errors import SpecificationInvalid
from lift_sys.examples import parse
from lift_sys.sandbox import ProcessSandbox
from lift_sys.validator_stage import choose_code, validate_code
from schemas import IR, Code, ValidateRequest

pytestmark = pytest.mark.anyio

RIGHT = "def double(x: int) -> int:\n    return 2 * x"
WRONG = "def double(x: int) -> int:\n    return x ** 2"


def code(source: str) -> Code:
    return Code(function="double", imports=(), source=source)


async def test_the_variation_that_meets_the_users_example_is_chosen(ir: IR, sandbox: ProcessSandbox) -> None:
    stated = (parse("double(3) == 6").example,)
    chosen, verdict, report = await choose_code(ir, stated, (code(WRONG), code(RIGHT)), sandbox=sandbox)
    assert chosen == code(RIGHT)
    assert verdict.level == "likely"
    assert (report.stage, report.attempts) == ("validate", 1)


async def test_without_an_example_of_the_user_nothing_is_verified(ir: IR, sandbox: ProcessSandbox) -> None:
    claimed = tuple(example.model_copy(update={"origin": "user"}) for example in ir.examples)
    liar = ir.model_copy(update={"examples": claimed})
    _, verdict, _ = await choose_code(liar, (), (code(RIGHT), code(RIGHT)), sandbox=sandbox)
    assert verdict.level == "likely"
    assert {evidence.origin for evidence in verdict.evidence if evidence.kind == "example"} == {"inferred"}


@pytest.mark.parametrize(
    ("source", "examples", "level"),
    [
        (RIGHT, ("double(3) == 6",), "verified"),
        (WRONG, ("double(3) == 6",), "rejected"),
        (RIGHT, (), "unverified"),
        ("def triple(x): ...", ("double(3) == 6",), "rejected"),
    ],
    ids=["right", "wrong", "no example", "another function"],
)
async def test_a_clients_code_is_judged_by_its_examples(
    source: str, examples: tuple[str, ...], level: str, sandbox: ProcessSandbox
) -> None:
    request = ValidateRequest(code=source, function="double", examples=examples)
    assert (await validate_code(request, sandbox=sandbox)).level == level


async def test_a_clients_ir_is_advice_and_its_signature_law(ir: IR, sandbox: ProcessSandbox) -> None:
    verdict = await validate_code(ValidateRequest(code="def double(): ...", ir=ir), sandbox=sandbox)
    assert (verdict.level, verdict.reason) == ("rejected", "takes 0 parameters, not 1")
    right = ValidateRequest(code=RIGHT, ir=ir, examples=("double(3) == 6",))
    assert (await validate_code(right, sandbox=sandbox)).level == "verified"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"function": "double", "examples": ["double(3)"]}, "examples.0"),
        ({"function": "double", "examples": ["double(3) == 6", "triple(1) == 3"]}, "examples.1"),
    ],
    ids=["no result", "another function"],
)
async def test_the_clients_mistake_is_named(body: dict[str, object], field: str, sandbox: ProcessSandbox) -> None:
    with pytest.raises(SpecificationInvalid) as refusal:
        await validate_code(ValidateRequest.model_validate({"code": RIGHT, **body}), sandbox=sandbox)
    assert refusal.value.args[0] == field


async def test_a_function_beside_an_ir_must_be_the_irs(ir: IR, sandbox: ProcessSandbox) -> None:
    with pytest.raises(SpecificationInvalid) as refusal:
        await validate_code(ValidateRequest(code=RIGHT, ir=ir, function="triple"), sandbox=sandbox)
    assert refusal.value.args == ("function", "is 'triple', but the IR's is 'double'")


async def test_an_example_that_no_sandbox_could_spell_is_left_out(ir: IR, sandbox: ProcessSandbox) -> None:
    huge = ir.examples[0].model_copy(update={"arguments": "0x" + "f" * 8_000})
    request = ValidateRequest(code=RIGHT, ir=ir.model_copy(update={"examples": (huge, ir.examples[1])}))
    verdict = await validate_code(request, sandbox=sandbox)
    assert [e.outcome for e in verdict.evidence if e.kind == "example"] == ["skipped", "passed"]
