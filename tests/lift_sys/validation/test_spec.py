"""What a candidate is held to."""

import pytest

from lift_sys.errors import SpecificationInvalid
from lift_sys.examples import parse
from lift_sys.validation.spec import from_examples, from_ir, is_predicate, read_examples, why_unusable
from schemas import IR, Effects, Example


def test_a_model_cannot_make_its_own_example_the_users(ir: IR) -> None:
    claimed = ir.examples[0].model_copy(update={"origin": "user"})
    spec = from_ir(ir.model_copy(update={"examples": (claimed, ir.examples[1])}), stated=())
    assert spec.stated == ()
    assert [example.origin for example in spec.inferred] == ["inferred", "inferred"]


def test_a_copy_of_the_users_example_is_no_vote_of_the_model(ir: IR) -> None:
    stated = (parse("double(2) == 4").example,)
    assert [example.arguments for example in from_ir(ir, stated).inferred] == ["0"]


@pytest.mark.parametrize(
    ("pure", "allowed", "may_mutate"),
    [(True, (), False), (True, ("stdout",), False), (True, ("mutates_arguments",), True), (False, (), True)],
    ids=["pure", "prints", "mutates", "not pure"],
)
def test_what_the_ir_says_of_effects_decides_what_may_change(
    pure: bool, allowed: tuple[str, ...], may_mutate: bool, ir: IR
) -> None:
    effects = Effects.model_validate({"pure": pure, "allowed": allowed, "raises": [], "imports": []})
    assert from_ir(ir.model_copy(update={"effects": effects}), ()).may_mutate is may_mutate


def test_examples_alone_say_nothing_of_the_signature() -> None:
    spec = from_examples("f", (parse("f(1) == 2").example,))
    assert (spec.parameters, spec.inferred, spec.assertions, spec.may_mutate) == (None, (), (), True)


@pytest.mark.parametrize(
    ("texts", "field", "message"),
    [
        (("f(1) == 2", "f of 2 is 3"), "examples.1", "is not a call with literals"),
        (("f(x) == 2",), "examples.0", "is not a call with literals"),
        (("f(1) == 2 * 3",), "examples.0", "is not a call with literals"),
        (("f(1) == 2", "f(2) == 3", "g(1) == 2"), "examples.2", "calls 'g', but the function is 'f'"),
    ],
    ids=["prose", "a name", "arithmetic", "another function"],
)
def test_an_example_that_cannot_be_used_is_named(texts: tuple[str, ...], field: str, message: str) -> None:
    with pytest.raises(SpecificationInvalid) as refusal:
        read_examples("f", texts)
    assert refusal.value.args[0] == field
    assert message in refusal.value.args[1]


def test_examples_are_read_in_order() -> None:
    found = read_examples("f", ("f(1) == 2", "assert f('') raises ValueError"))
    assert [(e.arguments, e.expect, e.value) for e in found] == [("1", "returns", "2"), ("''", "raises", "ValueError")]


@pytest.mark.parametrize(
    ("arguments", "expect", "value", "usable"),
    [
        ("1", "returns", "2", True),
        ("", "returns", "None", True),
        ("1", "raises", "ValueError", True),
        ("x", "returns", "2", False),
        ("1", "returns", "f(0)", False),
        ("1", "returns", "", False),
        ("0x" + "f" * 8_000, "returns", "1", False),
    ],
    ids=["plain", "None", "raises", "a name", "a call", "nothing", "more digits than Python writes"],
)
def test_an_example_of_a_model_is_usable_or_not(arguments: str, expect: str, value: str, usable: bool) -> None:
    fields = {"origin": "inferred", "arguments": arguments, "expect": expect, "value": value, "covers": "typical"}
    assert (why_unusable(Example.model_validate(fields)) is None) is usable


PREDICATES = {
    "result >= 0": True,
    "len(result) == len(xs)": True,
    "all(a <= b for a, b in zip(result, result[1:]))": True,
    "sorted(result) == sorted(old_xs) if xs else result == []": True,
    "isinstance(result, (int, float)) and not isinstance(result, bool)": True,
    "result in {x * 2 for x in xs} or result == f'{xs}'": True,
    "": False,
    "result >=": False,
    "result = 1": False,
    "x := 1": False,
    "(y := result) > 0": False,
    "lambda: 1": False,
    "sorted(xs, key=lambda x: -x) == result": False,
    "await result": False,
    "(yield)": False,
    "import os": False,
    "__import__('os').system('true')": False,
    "result.__class__ == int": False,
    "result._private": False,
    "[x for x in xs if x.__class__]": False,
    "(" * 500 + "1" + ")" * 500: False,
    "\0": False,
}


@pytest.mark.parametrize(
    ("text", "accepted"), PREDICATES.items(), ids=lambda value: str(value)[:50].replace("\0", "NUL")
)
def test_a_predicate_is_one_plain_expression(text: str, accepted: bool) -> None:
    assert is_predicate(text) is accepted
