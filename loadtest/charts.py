"""The charts of a load test, as SVG that takes its colours from the page around it."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtest.rows import Row
from loadtest.watched import Lines, Mark

_INK, _FAINT = "#010101", "#020202"
_SERIES = tuple(f"#0303{i:02x}" for i in range(8))
_VARIABLES = {_INK: "var(--ink)", _FAINT: "var(--faint)", **{c: f"var(--series-{i})" for i, c in enumerate(_SERIES)}}
"""Colours that no chart has otherwise, and what the page is to put in their place: so it can be dark or light."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lift",
    "font.size": 10,
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), _INK),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "axes.prop_cycle": matplotlib.cycler(color=_SERIES),  # type: ignore[attr-defined]
}
_STEPS = 200
"""Points of a distribution."""
_BINS = 60


def svg(name: str, draw: Callable[[Figure], None], height: float = 3.4) -> str:
    """The picture as an element of a page. The name tells its parts from those of other pictures there."""
    text = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        picture = Figure(figsize=(9, height), layout="constrained")
        draw(picture)
        picture.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    drawn = re.sub(r'(id="|url\(#|href="#)', rf"\1{name}-", drawn)
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, variable)
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(name)}" ', 1)


def distributions(picture: Figure, kinds: Mapping[str, Sequence[float]], limits: Mapping[str, float]) -> None:
    """The share of answers that took no longer."""
    axes: Axes = picture.subplots()
    for name, values in kinds.items():
        ordered = sorted(values)
        places = sorted({round(i * (len(ordered) - 1) / _STEPS) for i in range(_STEPS + 1)})
        shares = [(place + 1) / len(ordered) for place in places]
        axes.step([ordered[place] for place in places], shares, where="post", label=name, gid=f"series-{name}")
    for name, limit in limits.items():
        axes.axvline(limit, color=_INK, linestyle=":", label=f"objective: {name}", gid=f"limit-{name}")
    axes.set(xlabel="seconds", ylabel="share of answers", ylim=(0, 1.02), xlim=(0, None))
    picture.legend(fontsize="small", loc="outside right upper")


def stages(picture: Figure, groups: Mapping[str, Sequence[Row]]) -> None:
    """Where the mean answer spent its time; what is no stage's is HTTP, hops and queues."""
    axes: Axes = picture.subplots()
    left = [0.0] * len(groups)
    names = list(dict.fromkeys(stage for rows in groups.values() for row in rows for stage in row.stages))
    for name, colour in zip([*names, "between"], cycle(_SERIES), strict=False):
        widths = [_mean([_spent(row, name) for row in rows]) for rows in groups.values()]
        for bar in axes.barh(list(groups), widths, left=left, label=name, color=colour):
            bar.set_gid(f"series-{name}")
        left = [begun + width for begun, width in zip(left, widths, strict=True)]
    axes.set(xlabel="seconds of the mean answer")
    axes.invert_yaxis()
    picture.legend(fontsize="small", loc="outside right upper")


def timeline(picture: Figure, rows: Sequence[Row], beside: Mapping[str, Lines], marks: Sequence[Mark]) -> None:
    """Requests by when they were due and how they ended, each one's latency, and what was seen beside.

    Marks count from the run's begin, as the lines do.
    """
    panels = picture.subplots(2 + len(beside), 1, sharex=True, squeeze=False)[:, 0]
    _rates(panels[0], rows)
    _latencies(panels[1], rows)
    for axes, (name, lines) in zip(panels[2:], beside.items(), strict=True):
        for line, points in lines.items():
            axes.step(*zip(*points, strict=True), where="post", label=line, gid=f"series-{name}-{line}")
        axes.set(ylabel=name, ylim=(0, None))
        axes.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1, 1))
    for mark in marks:
        for axes in panels:
            axes.axvline(mark.t, color=_INK, linestyle="--", linewidth=0.8)
        panels[0].annotate(mark.what, (mark.t, 1), xycoords=("data", "axes fraction"), fontsize="x-small", rotation=20)
    panels[-1].set(xlabel="seconds since the run's begin")


ENDS: Mapping[str, Callable[[Row], bool]] = {
    "passed": lambda row: row.passed,
    "answered, not passed": lambda row: row.answered and not row.passed,
    "no answer": lambda row: not row.answered,
}


def _rates(axes: Axes, rows: Sequence[Row]) -> None:
    last = max((row.due_s for row in rows), default=1.0) or 1.0
    edges = np.linspace(0, last, _BINS + 1)
    below = np.zeros(_BINS)
    for (name, ends), colour in zip(ENDS.items(), _SERIES, strict=False):
        heights = np.histogram([row.due_s for row in rows if ends(row)], edges)[0] / edges[1]
        gid = f"series-{name}"
        axes.stairs(below + heights, edges, baseline=below, fill=True, color=colour, label=name, gid=gid)
        below = below + heights
    axes.set(ylabel="due a second")
    axes.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1, 1))


def _latencies(axes: Axes, rows: Sequence[Row]) -> None:
    for (name, ends), colour in zip(ENDS.items(), _SERIES, strict=False):
        of = [row for row in rows if ends(row)]
        times, taken = [row.due_s for row in of], [row.latency_s for row in of]
        axes.plot(times, taken, ".", markersize=3, color=colour, gid=f"latency-{name}")
    axes.set(ylabel="latency, s", ylim=(0, None))


def goodput(picture: Figure, points: Sequence[Mapping[str, dict[str, float]]], attain: float) -> None:
    """What each offered rate came to, with its interval. The goal of the attainment is the dotted line."""
    speed, share = picture.subplots(1, 2)
    ordered = sorted(points, key=lambda point: point["rate"])  # type: ignore[arg-type,return-value]
    rates: list[float] = [point["rate"] for point in ordered]  # type: ignore[misc]
    for axes, name in ((speed, "goodput_per_s"), (share, "attainment")):
        found = [point[name] for point in ordered]
        around = [[one["value"] - one["low"] for one in found], [one["high"] - one["value"] for one in found]]
        axes.errorbar(rates, [one["value"] for one in found], around, fmt="o-", capsize=3, gid=f"series-{name}")
    speed.plot(rates, rates, color=_INK, linestyle=":", label="all that is offered")
    speed.set(xlabel="offered, requests a second", ylabel="good answers a second", xlim=(0, None), ylim=(0, None))
    speed.legend(fontsize="small")
    share.axhline(attain, color=_INK, linestyle=":")
    share.set(xlabel="offered, requests a second", ylabel="share in time", xlim=(0, None), ylim=(0, 1.05))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _spent(row: Row, stage: str) -> float:
    return row.stages.get(stage, 0.0) if stage != "between" else max(row.latency_s - sum(row.stages.values()), 0.0)
