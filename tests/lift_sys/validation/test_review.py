"""What a specification says against itself, found before any code is run. Predicates run in the real sandbox."""

import pytest

from lift_sys.examples import parse
from lift_sys.sandbox import ProcessSandbox
from lift_sys.validation.review import Review, review
from lift_sys.validation.spec import Spec, from_examples
from schemas import Assertion, Example, Parameter

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def parameter(name: str, default: str | None = None) -> Parameter:
    return Parameter.model_validate({"name": name, "type": "int", "kind": "positional", "default": default})


def examples(origin: str, texts: tuple[str, ...]) -> tuple[Example, ...]:
    return tuple(parse(text).example.model_copy(update={"origin": origin}) for text in texts)


def spec(
    *assertions: str,
    user: tuple[str, ...] = (),
    model: tuple[str, ...] = (),
    parameters: tuple[Parameter, ...] = (parameter("x"),),
) -> Spec:
    """An assertion is an origin, a kind and an expression: `guess ensures result > x`."""
    read = [dict(zip(("origin", "kind", "expr"), text.split(" ", 2), strict=True)) for text in assertions]
    clauses = tuple(Assertion.model_validate(fields) for fields in read)
    return Spec("f", parameters, False, examples("user", user), examples("inferred", model), clauses, may_mutate=False)


def said(found: Review) -> dict[str, str]:
    """What is said of each clause, and that all of it is evidence of the same kind."""
    assert {evidence.outcome for evidence in found.evidence} <= {"skipped"}
    assert found.spec.dropped <= {evidence.clause for evidence in found.evidence}
    return {evidence.clause: evidence.detail.partition(": ")[2] for evidence in found.evidence}


DOUBLES = ("f(1) == 2", "f(3) == 6")
TOO_MUCH = "x < 10 ** 10 ** 10"
NOWHERE = "name 'y' is not defined"

DROPPED: dict[str, tuple[Spec, dict[str, str]]] = {
    "nothing is wrong": (spec("guess ensures result == 2 * x", "guess requires x > 0", user=DOUBLES), {}),
    "no predicate": (
        spec("stated ensures eval('1')", "guess ensures result > x", "guess requires a number", user=DOUBLES),
        {
            "assertions[0]": "is no predicate: it calls eval, which is not on the list of harmless functions",
            "assertions[2]": "is no predicate: it is not an expression in Python",
        },
    ),
    "no predicate and no example": (
        spec("guess ensures (yield)"), {"assertions[0]": "is no predicate: it has a yield"}
    ),
    "a guess contradicts the user": (
        spec("guess ensures result == 2 * x", "guess ensures result > 2", user=DOUBLES),
        {"assertions[1]": "contradicts the user's example f(1) == 2"},
    ),
    "what the model calls stated contradicts the user": (
        spec("stated ensures result > 2", user=DOUBLES, model=("f(5) == 10",)),
        {"assertions[0]": "contradicts the user's example f(1) == 2"},
    ),
    "a precondition contradicts the user": (
        spec("stated requires x > 1", user=DOUBLES), {"assertions[0]": "contradicts the user's example f(1) == 2"}
    ),
    "a precondition of a result": (
        spec("guess requires result > 1", user=("f(1) == 2",)),
        {
            "assertions[0]": "cannot be evaluated for the user's example f(1) == 2: "
            "NameError: name 'result' is not defined",
        },
    ),
    "a precondition that the user's error breaks": (
        spec("guess requires x > 0", user=(*DOUBLES, "f(-1) raises ValueError")), {}
    ),
    "it cannot be evaluated for the user's example": (
        spec("guess ensures result[0] <= result[-1]", user=("f([2, 1]) == [1, 2]", "f([]) == []")),
        {
            "assertions[0]": "cannot be evaluated for the user's example f([]) == []: "
            "IndexError: list index out of range",
        },
    ),
    "a guess holds for none of the model's examples": (
        spec("guess ensures result == 3 * x", model=("f(1) == 2", "f(2) == 4")),
        {"assertions[0]": "contradicts the model's example f(1) == 2, and holds for no other"},
    ),
    "a name that is not there": (
        spec("implied ensures result == 2 * y", model=("f(1) == 2", "f(2) == 4")),
        {
            "assertions[0]": f"cannot be evaluated for the model's example f(1) == 2: NameError: {NOWHERE}, "
            "and holds for no other",
        },
    ),
    "a statement of the request that holds for none of two": (
        spec("stated ensures result == 3 * x", model=("f(1) == 2", "f(2) == 4")),
        {"assertions[0]": "contradicts the model's example f(1) == 2, and holds for no other"},
    ),
    "a statement of the request against one": (
        spec("stated ensures result == 3 * x", model=("f(1) == 2", "f(0) raises ValueError")),
        {"examples.inferred[0]": "contradicts what the request states: ensures result == 3 * x"},
    ),
    "an example of the model contradicts a statement of the request": (
        spec("stated ensures result == 2 * x", user=DOUBLES, model=("f(4) == 8", "f(5) == 25")),
        {"examples.inferred[1]": "contradicts what the request states: ensures result == 2 * x"},
    ),
    "an example of the model breaks a precondition of the request": (
        spec("stated requires x > 0", user=DOUBLES, model=("f(-1) == -2", "f(-2) raises ValueError")),
        {"examples.inferred[0]": "contradicts what the request states: requires x > 0"},
    ),
    "an example of the model contradicts the user's": (
        spec(user=DOUBLES, model=("f(3) == 9", "f(4) == 8")),
        {"examples.inferred[0]": "contradicts the user's example f(3) == 6"},
    ),
    "it is spelt otherwise": (
        spec(user=("f(1, [2]) == 3",), model=("f(x=1,  y=[ 2 ]) == 4",), parameters=(parameter("x"), parameter("y"))),
        {"examples.inferred[0]": "contradicts the user's example f(1, [2]) == 3"},
    ),
    "it is the same, spelt otherwise": (spec(user=("f(1) == [2, 3]",), model=("f(1) == [2,3]", "f(x=1)==[2, 3]")), {}),
    "it raises and the user's does not": (
        spec(user=("f(0) == 0",), model=("f(0) raises ValueError",)),
        {"examples.inferred[0]": "contradicts the user's example f(0) == 0"},
    ),
    "the user's raises and it does not": (
        spec(user=("f(0) raises ValueError",), model=("f(0) == 0", "f(1) == 2")),
        {"examples.inferred[0]": "contradicts the user's example f(0) raises ValueError"},
    ),
    "an example that was dropped refutes nothing": (
        spec("guess ensures result == 2 * x", user=("f(3) == 6",), model=("f(3) == 9",)),
        {"examples.inferred[0]": "contradicts the user's example f(3) == 6"},
    ),
    "it says nothing": (
        spec("guess ensures True", "guess ensures result == 2 * x", user=DOUBLES),
        {"assertions[0]": "never rejects any of 10 wrong results, so it says nothing"},
    ),
    "it says nothing of the result": (
        spec("stated ensures x > 0", user=("f(5) == 10",)),
        {"assertions[0]": "never rejects any of 5 wrong results, so it says nothing"},
    ),
    "too few wrong results": (spec("guess ensures True", user=("f(5) == True",)), {}),
    "what is beyond the limits stays": (
        spec(f"guess requires {TOO_MUCH}", "guess ensures result == 3 * x", user=DOUBLES),
        {"assertions[1]": "contradicts the user's example f(1) == 2"},
    ),
    "what is evaluated with it stays": (
        spec(f"guess ensures {TOO_MUCH}", "guess ensures result == 3 * x", user=DOUBLES), {}
    ),
    "the user's example does not fit the parameters": (spec("guess ensures result > 9", user=("f(1, 2) == 3",)), {}),
    "no parameters are known": (from_examples("f", examples("user", DOUBLES)), {}),
}  # fmt: skip


@pytest.mark.parametrize(("held_to", "reasons"), DROPPED.values(), ids=DROPPED)
async def test_what_is_of_no_use_is_dropped_with_the_reason(
    held_to: Spec, reasons: dict[str, str], sandbox: ProcessSandbox
) -> None:
    found = await review(held_to, sandbox)
    assert said(found) == reasons
    assert found.spec.dropped == reasons.keys()
    assert found.spec.clauses() == held_to.clauses()


DOUBTED = {
    "it contradicts one": ("f(2) == 5", "in doubt: contradicts the model's example f(2) == 5"),
    "it cannot be evaluated for one": (
        "f(2) == None",
        "in doubt: cannot be evaluated for the model's example f(2) == None: "
        "TypeError: '<' not supported between instances of 'int' and 'NoneType'",
    ),
}


@pytest.mark.parametrize(("example", "reason"), DOUBTED.values(), ids=DOUBTED)
async def test_where_the_model_contradicts_itself_both_stay_and_are_doubted(
    example: str, reason: str, sandbox: ProcessSandbox
) -> None:
    found = await review(spec("guess ensures 0 < result == 2 * x", model=("f(1) == 2", example)), sandbox)
    assert found.spec.dropped == frozenset()
    assert said(found) == {"assertions[0]": reason}


async def test_evidence_names_the_clause_its_origin_and_its_text(sandbox: ProcessSandbox) -> None:
    found = await review(spec("implied ensures result > 2", user=DOUBLES, model=("f(3) == 9",)), sandbox)
    assert [(e.clause, e.kind, e.origin, e.detail) for e in found.evidence] == [
        (
            "examples.inferred[0]", "example", "inferred",
            "f(3) == 9: contradicts the user's example f(3) == 6",
        ),
        (
            "assertions[0]", "assertion", "implied",
            "ensures result > 2: contradicts the user's example f(1) == 2",
        ),
    ]  # fmt: skip


STRENGTHS: dict[str, tuple[Spec, float | None]] = {
    "it rejects all": (spec("guess ensures result == 2 * x", user=DOUBLES), 1.0),
    # Of f(3) == 6: None, 7, 5, -6, 0.
    "it rejects a part": (spec("guess ensures result % 2 == 0", user=("f(3) == 6",)), 3 / 5),
    "two reject more": (spec("guess ensures result % 2 == 0", "guess ensures result > x", user=("f(3) == 6",)), 1.0),
    "of all examples": (spec("guess ensures result % 2 == 0", user=("f(3) == 6",), model=("f(0) == 0",)), 6 / 8),
    "a type alone": (spec("guess ensures isinstance(result, int)", user=("f(3) == 6",)), 1 / 5),
    "a vacuous one does not count": (spec("guess ensures result == result", user=("f(3) == 6",)), None),
    "a false one does not count": (spec("guess ensures result < 0", user=("f(3) == 6",)), None),
    "an example that is dropped does not count": (
        spec("stated ensures result % 2 == 0", user=("f(3) == 6",), model=("f(1) == 1",)), 3 / 5
    ),
    "a precondition does not count": (spec("guess requires x > 0", user=DOUBLES), None),
    "nothing is asserted": (spec(user=DOUBLES), None),
    "no example": (spec("guess ensures result == 2 * x"), None),
    "no example that returns": (spec("guess ensures result == 2 * x", user=("f(3) raises ValueError",)), None),
    "beyond the limits": (spec(f"guess ensures {TOO_MUCH}", "guess ensures result == 2 * x", user=DOUBLES), None),
    "a list that is sorted": (
        spec("guess ensures sorted(x) == result", user=("f([2, 1]) == [1, 2]", "f([]) == []")), 1.0
    ),
    "what was before the call": (spec("guess ensures len(result) == len(old_x)", user=("f([2, 1]) == [1, 2]",)), 4 / 8),
    "a default": (
        spec("guess ensures result == x + y", user=("f(1) == 3",), parameters=(parameter("x"), parameter("y", "2"))),
        1.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("held_to", "share"), STRENGTHS.values(), ids=STRENGTHS)
async def test_the_strength_is_the_share_of_wrong_results_that_are_rejected(
    held_to: Spec, share: float | None, sandbox: ProcessSandbox
) -> None:
    assert (await review(held_to, sandbox)).strength == pytest.approx(share)
