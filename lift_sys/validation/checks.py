"""One function a kind of clause: each looks at what a candidate did and returns evidence. None of them raises."""

import json
from collections.abc import Iterator, Mapping, Sequence

from lift_sys import syntax
from lift_sys.jail.values import TooLarge, Tree, decode, encode, same
from lift_sys.report import CUT_SHORT, Inspection, Outcome, Report
from lift_sys.validation.conformance import conforms
from lift_sys.validation.spec import Spec, why_unusable
from schemas.ir import Example
from schemas.verdict import Evidence

_REFUSED_EFFECTS = ("files", "network", "process")
"""What no function needs that is asked for here. The jail holds without this: it is a clearer answer, sooner."""

_SLIPS = {"NameError", "UnboundLocalError"}
_KINDS = {
    "positional": {"POSITIONAL_OR_KEYWORD", "POSITIONAL_ONLY"},
    "keyword_only": {"KEYWORD_ONLY", "POSITIONAL_OR_KEYWORD"},
    "var_positional": {"VAR_POSITIONAL"},
    "var_keyword": {"VAR_KEYWORD"},
}


def check_static(inspection: Inspection, report: Report, spec: Spec) -> Iterator[Evidence]:
    """Does it parse, import, keep to itself, and define the function with the signature asked for?"""
    trouble = inspection.trouble or report.trouble
    if trouble:
        yield _static(trouble.clause, "failed", trouble.detail)
        return
    yield _static("parse", "passed", "parses and compiles")
    yield _static("imports", "passed", _imports(inspection, spec))
    yield _outside(inspection)
    wrong = _wrong_signature(inspection if inspection.parameters is not None else report, spec)
    yield _static("signature", "failed" if wrong else "passed", wrong or f"defines {spec.function} as asked")
    if inspection.hints:
        yield _static("resources", "skipped", "; ".join(f"line {h.line}: {h.what}" for h in inspection.hints))


def _imports(inspection: Inspection, spec: Spec) -> str:
    """Modules from beyond the standard library fail where they are imported; others do no harm by being imported."""
    declared = set(spec.effects.imports) if spec.effects else set(inspection.imports)
    undeclared = [name for name in inspection.imports if name not in declared]
    said = f"imports {', '.join(inspection.imports) or 'nothing'}"
    return f"{said}; {', '.join(undeclared)} beyond what is declared" if undeclared else said


def _outside(inspection: Inspection) -> Evidence:
    found = [e for e in inspection.effects if e.effect in _REFUSED_EFFECTS]
    if not found:
        return _static("effects", "passed", "reaches no file, network or process")
    return _static("effects", "failed", f"line {found[0].line}: {found[0].what} ({found[0].effect})")


def check_effects(inspection: Inspection, spec: Spec) -> Iterator[Evidence]:
    """Is there nothing that the IR does not allow? It is the model's word, so a breach is a doubt and no veto."""
    if spec.effects is None or inspection.trouble:
        return
    allowed = (*spec.effects.allowed, *_REFUSED_EFFECTS)
    found = [e for e in inspection.effects if e.effect not in allowed]
    what = ", ".join(sorted({f"{e.what} ({e.effect}, line {e.line})" for e in found}))
    yield _effect("effects.allowed", not found, f"does {what}" if found else "does nothing beyond what is allowed")


def _effect(clause: str, held: bool, detail: str, tried: int = 0, counterexample: str | None = None) -> Evidence:
    return Evidence(
        clause=clause,
        kind="static",
        origin="inferred",
        outcome="passed" if held else "failed",
        detail=detail,
        inputs_tried=tried,
        counterexample=counterexample,
    )


def _static(clause: str, outcome: str, detail: str) -> Evidence:
    return Evidence.model_validate(
        {"clause": clause, "kind": "static", "origin": "rule", "outcome": outcome, "detail": detail}
    )


def _wrong_signature(facts: Inspection | Report, spec: Spec) -> str | None:
    """What is wrong, or None. More parameters than asked for are fine as long as they have defaults."""
    if spec.parameters is None or facts.parameters is None:
        return None
    if facts.is_async != spec.is_async:
        return f"is {'' if facts.is_async else 'not '}a coroutine function"
    have = list(facts.parameters)
    for index, wanted in enumerate(spec.parameters):
        if index >= len(have):
            return f"takes {len(have)} parameters, not {len(spec.parameters)}"
        if have[index].kind not in _KINDS[wanted.kind]:
            return f"parameter {have[index].name} is {have[index].kind.lower()}, not {wanted.kind}"
        if wanted.kind == "keyword_only" and have[index].name != wanted.name:
            return f"the keyword {wanted.name} is missing"
        if wanted.default is not None and have[index].required:
            return f"parameter {have[index].name} has no default"
    extra = [p.name for p in have[len(spec.parameters) :] if p.required and not p.kind.startswith("VAR_")]
    return f"asks for {', '.join(extra)} too" if extra else None


def check_example(clause: str, function: str, example: Example, outcome: Outcome | None) -> Evidence:
    """Did the call end as the example says? Values are compared here, outside the jail, type by type."""
    unusable = why_unusable(example)
    if unusable or outcome is None:
        return _example(clause, example, "skipped", unusable or "the function could not be called")
    call = f"{function}({example.arguments})"
    if meets(example, outcome):
        return _example(clause, example, "passed", f"{call} {expectation(example)}")
    detail = f"{call} should have {'raised' if example.expect == 'raises' else 'returned'} {example.value}"
    return _example(clause, example, "failed", f"{detail}, but {describe(outcome)}", counterexample=call)


def _example(
    clause: str, example: Example, outcome: str, detail: str, *, counterexample: str | None = None
) -> Evidence:
    return Evidence.model_validate(
        {
            "clause": clause,
            "kind": "example",
            "origin": example.origin,
            "outcome": outcome,
            "detail": detail,
            "inputs_tried": 0 if outcome == "skipped" else 1,
            "counterexample": counterexample,
        }
    )


def expectation(example: Example) -> str:
    return f"raises {example.value}" if example.expect == "raises" else f"== {example.value}"


def meets(example: Example, outcome: Outcome) -> bool:
    if example.expect == "raises":
        return example.value in (outcome.raised, *outcome.kinds)
    return outcome.returned is not None and same(_literal_tree(example.value), outcome.returned)


def _literal_tree(text: str) -> Tree:
    try:
        return encode(syntax.literal(text))
    except TooLarge:
        return ["object", "too large"]


def describe(outcome: Outcome) -> str:
    """What happened, in words short enough for a report."""
    if outcome.raised:
        return f"raised {outcome.detail}"
    try:
        text = repr(decode(outcome.returned or []))
    except ValueError:
        text = json.dumps(outcome.returned)
    return f"returned {text if len(text) <= 200 else text[:200] + '…'}"


def check_purity(spec: Spec, outcomes: Sequence[Outcome]) -> Iterator[Evidence]:
    if spec.may_mutate or not outcomes:
        return
    changed = sum(o.mutated for o in outcomes)
    told = f"changed its arguments in {changed} of {len(outcomes)} calls" if changed else "left its arguments alone"
    yield _effect("effects.pure", not changed, told, len(outcomes))


def check_printing(spec: Spec, outcomes: Sequence[Outcome]) -> Iterator[Evidence]:
    if spec.effects is None or "stdout" in spec.effects.allowed or not outcomes:
        return
    printed = [o.printed for o in outcomes if o.printed]
    told = f"printed {printed[0][:80]!r}" if printed else "printed nothing"
    yield _effect("effects.stdout", not printed, told, len(outcomes))


def check_repeatable(spec: Spec, first: Mapping[str, Outcome], second: Mapping[str, Outcome]) -> Iterator[Evidence]:
    """Does it do the same in another process, where sets have another order? What was cut short is no answer."""
    if spec.effects and {"random", "reads_clock"} & set(spec.effects.allowed):
        return
    both = [text for text in first if text in second and not (first[text].is_cut_short or second[text].is_cut_short)]
    differing = [text for text in both if first[text].key != second[text].key]
    if differing:
        text = min(differing, key=len)
        told = f"({text}) {describe(first[text])} in one process, and {describe(second[text])} in another"
        yield _effect("effects.repeatable", False, told, len(both), f"{spec.function}({text})")
    elif both:
        yield _effect("effects.repeatable", True, "did the same in two processes with other hashes", len(both))


def check_raising(spec: Spec, examples: Sequence[Example], behaviour: Mapping[str, Outcome]) -> Iterator[Evidence]:
    """What it raised that nobody announced. Beyond the examples nobody knows whether that is wrong: so it is told.

    A name that is not defined is wrong whatever the input.
    """
    if spec.effects is None or not behaviour:
        return
    announced = {*spec.effects.raises, *(e.value for e in examples if e.expect == "raises")} | CUT_SHORT
    surprises = {
        text: outcome.raised
        for text, outcome in behaviour.items()
        if outcome.raised and not announced & {outcome.raised, *outcome.kinds}
    }
    if not surprises:
        yield _effect("effects.raises", True, "raised nothing that is not announced", len(behaviour))
        return
    slips = {text: raised for text, raised in surprises.items() if raised in _SLIPS}
    text = min(slips or surprises, key=len)
    told = f"({text}) raised {surprises[text]}, which is not announced; {len(surprises)} of {len(behaviour)} inputs did"
    found = _effect("effects.raises", False, told, len(behaviour), f"{spec.function}({text})")
    yield found if slips else found.model_copy(update={"outcome": "skipped"})


def check_returned(spec: Spec, examples: Sequence[Example], behaviour: Mapping[str, Outcome]) -> Iterator[Evidence]:
    """Is each result of the type announced? A type that an example's own result does not have is not believed."""
    returned = {text: outcome.returned for text, outcome in behaviour.items() if outcome.returned is not None}
    expected = [_literal_tree(e.value) for e in examples if e.expect == "returns" and not why_unusable(e)]
    if spec.returns is None or not returned or not all(conforms(tree, spec.returns) for tree in expected):
        return
    wrong = [text for text, tree in returned.items() if not conforms(tree, spec.returns)]
    if not wrong:
        yield _effect("signature.returns", True, f"always returned {spec.returns}", len(returned))
        return
    text = min(wrong, key=len)
    told = f"({text}) {describe(behaviour[text])}, which is not {spec.returns}"
    yield _effect("signature.returns", False, told, len(returned), f"{spec.function}({text})")
