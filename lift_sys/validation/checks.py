"""One function a kind of clause: each looks at what a candidate did and returns evidence. None of them raises."""

import ast
import json
from collections.abc import Iterator

from lift_sys.jail.values import TooLarge, Tree, decode, encode, same
from lift_sys.sandbox import Outcome, Report
from lift_sys.validation.spec import Spec, why_unusable
from schemas.ir import Example
from schemas.verdict import Evidence

FORBIDDEN_MODULES = frozenset(
    {
        *("os", "sys", "subprocess", "multiprocessing", "threading", "signal", "pty", "resource", "fcntl", "mmap"),
        *("socket", "http", "urllib", "ftplib", "smtplib", "ssl", "shutil", "pathlib", "tempfile", "glob"),
        *("ctypes", "importlib", "builtins", "inspect", "gc", "_thread"),
    }
)
"""A pure function has no use for these. The sandbox holds without this list: it is a clearer answer, sooner."""

_KINDS = {
    "positional": {"POSITIONAL_OR_KEYWORD", "POSITIONAL_ONLY"},
    "keyword_only": {"KEYWORD_ONLY", "POSITIONAL_OR_KEYWORD"},
    "var_positional": {"VAR_POSITIONAL"},
    "var_keyword": {"VAR_KEYWORD"},
}


def check_static(report: Report, spec: Spec) -> Iterator[Evidence]:
    """Does it parse, import, keep to harmless modules, and define the function with the signature asked for?"""
    if report.trouble:
        yield _static(report.trouble.clause, "failed", report.trouble.detail)
        return
    yield _static("parse", "passed", "parses and compiles")
    forbidden = sorted(FORBIDDEN_MODULES.intersection(report.imports))
    if forbidden:
        yield _static("imports", "failed", f"imports {', '.join(forbidden)}, which no pure function needs")
    else:
        yield _static("imports", "passed", f"imports {', '.join(report.imports) or 'nothing'}")
    wrong = _wrong_signature(report, spec)
    yield _static("signature", "failed" if wrong else "passed", wrong or f"defines {spec.function} as asked")


def _static(clause: str, outcome: str, detail: str) -> Evidence:
    return Evidence.model_validate(
        {"clause": clause, "kind": "static", "origin": "rule", "outcome": outcome, "detail": detail}
    )


def _wrong_signature(report: Report, spec: Spec) -> str | None:
    """What is wrong, or None. More parameters than asked for are fine as long as they have defaults."""
    if spec.parameters is None or report.parameters is None:
        return None
    if report.is_async != spec.is_async:
        return f"is {'' if report.is_async else 'not '}a coroutine function"
    have = list(report.parameters)
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
        return encode(ast.literal_eval(text))
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


def check_purity(spec: Spec, outcomes: tuple[Outcome, ...]) -> Iterator[Evidence]:
    if spec.may_mutate or not outcomes:
        return
    changed = sum(o.mutated for o in outcomes)
    yield Evidence(
        clause="effects.pure",
        kind="static",
        origin="inferred",
        outcome="failed" if changed else "passed",
        detail=f"changed its arguments in {changed} of {len(outcomes)} calls"
        if changed
        else "left its arguments alone",
        inputs_tried=len(outcomes),
    )
