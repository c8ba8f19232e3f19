"""What a solution that is known to be right does, and whether other code does the same."""

from collections.abc import Mapping, Sequence

from lift_sys.audit.dataset import Task
from lift_sys.jail.values import Tree, decode, same
from lift_sys.report import Outcome, Report
from lift_sys.sandbox import Sandbox

MOST_PLUS = 100
"""Inputs of a task's second list that are tried, spread evenly over it."""

Reference = Mapping[str, Outcome]
"""How the solution's calls ended, by argument text: those that returned something equal to itself."""


async def run_solution(task: Task, sandbox: Sandbox, most_plus: int = MOST_PLUS) -> tuple[Report, list[str]]:
    """What it does on as many inputs as the limits allow, at best all of the first list and so many of the second."""
    base, plus = list(task.base), spread(task.plus, most_plus)
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


def is_comparable(outcome: Outcome) -> bool:
    return outcome.returned is not None and same(outcome.returned, outcome.returned)


async def differs(source: str, task: Task, reference: Reference, sandbox: Sandbox) -> bool:
    """Whether the dataset tells the source from the solution: on one of its inputs, or because it cannot be run."""
    report = await sandbox.run(source, task.function, list(reference))
    if report.trouble is not None:
        return True
    ended = zip(reference, report.outcomes, strict=True)
    wrong = [(text, outcome) for text, outcome in ended if not _alike(reference[text], outcome, task.tolerance)]
    if not wrong or any(outcome.raised != "TimeLimit" for _, outcome in wrong):
        return bool(wrong)
    # A batch as slow as the solution's may just have run out of time: the first slow call decides, alone.
    first, _ = wrong[0]
    again = await sandbox.run(source, task.function, [first])
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
