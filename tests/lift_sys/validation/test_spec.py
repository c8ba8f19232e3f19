"""What a candidate is held to."""

from dataclasses import replace

import pytest

from lift_sys.errors import SpecificationInvalid
from lift_sys.examples import parse
from lift_sys.validation.spec import Spec, from_examples, from_ir, read_examples, why_unusable
from schemas import IR, Assertion, Effects, Example


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


@pytest.mark.parametrize(
    ("example", "held"),
    [("double(2) == 4", True), ("double(x=2) == 4", True), ("double(2, 3) == 4", False), ("double(y=2) == 4", False)],
)
def test_a_signature_that_cannot_take_the_users_example_binds_nobody(example: str, held: bool, ir: IR) -> None:
    assert (from_ir(ir, (parse(example).example,)).parameters is not None) is held


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


def said(assertion: str) -> Assertion:
    kind, expr = assertion.split(" ", 1)
    return Assertion.model_validate({"kind": kind, "expr": expr, "origin": "guess"})


def test_what_is_dropped_leaves_the_others_their_numbers() -> None:
    stated, guessed = parse("f(1) == 2").example, parse("f(2) == 3").example
    assertions = tuple(map(said, ("requires x > 0", "ensures result > 0", "ensures eval('1')", "ensures result > x")))
    spec = Spec("f", (), False, (stated,), (guessed, guessed), assertions, may_mutate=False)
    left = replace(spec, dropped=frozenset({"examples.inferred[0]", "assertions[1]"}))
    assert list(left.examples()) == ["examples.stated[0]", "examples.inferred[1]"]
    assert list(left.predicates("requires")) == ["assertions[0]"]
    assert list(left.predicates("ensures")) == ["assertions[3]"]
    assert left.clauses() == spec.clauses()
    assert len(spec.examples()) == 3
