"""The dashboards as pictures, where there is no Grafana: `python -m deployments.observability.pictures URL FOLDER`."""

import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from deployments.observability.panels import BOARDS, Board, Panel

_POINTS = 120
_MOST_LINES = 12


class Prometheus:
    """A Prometheus over the last so many seconds."""

    def __init__(self, url: str, last_s: float, rate_interval: str) -> None:
        self._url = url.rstrip("/")
        self._rate_interval = rate_interval
        self._end_s = time.time()
        self.last_s = last_s

    def lines(self, promql: str, legend: str) -> Iterator[tuple[str, list[float], list[float]]]:
        """Each series: its legend, seconds before now, and values."""
        query: dict[str, str | float] = {
            "query": promql.replace("$__rate_interval", self._rate_interval),
            "start": self._end_s - self.last_s,
            "end": self._end_s,
            "step": self.last_s / _POINTS,
        }
        answer = httpx.get(f"{self._url}/api/v1/query_range", params=query).raise_for_status()
        for series in answer.json()["data"]["result"]:
            points = [(float(at) - self._end_s, float(value)) for at, value in series["values"]]
            sound = [(at, value) for at, value in points if math.isfinite(value)]
            yield _named(legend, series["metric"]), [at for at, _ in sound], [value for _, value in sound]


def _named(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)


def draw(board: Board, prometheus: Prometheus, path: Path) -> None:
    """Needs matplotlib, of the extra `loadtest`."""
    from matplotlib.figure import Figure

    rows = (len(board.panels) + 1) // 2
    figure = Figure(figsize=(16, 3.6 * rows), layout="tight")
    figure.suptitle(board.title, fontweight="bold")
    for place, panel in enumerate(board.panels, 1):
        _draw_panel(figure.add_subplot(rows, 2, place), panel, prometheus)
    figure.savefig(path, dpi=80)


def _draw_panel(axes: Any, panel: Panel, prometheus: Prometheus) -> None:
    lines = [line for legend, promql in panel.queries.items() for line in prometheus.lines(promql, legend)]
    for name, at, values in lines:
        axes.plot(at, values, label=name, drawstyle="steps-post" if panel.unit in ("short", "bool") else "default")
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_ylabel(panel.unit)
    axes.set_xlim(-prometheus.last_s, 0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if lines:
        axes.legend(fontsize=7, ncols=2 if len(lines) > _MOST_LINES // 2 else 1, loc="upper left")


def main(url: str, folder: str, last_s: str = "600", rate_interval: str = "1m") -> None:
    prometheus = Prometheus(url, float(last_s), rate_interval)
    for board in BOARDS:
        draw(board, prometheus, Path(folder) / f"{board.uid}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
