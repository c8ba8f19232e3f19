"""Predicates over many inputs, evaluated in the real sandbox."""

import pytest

from lift_sys.examples import parse
from lift_sys.jail.values import encode
from lift_sys.sandbox import Outcome, ProcessSandbox
from lift_sys.validation.assertions import check_assertions, domain, scope
from lift_sys.validation.spec import Spec
from schemas import Assertion, Parameter

pytestmark = pytest.mark.anyio


def parameter(name: str, kind: str = "positional", default: str | None = None) -> Parameter:
    return Parameter.model_validate({"name": name, "type": "int", "kind": kind, "default": default})


def spec(*assertions: str, examples: tuple[str, ...] = ()) -> Spec:
    """Of `f(x)`. An assertion is a kind and an expression: `ensures result > x`."""
    read = [dict(zip(("kind", "expr"), text.split(" ", 1), strict=True)) for text in assertions]
    clauses = tuple(Assertion.model_validate({**fields, "origin": "guess"}) for fields in read)
    stated = tuple(parse(text).example for text in examples)
    return Spec("f", (parameter("x"),), False, stated, (), clauses, may_mutate=False)


def behaves(**results: object) -> dict[str, Outcome]:
    """What came of f(1), f(2) … as `_1`, `_2` …"""
    return {
        name[1:]: value if isinstance(value, Outcome) else Outcome(returned=encode(value))
        for name, value in results.items()
    }


DOUBLES = behaves(_1=2, _2=4, _30=60)
WRONG = behaves(_1=2, _2=5, _30=61)
TOO_MUCH = "x < 10 ** 10 ** 10"
CRASHES = behaves(_1=Outcome(raised="E", detail="E"))

SCOPES = {
    "by position": ((parameter("a"), parameter("b")), "1, [2]", {"a": "1", "b": "[2]"}),
    "by name": ((parameter("a"), parameter("b")), "1, b='x'", {"a": "1", "b": "'x'"}),
    "by default": ((parameter("a"), parameter("b", default="7")), "1", {"a": "1", "b": "7"}),
    "keyword only": ((parameter("a"), parameter("k", "keyword_only", "0")), "1, k=2", {"a": "1", "k": "2"}),
    "too many": ((parameter("a"),), "1, 2", None),
    "too few": ((parameter("a"), parameter("b")), "1", None),
    "twice": ((parameter("a"),), "1, a=2", None),
    "another name": ((parameter("a"),), "1, b=2", None),
    "keyword by position": ((parameter("a", "keyword_only"),), "1", None),
    "star": ((parameter("a"), parameter("rest", "var_positional")), "1, 2, [3]", {"a": "1", "rest": "(2, [3])"}),
    "stars": ((parameter("a", "var_keyword"),), "x=1, y='b'", {"a": "{'x': 1, 'y': 'b'}"}),
    "stars and nothing for them": (
        (parameter("a", "var_positional"), parameter("b", "var_keyword")), "", {"a": "()", "b": "{}"},
    ),
    "no function has these": ((parameter("a"), parameter("a")), "1, 2", None),
    "none": ((), "", {}),
}  # fmt: skip


@pytest.mark.parametrize(("parameters", "arguments", "values"), SCOPES.values(), ids=SCOPES)
async def test_a_scope_names_the_arguments_and_what_they_were(
    parameters: tuple[Parameter, ...], arguments: str, values: dict[str, str] | None
) -> None:
    expected = None if values is None else values | {f"old_{name}": text for name, text in values.items()}
    assert scope(parameters, arguments) == expected


@pytest.mark.parametrize(
    ("assertion", "behaviours", "outcomes"),
    [
        ("ensures result == 2 * x", [DOUBLES], ["passed"]),
        ("ensures result == old_x + x", [DOUBLES], ["passed"]),
        ("ensures result == 2 * x", [WRONG], ["failed"]),
        ("ensures result == 2 * x", [DOUBLES, WRONG], ["passed", "failed"]),
        ("ensures result == 3 * x", [DOUBLES, WRONG], ["skipped", "skipped"]),
        ("ensures result == 3 * x", [DOUBLES, CRASHES], ["failed", "skipped"]),
        ("ensures result == 2 * y", [DOUBLES], ["skipped"]),
        ("ensures result == 2 * x", [CRASHES], []),
        ("ensures result == 2 * x", [], []),
        ("requires x > 0", [DOUBLES], []),
        ("ensures lambda: 1", [DOUBLES], []),
        ("ensures result.__class__ == int", [DOUBLES], []),
        ("ensures not a sentence", [DOUBLES], []),
        (f"ensures {TOO_MUCH}", [DOUBLES], ["skipped"]),
        ("ensures result == 2 * x", [behaves(_1=2, _2=Outcome(returned=["object", "A"]))], ["passed"]),
        ("ensures result == 2 * x", [behaves(_1=2, _2=float("inf"), _3=[float("nan")])], ["passed"]),
    ],
    ids=[
        "holds", "holds of what was", "does not hold", "holds for one", "holds for none, so it is suspected",
        "nobody else was tried", "a name that is not there", "nothing returned", "no candidates", "a precondition",
        "a lambda", "a private name", "not Python", "beyond the limits", "objects are left out",
        "what has no literal is left out",
    ],
)  # fmt: skip
async def test_a_postcondition_is_tried_on_all_that_was_returned(
    assertion: str, behaviours: list[dict[str, Outcome]], outcomes: list[str], sandbox: ProcessSandbox
) -> None:
    found = await check_assertions(spec(assertion), behaviours, sandbox)
    assert [evidence.outcome for each in found for evidence in each] == outcomes
    assert len(found) == len(behaviours)


async def test_the_shortest_counterexample_is_named(sandbox: ProcessSandbox) -> None:
    [[evidence]] = await check_assertions(spec("requires x > 0", "ensures result == 2 * x"), [WRONG], sandbox)
    assert (evidence.clause, evidence.inputs_tried, evidence.counterexample) == ("assertions[1]", 3, "2")
    assert evidence.detail == "ensures result == 2 * x: does not hold for (2)"


INPUTS = ["-1", "0", "1"]


@pytest.mark.parametrize(
    ("assertions", "examples", "admitted"),
    [
        ((), (), {"-1", "0", "1"}),
        (("requires x > 0",), (), {"1"}),
        (("requires x > 0", "requires x < 1"), (), set()),
        (("requires x > 0",), ("f(1) == 2",), {"1"}),
        (("requires x > 0",), ("f(0) == 0",), {"-1", "0", "1"}),
        (("requires x > 0", "requires x >= 0"), ("f(0) == 0",), {"0", "1"}),
        (("requires x > 0",), ("f(-1) raises ValueError",), {"1"}),
        (("requires x.__class__",), (), {"-1", "0", "1"}),
        ((f"requires {TOO_MUCH}",), (), {"-1", "0", "1"}),
        (("ensures x > 0",), (), {"-1", "0", "1"}),
    ],
    ids=[
        "none", "one", "two", "an example keeps it", "an example breaks it, so it is not believed",
        "the other is believed still", "an example that raises may break it", "not a predicate", "beyond the limits",
        "a postcondition",
    ],
)  # fmt: skip
async def test_preconditions_limit_the_inputs(
    assertions: tuple[str, ...], examples: tuple[str, ...], admitted: set[str], sandbox: ProcessSandbox
) -> None:
    assert await domain(spec(*assertions, examples=examples), INPUTS, sandbox) == admitted
