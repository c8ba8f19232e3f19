"""A specification against itself: its predicates, tried on the results that its examples state, and on wrong ones."""

import asyncio
from collections.abc import Mapping

from lift_sys.sandbox import Holding, Sandbox
from lift_sys.validation.assertions import Scope, scope
from lift_sys.validation.mistakes import wrong_results
from lift_sys.validation.spec import Spec, why_unusable
from schemas.ir import Assertion

Column = tuple[str, int]
"""The clause of an example, and a result of that call: 0 is the right one, all others are wrong."""
Row = Mapping[Column, Holding]
Trials = Mapping[str, Row]
"""How each predicate holds, by its clause. A precondition is tried without a result, so on no wrong one."""


async def try_predicates(spec: Spec, sandbox: Sandbox) -> Trials:
    """Without those that the sandbox could not evaluate within its limits. Raises `SandboxUnavailable`."""
    calls = _calls(spec)
    before = {(clause, 0): values for clause, values in calls.items()}
    after = {
        (clause, index): values | {"result": result}
        for clause, values in calls.items()
        for index, result in enumerate(_results(spec.examples()[clause].value))
    }
    requires, ensures = await asyncio.gather(
        _try(spec.predicates("requires"), before, sandbox), _try(spec.predicates("ensures"), after, sandbox)
    )
    return {**requires, **ensures}


def _calls(spec: Spec) -> dict[str, Scope]:
    """The arguments of each example that returns and fits the parameters, by clause."""
    usable = {clause: e for clause, e in spec.examples().items() if e.expect == "returns" and not why_unusable(e)}
    scopes = {clause: scope(spec.parameters or (), e.arguments) for clause, e in usable.items()}
    return {clause: values for clause, values in scopes.items() if values is not None}


def _results(value: str) -> tuple[str, ...]:
    return (value, *wrong_results(value))


async def _try(predicates: Mapping[str, Assertion], columns: Mapping[Column, Scope], sandbox: Sandbox) -> Trials:
    if not predicates or not columns:
        return {}
    holdings = await sandbox.evaluate([p.expr for p in predicates.values()], list(columns.values()))
    if holdings is None:
        return {}
    rows = zip(predicates, holdings.outcomes, strict=True)
    return {clause: dict(zip(columns, row, strict=True)) for clause, row in rows}


def of_right(row: Row) -> dict[str, Holding]:
    """How a predicate holds for what the examples state, by the example's clause."""
    return {clause: holding for (clause, index), holding in row.items() if index == 0}


def of_wrong(row: Row) -> dict[Column, bool]:
    """Whether a predicate holds for each wrong result. One that cannot be evaluated does not."""
    return {column: holding.holds for column, holding in row.items() if column[1] > 0}


def without(trials: Trials, dropped: frozenset[str]) -> Trials:
    return {
        clause: {column: holding for column, holding in row.items() if column[0] not in dropped}
        for clause, row in trials.items()
        if clause not in dropped
    }


def strength(trials: Trials) -> float | None:
    """The share of wrong results that the postconditions reject together; None when none was tried."""
    rows = [wrong for row in trials.values() if (wrong := of_wrong(row))]
    if not rows:
        return None
    rejected = [not all(row[column] for row in rows) for column in rows[0]]
    return sum(rejected) / len(rejected)
