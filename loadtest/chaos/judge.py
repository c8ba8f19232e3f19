"""Whether a service has borne a fault."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.chaos.rows import Asked
from loadtest.quantiles import quantile

SUCCESSIVE = 20
"""Answers that must be fine, one after the other as they were due, for the service to have recovered."""
RECOVERY_S = 10.0
"""In which it must, once it can be known that something is wrong."""
_SLOWER, _SLACK_S = 2.0, 0.5
"""What is in time: so many times the slowest answer before the fault, and so much more."""
_USUAL = frozenset({200, 202})


@dataclass(frozen=True)
class Injected:
    """When a fault began and was over, in seconds from the start of the run."""

    at_s: float
    over_s: float


def limit_s(rows: Sequence[Asked], at_s: float) -> float:
    """In which an answer is in time, by those that came before the fault."""
    before = [row.latency_s for row in rows if row.due_s + row.latency_s < at_s]
    return _SLOWER * (quantile(before, 0.9) or 0.0) + _SLACK_S


def recovery_s(rows: Sequence[Asked], injected: Injected) -> float | None:
    """From the fault until the first of successive answers that are all fine; None where there are not so many."""
    most_s = limit_s(rows, injected.at_s)
    hurt = sorted((row for row in rows if row.due_s + row.latency_s >= injected.at_s), key=lambda row: row.due_s)
    streak: list[Asked] = []
    was_fine = True
    for row in hurt:
        if row.fine(most_s):
            streak.append(row)
        else:
            streak, was_fine = [], False
        if len(streak) == SUCCESSIVE:
            return 0.0 if was_fine else round(max(streak[0].due_s - injected.at_s, 0.0), 2)
    return None


def judged(rows: Sequence[Asked], injected: Injected, allowed: frozenset[int], silent_s: float = 0.0) -> dict[str, Any]:
    recovered_s = recovery_s(rows, injected)
    wrong = [row for row in rows if row.wrong]
    unexpected = {status for row in rows for status in row.statuses} - allowed - _USUAL
    lost = sum(row.lost for row in rows)
    refused = sum(not row.ended and not row.lost for row in rows)
    held = not lost and not wrong and not unexpected and not refused and recovered_s is not None
    return {
        "asked": dict(Counter(row.kind for row in rows)),
        "statuses": _by_phase(rows, injected, recovered_s),
        "expected": sorted(allowed),
        "unexpected": sorted(unexpected),
        "lost": lost,
        "refused": refused,
        "wrong": len(wrong),
        "what_is_wrong": sorted({row.wrong for row in wrong if row.wrong})[:5],
        "recovery_s": recovered_s,
        "silent_s": silent_s,
        "slowest_s": max((row.latency_s for row in rows), default=0.0),
        "held": held and recovered_s is not None and recovered_s <= silent_s + RECOVERY_S,
    }


def _by_phase(rows: Sequence[Asked], injected: Injected, recovered_s: float | None) -> dict[str, dict[str, int]]:
    """Of all attempts; by when their requests were due, those in work at the fault as during it."""
    end_s = max(injected.over_s, injected.at_s + (recovered_s if recovered_s is not None else float("inf")))
    phases: dict[str, Counter[str]] = {"before": Counter(), "during": Counter(), "after": Counter()}
    for row in rows:
        phase = "before" if row.due_s + row.latency_s < injected.at_s else "during" if row.due_s < end_s else "after"
        phases[phase].update(str(status) for status in row.statuses)
    return {phase: dict(sorted(counts.items())) for phase, counts in phases.items()}
