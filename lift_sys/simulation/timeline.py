"""A run as rows by time: what came, what there was, why, and how long a request took."""

from collections.abc import Iterator, Sequence
from typing import Any

from lift_sys.simulation.outcome import Moment, Outcome, Served


def timeline(outcome: Outcome, rows: int = 120) -> list[dict[str, Any]]:
    """About so many rows, each of an equal span of time. The p99 is that of the requests that arrived in it."""
    span_s = max(1.0, outcome.duration_s / rows)
    p99 = _p99(outcome.served, span_s)
    return [
        {
            "at_s": round(end_s, 1),
            "requests_per_s": round(arrived / span_s, 2),
            "running": moment.running,
            "starting": moment.starting,
            "target": moment.target,
            "sequences": round(moment.sequences),
            "validators": moment.validators,
            "cause": moment.cause,
            "terms": {name: round(need, 3) for name, need in moment.terms.items()},
            **p99.get(end_s, {}),
        }
        for end_s, arrived, moment in _spans(outcome.moments, span_s)
    ]


def _spans(moments: Sequence[Moment], span_s: float) -> Iterator[tuple[float, int, Moment]]:
    """The end of each span that is over, how many arrived in it, and what was last seen in it."""
    before, last = 0, moments[0]
    number = int(last.at_s / span_s) + 1
    for moment in moments[1:]:
        if moment.at_s >= number * span_s:
            yield number * span_s, last.arrived - before, last
            before = last.arrived
            number = int(moment.at_s / span_s) + 1
        last = moment


def _p99(served: Served, span_s: float) -> dict[float, dict[str, float]]:
    groups: dict[int, tuple[list[float], list[float]]] = {}
    for arrived_s, ttft_s, total_s in zip(served.arrived_s, served.ttft_s, served.total_s, strict=True):
        ttfts, totals = groups.setdefault(int(arrived_s / span_s), ([], []))
        ttfts.append(ttft_s)
        totals.append(total_s)
    return {
        (number + 1) * span_s: {"ttft_p99_s": _high(ttfts), "total_p99_s": _high(totals)}
        for number, (ttfts, totals) in groups.items()
    }


def _high(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.99)], 4)
