"""A load test on one page that needs nothing else: no network, no script, dark or light, on a screen or on paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from loadtest import charts
from loadtest.rows import Row
from loadtest.slo import Slo
from loadtest.watched import Lines, Mark

_TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass(frozen=True)
class Chart:
    title: str
    says: str
    svg: str


@dataclass(frozen=True)
class Beside:
    """What was seen beside one run, in seconds since its begin."""

    lines: Mapping[str, Lines]
    marks: Sequence[Mark]
    missing: str = ""
    """Why there are no lines."""


def page(result: Mapping[str, Any], beside: Beside) -> str:
    """Of a result as it is written to docs/results: command, circumstances, summary and rows."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    told = result["summary"]
    drawn = _capacity_charts(result, beside) if "points" in told else _run_charts(result, beside)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(result=result, told=told, charts=drawn, missing=beside.missing)


def _run_charts(result: Mapping[str, Any], beside: Beside) -> list[Chart]:
    rows = [Row.model_validate(row) for row in result["rows"]]
    answered = sorted((row for row in rows if row.answered), key=lambda row: row.latency_s)
    groups = {"all answers": answered, "the slowest tenth": answered[-max(len(answered) // 10, 1) :]}
    return [*_latency_charts(_kinds(answered), _limits(result), groups), _timeline(rows, beside)]


def _capacity_charts(result: Mapping[str, Any], beside: Beside) -> list[Chart]:
    told = result["summary"]
    rows: dict[float, list[Row]] = {}
    for row in result["rows"]:
        of = {name: value for name, value in row.items() if name not in ("rate", "seed")}
        rows.setdefault(row["rate"], []).append(Row.model_validate(of))
    rates = {f"{rate:g} a second": [row for row in rows[rate] if row.answered] for rate in sorted(rows)}
    curve = charts.svg("goodput", partial(charts.goodput, points=told["points"], attain=told["attain"]), 3.6)
    kinds = {rate: [row.latency_s for row in answered] for rate, answered in rates.items()}
    highest, seed = max((row["rate"], row["seed"]) for row in result["rows"])
    last = [row for row in result["rows"] if (row["rate"], row["seed"]) == (highest, seed)]
    of_last = [Row.model_validate({k: v for k, v in row.items() if k not in ("rate", "seed")}) for row in last]
    return [
        Chart("Goodput against offered load", "Whiskers: 95 % bootstrap intervals over stretches of requests.", curve),
        *_latency_charts(kinds, _limits(result), rates),
        _timeline(of_last, beside, f", at {highest:g} a second"),
    ]


def _latency_charts(
    kinds: Mapping[str, Sequence[float]], limits: Mapping[str, float], groups: Mapping[str, Sequence[Row]]
) -> list[Chart]:
    """None where there was no answer."""
    if not any(kinds.values()):
        return []
    drawn = charts.svg(
        "latency", partial(charts.distributions, kinds={k: v for k, v in kinds.items() if v}, limits=limits)
    )
    bars = charts.svg(
        "stages", partial(charts.stages, groups={k: v for k, v in groups.items() if v}), 1 + len(groups) / 2
    )
    return [
        Chart(
            "Latency", "From when a request was due until it was answered. Those without an answer are not here.", drawn
        ),
        Chart("Stages", "By the service's own account; what lies between them is HTTP, hops and queues.", bars),
    ]


def _timeline(rows: Sequence[Row], beside: Beside, of: str = "") -> Chart:
    draw = partial(charts.timeline, rows=rows, beside=beside.lines, marks=beside.marks)
    says = "Requests stand where they were due. Dashed: what was done to the service meanwhile."
    return Chart(f"Timeline{of}", says, charts.svg("timeline", draw, 3.6 + 1.5 * len(beside.lines)))


def _kinds(answered: Sequence[Row]) -> dict[str, list[float]]:
    kinds = {"whole answer": [row.latency_s for row in answered]}
    kinds["first output"] = [row.first_output_s for row in answered if row.first_output_s is not None]
    for row in answered:
        for stage, seconds in row.stages.items():
            kinds.setdefault(stage, []).append(seconds)
    return kinds


def _limits(result: Mapping[str, Any]) -> dict[str, float]:
    slo = Slo.parse(result["summary"].get("slo") or "")
    return {name: limit for name, limit in (("total", slo.total), ("ttft", slo.ttft)) if limit < float("inf")}
