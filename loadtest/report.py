"""What a load test came to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from loadtest.quantiles import quantiles
from loadtest.rows import PASSED, Row
from loadtest.selfcheck import LAG_MS, SelfCheck
from loadtest.slo import Slo

_REMEDIES = {
    401: "every request was refused with 401: name a key with --api-key",
    403: "every request was refused with 403: the key lacks the scope `lift`",
    404: "every request was answered with 404: is there another service at this address?",
    0: "not one request was answered: `errors` says why",
}


def summary(rows: Sequence[Row], due: int, seconds: float, slo: Slo, lag_ms: float = LAG_MS) -> dict[str, Any]:
    """Of `due` requests within `seconds`. One that was not sent has missed its objective."""
    in_time = [row for row in rows if slo.met(row)]
    check = SelfCheck.of(rows, due, lag_ms)
    return {
        "requests": due,
        "offered_per_s": round(len(rows) / seconds, 3),
        "attainment": round(len(in_time) / due, 4) if due else None,
        "goodput_per_s": round(sum(row.passed for row in in_time) / seconds, 3),
        "goodput_verdicts": list(PASSED),
        "seconds": _latencies(rows),
        "statuses": _counted([str(row.status) for row in rows]),
        "verdicts": _counted([row.verdict for row in rows if row.verdict]),
        "errors": _counted([row.error for row in rows if row.error]),
        "self_check": {**asdict(check), "faults": list(check.faults)},
        "notes": _notes(rows),
    }


def _latencies(rows: Sequence[Row]) -> dict[str, dict[str, float | None]]:
    """Of answers; those that were given up are among the errors."""
    answers = [row for row in rows if row.answered]
    firsts = [row.first_output_s for row in answers if row.first_output_s is not None]
    told = {"total": quantiles([row.latency_s for row in answers]), "first output": quantiles(firsts)}
    for stage in ("ir", "code", "validate"):
        told[stage] = quantiles([row.stages[stage] for row in answers if stage in row.stages])
    return told


def _counted(values: Sequence[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _notes(rows: Sequence[Row]) -> list[str]:
    statuses = {row.status for row in rows}
    if not rows:
        return ["nothing was sent"]
    if len(statuses) == 1:
        return [_REMEDIES[status] for status in statuses if status in _REMEDIES]
    last = max((row for row in rows if row.answered), key=lambda row: row.due_s, default=None)
    after = [row for row in rows if last and row.due_s > last.due_s]
    if last and len(after) >= max(3, len(rows) // 10):
        return [f"after {last.due_s:.1f} s not one of {len(after)} requests was answered"]
    return []
