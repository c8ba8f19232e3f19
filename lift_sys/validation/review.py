"""Checks of the specification before any code is run: what contradicts the user, or says nothing, is dropped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lift_sys import syntax
from lift_sys.jail.values import encode, same
from lift_sys.sandbox import Holding, Sandbox
from lift_sys.validation.assertions import scope
from lift_sys.validation.checks import expectation
from lift_sys.validation.predicate import why_no_predicate
from lift_sys.validation.spec import Spec, why_unusable
from lift_sys.validation.trials import Trials, of_right, of_wrong, strength, try_predicates, without
from schemas.ir import Assertion, Example
from schemas.verdict import Evidence

FEWEST_WRONG_RESULTS = 3
"""A predicate that accepts all of fewer may say something still."""


@dataclass(frozen=True)
class Review:
    spec: Spec
    """Without what was dropped. All other clauses keep their numbers."""
    evidence: tuple[Evidence, ...]
    """On each clause that was dropped, or is in doubt."""
    strength: float | None
    """The share of wrong results that the postconditions reject together; None when none could be tried."""


_Reasons = Iterator[tuple[str, str]]
"""Clauses, each with what is wrong with it."""


async def review(spec: Spec, sandbox: Sandbox) -> Review:
    """What cannot be evaluated within the limits is left as it is. Raises `SandboxUnavailable`."""
    reasons = dict(_no_predicates(spec)) | dict(_against_the_user(spec))
    spec = _drop(spec, reasons)
    trials = await try_predicates(spec, sandbox)
    for find in (_untrue, _overruled, _vacuous):
        found = dict(find(spec, trials))
        reasons |= found
        spec = _drop(spec, found)
        trials = without(trials, spec.dropped)
    reasons |= dict(_doubtful(spec, trials))
    evidence = tuple(_evidence(spec, clause, reasons[clause]) for clause in spec.clauses() if clause in reasons)
    return Review(spec, evidence, strength(trials))


def _drop(spec: Spec, reasons: Mapping[str, str]) -> Spec:
    return replace(spec, dropped=spec.dropped | reasons.keys())


def _no_predicates(spec: Spec) -> _Reasons:
    for clause, said in spec.clauses().items():
        if isinstance(said, Assertion) and (why := why_no_predicate(said.expr)):
            yield clause, f"is no predicate: {why}"


def _against_the_user(spec: Spec) -> _Reasons:
    """Inferred examples of a call of which the user says something else."""
    for clause, guess in spec.examples().items():
        if guess.origin == "user" or why_unusable(guess):
            continue
        for stated in spec.stated:
            if _call(spec, guess) == _call(spec, stated) and not _agree(guess, stated):
                yield clause, f"contradicts {_named(spec, stated)}"


def _call(spec: Spec, example: Example) -> object:
    """What it calls with, however it is spelt."""
    return scope(spec.parameters or (), example.arguments) or example.arguments


def _agree(one: Example, other: Example) -> bool:
    if (one.expect, other.expect) != ("returns", "returns"):
        return (one.expect, one.value) == (other.expect, other.value)
    try:
        return same(encode(syntax.literal(one.value)), encode(syntax.literal(other.value)))
    except ValueError:  # too large to be a result
        return False


def _untrue(spec: Spec, trials: Trials) -> _Reasons:
    """Assertions that an example of the user breaks, or that all examples break."""
    examples = spec.examples()
    for clause, row in trials.items():
        right = of_right(row)
        broken = {example: holding for example, holding in right.items() if not holding.holds}
        of_user = next((example for example in broken if examples[example].origin == "user"), None)
        if of_user:
            yield clause, _against(spec, of_user, broken[of_user])
        elif right.keys() == broken.keys() and len(broken) >= _fewest(spec, clause):
            yield clause, f"{_against(spec, *next(iter(broken.items())))}, and holds for no other"


def _fewest(spec: Spec, clause: str) -> int:
    """How many guessed examples refute an assertion. A single one does not refute what the request states."""
    return 2 if spec.clauses()[clause].origin == "stated" else 1


def _overruled(spec: Spec, trials: Trials) -> _Reasons:
    """Inferred examples that break what the request states. None of the user's is among them: see `_untrue`."""
    for clause, row in trials.items():
        said = spec.clauses()[clause]
        for example, holding in of_right(row).items():
            if said.origin == "stated" and not holding.holds and holding.raised is None:
                yield example, f"contradicts what the request states: {_text(spec, said)}"


def _vacuous(spec: Spec, trials: Trials) -> _Reasons:
    for clause, row in trials.items():
        wrong = of_wrong(row)
        if len(wrong) >= FEWEST_WRONG_RESULTS and all(wrong.values()):
            yield clause, f"never rejects any of {len(wrong)} wrong results, so it says nothing"


def _doubtful(spec: Spec, trials: Trials) -> _Reasons:
    """Assertions that some inferred examples break: nobody knows which of the two is wrong."""
    for clause, row in trials.items():
        broken = [(example, holding) for example, holding in of_right(row).items() if not holding.holds]
        if broken:
            yield clause, f"in doubt: {_against(spec, *broken[0])}"


def _against(spec: Spec, clause: str, holding: Holding) -> str:
    named = _named(spec, spec.examples()[clause])
    return f"cannot be evaluated for {named}: {holding.raised}" if holding.raised else f"contradicts {named}"


def _named(spec: Spec, example: Example) -> str:
    return f"the {'user' if example.origin == 'user' else 'model'}'s example {_text(spec, example)}"


def _text(spec: Spec, said: Assertion | Example) -> str:
    """A clause in Python."""
    if isinstance(said, Assertion):
        return f"{said.kind} {said.expr}"
    return f"{spec.function}({said.arguments}) {expectation(said)}"


def _evidence(spec: Spec, clause: str, reason: str) -> Evidence:
    said = spec.clauses()[clause]
    return Evidence(
        clause=clause,
        kind="assertion" if isinstance(said, Assertion) else "example",
        origin=said.origin,
        outcome="skipped",
        detail=f"{_text(spec, said)}: {reason}",
    )
