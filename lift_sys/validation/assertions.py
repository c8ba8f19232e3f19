"""Predicates over many inputs. They run in the sandbox too: a model wrote them."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lift_sys import syntax
from lift_sys.examples import is_literal
from lift_sys.jail.values import decode
from lift_sys.sandbox import Holding, Outcome, Sandbox
from lift_sys.signatures import signature
from lift_sys.validation.spec import Spec
from schemas.ir import Assertion, Parameter
from schemas.verdict import Evidence

Behaviour = Mapping[str, Outcome]
"""How a candidate's call ended, by argument text."""
Scope = dict[str, str]
"""Names and their values as literals."""


@dataclass(frozen=True)
class _Clause:
    clause: str
    assertion: Assertion

    def evidence(self, outcome: str, detail: str, tried: int = 0, counterexample: str | None = None) -> Evidence:
        return Evidence.model_validate(
            {
                "clause": self.clause,
                "kind": "assertion",
                "origin": self.assertion.origin,
                "outcome": outcome,
                "detail": f"{self.assertion.kind} {self.assertion.expr}: {detail}",
                "inputs_tried": tried,
                "counterexample": counterexample,
            }
        )


def _clauses(spec: Spec, kind: Literal["requires", "ensures"]) -> list[_Clause]:
    return [_Clause(clause, assertion) for clause, assertion in spec.predicates(kind).items()]


def scope(parameters: Sequence[Parameter], arguments: str) -> Scope | None:
    """The parameters' values in a call, and the same as `old_…`; None when the arguments do not fit."""
    call = syntax.call(arguments)
    try:
        bound = signature(parameters).bind(*call.args, **{str(k.arg): k.value for k in call.keywords})
    except (TypeError, ValueError):
        return None
    bound.apply_defaults()
    values = {name: _text(value) for name, value in bound.arguments.items()}
    return values | {f"old_{name}": text for name, text in values.items()}


def _text(value: str | ast.expr | tuple[ast.expr, ...] | dict[str, ast.expr]) -> str:
    """The literal of a default, an argument, or of all the rest that a parameter with stars takes."""
    match value:
        case str():
            return value
        case tuple():
            return ast.unparse(ast.Tuple(list(value), ast.Load()))
        case dict():
            return ast.unparse(ast.Dict([ast.Constant(name) for name in value], list(value.values())))
    return ast.unparse(value)


async def domain(spec: Spec, inputs: Sequence[str], sandbox: Sandbox) -> frozenset[str]:
    """The inputs that the preconditions admit. A precondition that an example breaks is not believed."""
    clauses = _clauses(spec, "requires")
    scopes = {text: bound for text in inputs if (bound := scope(spec.parameters or (), text)) is not None}
    if not clauses or not scopes:
        return frozenset(inputs)
    holdings = await sandbox.evaluate([c.assertion.expr for c in clauses], list(scopes.values()))
    if holdings is None:
        return frozenset(inputs)
    examples = {e.arguments for e in spec.examples().values() if e.expect == "returns"}
    rows = [dict(zip(scopes, row, strict=True)) for row in holdings.outcomes]
    believed = [row for row in rows if all(h.holds for text, h in row.items() if text in examples)]
    refused = {text for row in believed for text, holding in row.items() if not holding.holds}
    return frozenset(inputs) - refused


async def check_assertions(spec: Spec, behaviours: Sequence[Behaviour], sandbox: Sandbox) -> list[list[Evidence]]:
    """For each candidate, evidence on each clause; what no candidate satisfies is suspected instead of them."""
    clauses = _clauses(spec, "ensures")
    runs = [_returned(spec, behaviour) for behaviour in behaviours]
    everything = [bound for run in runs for bound in run.values()]
    if not clauses or not everything:
        return [[] for _ in behaviours]
    holdings = await sandbox.evaluate([c.assertion.expr for c in clauses], everything)
    if holdings is None:
        skipped = [c.evidence("skipped", "could not be evaluated within the limits") for c in clauses]
        return [skipped for _ in behaviours]
    found: list[list[Evidence]] = [[] for _ in behaviours]
    for clause, row in zip(clauses, holdings.outcomes, strict=True):
        for evidence, one in zip(found, _judge(clause, runs, row), strict=True):
            evidence.append(one)
    return found


def _returned(spec: Spec, behaviour: Behaviour) -> dict[str, Scope]:
    """The scopes, by arguments, of the calls that returned a literal, which no infinity has."""
    scopes = {}
    for arguments, outcome in behaviour.items():
        bound = scope(spec.parameters or (), arguments)
        if bound is None or outcome.returned is None:
            continue
        try:
            result = repr(decode(outcome.returned))
        except ValueError:
            continue
        if is_literal(result):
            scopes[arguments] = bound | {"result": result}
    return scopes


def _judge(clause: _Clause, runs: Sequence[Mapping[str, Scope]], row: Sequence[Holding]) -> list[Evidence]:
    """One clause over all candidates; `row` is their scopes' holdings, one candidate after the other."""
    found, start = [], 0
    for run in runs:
        holdings = dict(zip(run, row[start : start + len(run)], strict=True))
        start += len(run)
        found.append(_judge_one(clause, holdings))
    tried = [e for e, run in zip(found, runs, strict=True) if run]
    if len(tried) > 1 and all(e.outcome == "failed" for e in tried):
        suspected = clause.evidence("skipped", "no variation satisfies it, so the clause itself is in doubt")
        return [suspected for _ in found]
    return found


def _judge_one(clause: _Clause, holdings: Mapping[str, Holding]) -> Evidence:
    broken = {arguments: h for arguments, h in holdings.items() if not h.holds}
    if not holdings or all(h.raised for h in holdings.values()):
        return clause.evidence("skipped", "could not be evaluated")
    if not broken:
        return clause.evidence("passed", f"holds for {len(holdings)} inputs", len(holdings))
    shortest = min(broken, key=len)
    return clause.evidence("failed", f"does not hold for ({shortest})", len(holdings), shortest)
