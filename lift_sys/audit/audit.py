"""One task after the other: run the solution, judge it, then make slips in it and judge those."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from lift_sys.audit.dataset import Task
from lift_sys.audit.evidence import specs
from lift_sys.audit.mutants import Mutant, mutants
from lift_sys.audit.rows import Judged, JudgedMutant, Row
from lift_sys.jail.values import Tree, decode, same
from lift_sys.report import Outcome, Report
from lift_sys.sandbox import Sandbox
from lift_sys.validation.judge import judge
from lift_sys.validation.spec import Spec
from schemas.verdict import Verdict

MOST_PLUS = 100
"""Inputs of a task's second list that are tried, spread evenly over it."""
_AT_ONCE = 4
_LONGEST_REASON = 300

Reference = Mapping[str, Outcome]
"""How the solution's calls ended, by argument text: those that returned something equal to itself."""


async def audit(
    tasks: Sequence[tuple[str, Task]], sandbox: Sandbox, *, most: int, seed: int, on_row: Callable[[Row], None]
) -> list[Row]:
    """A row a task, named with its dataset, in the order of the tasks. `most`: mutants of each solution."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(dataset: str, task: Task) -> Row:
        async with free:
            row = await _audit(dataset, task, sandbox, mutants(task.solution, task.function, most, seed))
        on_row(row)
        return row

    return await asyncio.gather(*(one(dataset, task) for dataset, task in tasks))


async def _audit(dataset: str, task: Task, sandbox: Sandbox, slips: Sequence[Mutant]) -> Row:
    report, inputs = await _run_solution(task, sandbox)
    ended = dict(zip(inputs, report.outcomes, strict=True)) if report.trouble is None else {}
    reference = {text: outcome for text, outcome in ended.items() if _is_comparable(outcome)}
    held = specs(task, reference)
    verdicts = {tier: await _judge(spec, task.solution, sandbox) for tier, spec in held.items()}
    return Row(
        dataset=dataset,
        task=task.id,
        inputs=len(reference),
        trouble=report.trouble.detail if report.trouble else None,
        solution={
            tier: Judged(examples=len(held[tier].stated), level=v.level, reason=v.reason[:_LONGEST_REASON])
            for tier, v in verdicts.items()
        },
        mutants=tuple([await _judge_mutant(slip, task, reference, held, sandbox) for slip in slips if reference]),
    )


async def _run_solution(task: Task, sandbox: Sandbox) -> tuple[Report, list[str]]:
    """What it does on as many inputs as the limits allow, at best all of the first list and 100 of the second."""
    base, plus = list(task.base), spread(task.plus, MOST_PLUS)
    while True:
        inputs = list(dict.fromkeys([*base, *plus]))
        report = await sandbox.run(task.solution, task.function, inputs)
        if report.trouble is None or report.trouble.clause != "limits" or not inputs:
            return report, inputs
        base, plus = (base, spread(plus, len(plus) // 2)) if plus else (spread(base, len(base) // 2), [])


def spread(texts: Sequence[str], most: int) -> list[str]:
    """At most so many of them, evenly over the whole."""
    count = min(most, len(texts))
    return [texts[index * len(texts) // count] for index in range(count)]


def _is_comparable(outcome: Outcome) -> bool:
    return outcome.returned is not None and same(outcome.returned, outcome.returned)


async def _judge(spec: Spec, source: str, sandbox: Sandbox) -> Verdict:
    return (await judge(spec, [source], sandbox, sampled=False)).verdict


async def _judge_mutant(
    mutant: Mutant, task: Task, reference: Reference, held: Mapping[str, Spec], sandbox: Sandbox
) -> JudgedMutant:
    levels = {tier: (await _judge(spec, mutant.source, sandbox)).level for tier, spec in held.items()}
    differs = await _differs(mutant, task, reference, sandbox)
    return JudgedMutant(operator=mutant.operator, line=mutant.line, differs=differs, levels=levels)


async def _differs(mutant: Mutant, task: Task, reference: Reference, sandbox: Sandbox) -> bool:
    """Whether the dataset tells the mutant from the solution: on one of its inputs, or because it cannot be run."""
    report = await sandbox.run(mutant.source, task.function, list(reference))
    if report.trouble is not None:
        return True
    ended = zip(reference, report.outcomes, strict=True)
    wrong = [(text, outcome) for text, outcome in ended if not _alike(reference[text], outcome, task.tolerance)]
    if not wrong or any(outcome.raised != "TimeLimit" for _, outcome in wrong):
        return bool(wrong)
    # A batch as slow as the solution's may just have run out of time: the first slow call decides, alone.
    first, _ = wrong[0]
    again = await sandbox.run(mutant.source, task.function, [first])
    return again.trouble is not None or not _alike(reference[first], again.outcomes[0], task.tolerance)


def _alike(expected: Outcome, outcome: Outcome, tolerance: float) -> bool:
    if expected.returned is None or outcome.returned is None:
        return False
    return close(expected.returned, outcome.returned, tolerance)


def close(left: Tree, right: Tree, tolerance: float) -> bool:
    """Whether two trees are the same, but for numbers that are off by no more than the tolerance."""
    if same(left, right) or not tolerance:
        return same(left, right)
    if left[0] in ("int", "float") and right[0] in ("int", "float"):
        return _near(decode(left), decode(right), tolerance)
    if left[0] != right[0] or left[0] not in ("list", "tuple") or len(left[1]) != len(right[1]):
        return False
    return all(close(a, b, tolerance) for a, b in zip(left[1], right[1], strict=True))


def _near(left: float, right: float, tolerance: float) -> bool:
    try:
        return abs(left - right) <= tolerance
    except OverflowError:  # an int that no float can hold
        return False
