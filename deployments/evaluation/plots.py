"""What an evaluation found, as a picture: how often each arm is right, and how far its agreement can be believed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Picture

_LONGEST_NAME = 34


def plot(summary: Mapping[str, Mapping[str, Any]], title: str, path: Path) -> None:
    """A PNG of an evaluation's summary."""
    picture = Picture(figsize=(11, 2.2 + 0.45 * len(summary)), layout="constrained")
    shares, agreement = picture.subplots(1, 2, width_ratios=(3, 2))
    picture.suptitle(title)
    _shares(shares, summary)
    _calibration(agreement, summary)
    picture.savefig(path, dpi=110)


def _shares(axes: Any, summary: Mapping[str, Mapping[str, Any]]) -> None:
    """Bars with 95 % intervals; a mark where the best variation would always have been chosen."""
    for place, arm in enumerate(summary.values()):
        right, (low, high) = arm["plus"], arm["plus_interval"]
        axes.barh(place, right, xerr=[[max(0.0, right - low)], [max(0.0, high - right)]], color="C0", capsize=3)
        axes.text(0.01, place, f"{right:.1%}", va="center", color="white")
        if arm.get("samples", 1) > 1:
            axes.plot(arm["oracle"], place, "k|", markersize=16)
    axes.set_yticks(range(len(summary)), [name[:_LONGEST_NAME] for name in summary])
    axes.set(xlim=(0, 1), xlabel="share of tasks right, with 95 % interval; | with the best variation always chosen")
    axes.invert_yaxis()


def _calibration(axes: Any, summary: Mapping[str, Mapping[str, Any]]) -> None:
    """Per arm with a verdict, how often code is right by how far the variations agree on it."""
    axes.plot([0, 1], [0, 1], color="lightgrey")
    for name, arm in summary.items():
        if bins := arm["calibration"]:
            axes.plot([one["from"] for one in bins], [one["right"] for one in bins], "o-", label=name[:_LONGEST_NAME])
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="agreement of the variations, from", ylabel="share right")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")
