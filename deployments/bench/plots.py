"""What the benchmarks of engine and graph found, as pictures: one PNG for each file of docs/results."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

Summary = Mapping[str, Any]
_ARMS = {"engine": "the engine's calls alone", "process": "the stages in one process", "graph": "the graph over HTTP"}
_PHASES = ("imports_s", "engine_s", "grammars_s", "first_token_s")


class NotDrawn(ValueError):
    """There is no picture of such results."""


def draw(path: Path) -> Path:
    """The picture of a result's summary, beside it. Raises `NotDrawn` or `OSError`."""
    result = json.loads(path.read_text(encoding="utf-8"))
    kind = " ".join(result["command"].split()[:3])
    if kind not in _PICTURES:
        raise NotDrawn(f"no picture of `{kind}`; there are those of {', '.join(_PICTURES)}")
    picture = Picture(figsize=(11, 4.2), layout="constrained")
    _PICTURES[kind](picture, result["summary"])
    picture.suptitle(f"{path.stem}: {result['machine'].partition(',')[0]}, {result['date']}")
    drawn = path.with_suffix(".png")
    picture.savefig(drawn, dpi=110)
    return drawn


def _graph(picture: Picture, summary: Summary) -> None:
    """Throughput and latency of the three arms, by the number of clients."""
    speed, latency = picture.subplots(1, 2)
    clients = [int(name) for name in summary if name != "singles"]
    for arm, label in _ARMS.items():
        found = [summary[str(count)][arm] for count in clients]
        speed.plot(clients, [one["tokens_per_s"] for one in found], "o-", label=label)
        latency.plot(clients, [one["latency_p50_s"] for one in found], "o-", label=label)
    speed.set(xlabel="clients", ylabel="tokens written a second", ylim=(0, None))
    latency.set(xlabel="clients", ylabel="median latency, s", ylim=(0, None))
    speed.legend(fontsize="small")


def _branches(picture: Picture, summary: Summary) -> None:
    """Time and cache of n answers, with a shared prompt and without."""
    time, cache = picture.subplots(1, 2)
    for way in ("shared", "separate"):
        found = {int(name.rpartition("_")[2]): one for name, one in summary.items() if name.startswith(way)}
        label = "one prompt, n answers" if way == "shared" else "n prompts"
        time.plot(list(found), [one["seconds"] for one in found.values()], "o-", label=label)
        cache.plot(list(found), [one["kv_share"] for one in found.values()], "o-", label=label)
    time.set(xlabel="n", ylabel="seconds until all are there", ylim=(0, None))
    cache.set(xlabel="n", ylabel="share of the KV cache in use", ylim=(0, None))
    time.legend(fontsize="small")


def _engines(picture: Picture, summary: Summary) -> None:
    """Tokens a second of each engine, by how many requests it had at once."""
    axes: Axes = picture.subplots()
    for name, one in summary.items():
        found = {int(k.rpartition("_")[2]): v for k, v in one.items() if k.startswith("tokens_per_s_")}
        axes.plot(list(found), list(found.values()), "o-", label=name)
    axes.set(xlabel="requests at once", ylabel="tokens a second", ylim=(0, None))
    axes.legend(fontsize="small")


def _start(picture: Picture, summary: Summary) -> None:
    """The phases of a start, one after the other."""
    axes: Axes = picture.subplots()
    starts = [name for name in ("first", "later") if name in summary]
    left = [0.0] * len(starts)
    for phase in _PHASES:
        widths = [summary[name][phase] for name in starts]
        axes.barh(starts, widths, left=left, label=phase.removesuffix("_s").replace("_", " "))
        left = [begun + width for begun, width in zip(left, widths, strict=True)]
    axes.set(xlabel="seconds since the launch of the process")
    axes.invert_yaxis()
    axes.legend(fontsize="small", loc="lower right")


_PICTURES: Mapping[str, Callable[[Picture, Summary], None]] = {
    "lift bench graph": _graph,
    "lift bench branches": _branches,
    "lift bench engines": _engines,
    "lift bench start": _start,
}
