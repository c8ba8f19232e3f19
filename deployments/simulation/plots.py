"""A simulation as a picture: load, replicas, the terms of our decision, and how long the slowest requests took."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

Timeline = Sequence[Mapping[str, Any]]
_COLOURS = {"ours": "C0", "ray": "C1", "keda": "C2", "fixed": "C4", "oracle": "0.3"}


def draw(timelines: Mapping[str, Timeline], objective_s: float, title: str, path: Path) -> Path:
    """One timeline for each policy, all under the same arrivals."""
    picture = Picture(figsize=(11, 12), layout="constrained")
    load, replicas, terms, slowest = picture.subplots(4, 1, sharex=True)
    any_one = next(iter(timelines.values()))
    load.plot(_minutes(any_one), [row["requests_per_s"] for row in any_one], color="0.3")
    load.set(ylabel="requests a second", ylim=(0, None))
    _replicas(replicas, timelines)
    _terms(terms, timelines)
    for name, rows in timelines.items():
        seen = [row for row in rows if "total_p99_s" in row]
        slowest.plot(_minutes(seen), [row["total_p99_s"] for row in seen], color=_COLOURS.get(name), label=name)
    slowest.axhline(objective_s, color="red", linestyle=":", label="objective")
    slowest.set(ylabel="p99 of whole requests, s", xlabel="minutes")
    slowest.legend(fontsize="small", ncols=6)
    picture.suptitle(fill(title, 110), fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=100)
    return path


def _replicas(axes: Axes, timelines: Mapping[str, Timeline]) -> None:
    for name, rows in timelines.items():
        axes.plot(_minutes(rows), [row["running"] for row in rows], color=_COLOURS.get(name), label=f"{name}, running")
        asked = [row["target"] for row in rows]
        axes.plot(_minutes(rows), asked, color=_COLOURS.get(name), linestyle=":", linewidth=1)
    axes.set(ylabel="replicas (dotted: asked for)", ylim=(0, None))
    axes.legend(fontsize="small", ncols=5)


def _terms(axes: Axes, timelines: Mapping[str, Timeline]) -> None:
    """Of ours, where it ran: each term says how many replicas it asks for; the highest is the need."""
    any_one = timelines.get("ours") or next(iter(timelines.values()))
    rows = [row for row in any_one if row["terms"]]
    if not rows:
        return
    for name in rows[-1]["terms"]:
        axes.plot(_minutes(rows), [row["terms"].get(name, 0) for row in rows], label=name)
    axes.plot(_minutes(rows), [row["target"] for row in rows], color="0.6", linestyle=":", label="asked for")
    axes.set(ylabel="replicas that a term asks for", ylim=(0, None))
    axes.legend(fontsize="small", ncols=6)


def _minutes(rows: Timeline) -> list[float]:
    return [row["at_s"] / 60 for row in rows]


def draw_beside(arms: Mapping[str, Mapping[str, Timeline]], title: str, path: Path) -> Path:
    """Replicas in reality and in the simulation, a panel for each policy."""
    picture = Picture(figsize=(11, 3.2 * len(arms)), layout="constrained")
    panels = picture.subplots(len(arms), 1, sharex=True, squeeze=False)
    for (arm, ways), [axes] in zip(arms.items(), panels, strict=True):
        for way, rows in ways.items():
            seconds, style = [row["at_s"] for row in rows], "-" if way == "real" else "--"
            axes.step(seconds, [row["running"] for row in rows], "C0" + style, where="post", label=f"{way}, running")
            wanted = [row["running"] + row["starting"] for row in rows]
            axes.step(seconds, wanted, "C1" + style, where="post", label=f"{way}, and starting", linewidth=1)
        axes.set(title=arm, ylabel="replicas", ylim=(0, None))
        axes.legend(fontsize="small", ncols=2)
    panels[-1][0].set(xlabel="seconds")
    picture.suptitle(fill(title, 110), fontsize="medium")
    picture.savefig(path, dpi=100)
    return path
