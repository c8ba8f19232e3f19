"""What the benchmarks of engine and graph found, as pictures: one PNG for each file of docs/results."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

Result = Mapping[str, Any]
"""Of a file: `summary`, and the `rows` that it sums up."""
_ARMS = {"engine": "the engine's calls alone", "process": "the stages in one process", "graph": "the graph over HTTP"}
_BIN_S = 5
"""Over which requests are counted."""


class NotDrawn(ValueError):
    """There is no picture of such results."""


def draw(path: Path) -> Path:
    """The picture of a result, beside it. Raises `NotDrawn` or `OSError`."""
    result = json.loads(path.read_text(encoding="utf-8"))
    kind = " ".join(result["command"].split()[:3])
    if kind not in _PICTURES:
        raise NotDrawn(f"no picture of `{kind}`; there are those of {', '.join(_PICTURES)}")
    picture = Picture(figsize=(11, 4.2), layout="constrained")
    _PICTURES[kind](picture, result)
    picture.suptitle(f"{path.stem}: {result['machine'].partition(',')[0]}, {result['date']}")
    drawn = path.with_suffix(".png")
    picture.savefig(drawn, dpi=110)
    return drawn


def _graph(picture: Picture, result: Result) -> None:
    """Throughput and latency of the three arms, by the number of clients."""
    summary = result["summary"]
    clients = [int(name) for name in summary if name != "singles"]
    if not clients:
        raise NotDrawn("no blocks of requests were measured, and single ones have no picture")
    speed, latency = picture.subplots(1, 2)
    for arm, label in _ARMS.items():
        found = [summary[str(count)][arm] for count in clients]
        speed.plot(clients, [one["tokens_per_s"] for one in found], "o-", label=label)
        latency.plot(clients, [one["latency_p50_s"] for one in found], "o-", label=label)
    speed.set(xlabel="clients", ylabel="tokens written a second", ylim=(0, None))
    latency.set(xlabel="clients", ylabel="median latency, s", ylim=(0, None))
    speed.legend(fontsize="small")


def _branches(picture: Picture, result: Result) -> None:
    """Time of n answers, with a shared prompt and without, and how much that is of one answer's."""
    time, ratio = picture.subplots(1, 2)
    for way, label in (("shared", "one prompt, n answers"), ("separate", "n prompts")):
        found = {int(name.rpartition("_")[2]): one for name, one in result["summary"].items() if name.startswith(way)}
        time.plot(list(found), [one["seconds"] for one in found.values()], "o-", label=label)
        ratio.plot(list(found), [one["over_one"] for one in found.values()], "o-", label=label)
    time.set(xlabel="n", ylabel="seconds until all are there", ylim=(0, None))
    ratio.set(xlabel="n", ylabel="times as long as one answer", ylim=(0, None))
    time.legend(fontsize="small")


def _engines(picture: Picture, result: Result) -> None:
    """Tokens a second of each engine, by how many requests it had at once."""
    axes: Axes = picture.subplots()
    for name, one in result["summary"].items():
        found = {int(k.rpartition("_")[2]): v for k, v in one.items() if k.startswith("tokens_per_s_")}
        axes.plot(list(found), list(found.values()), "o-", label=name)
    axes.set(xlabel="requests at once", ylabel="tokens a second", ylim=(0, None))
    axes.legend(fontsize="small")


def _start(picture: Picture, result: Result) -> None:
    """The phases of a start, one after the other; of the engine's, what SGLang tells apart."""
    axes: Axes = picture.subplots()
    summary = result["summary"]
    starts = [name for name in ("first", "later") if name in summary]
    left = [0.0] * len(starts)
    for phase, seconds in _phases([summary[name] for name in starts]).items():
        axes.barh(starts, seconds, left=left, label=phase)
        left = [begun + width for begun, width in zip(left, seconds, strict=True)]
    axes.set(xlabel="seconds since the launch of the process")
    axes.invert_yaxis()
    picture.legend(fontsize="small", loc="outside right upper")


def _scaling(picture: Picture, result: Result) -> None:
    """Load and replicas, the policy's terms, and latency over time, by our policy and by Ray's default."""
    picture.set_size_inches(11, 8)
    summary = result["summary"]
    rows = picture.subplots(3, len(summary), sharex=True, sharey="row", squeeze=False)
    for column, (arm, found) in enumerate(summary.items()):
        line: Sequence[Mapping[str, Any]] = found["timeline"]
        seconds = [one["at_s"] for one in line]
        load, terms, latency = (row[column] for row in rows)
        load.set(title={"ours": "our policy", "default": "Ray's default policy"}[arm])
        load.step(seconds, [one["requests_per_s"] for one in line], "k:", label="requests a second")
        load.step(seconds, [one["running"] + one["starting"] for one in line], label="replicas, those that start too")
        load.step(seconds, [one["running"] for one in line], label="replicas that run")
        for name in sorted({name for one in line for name in one["terms"]}):
            terms.step(seconds, [one["terms"].get(name, math.nan) for one in line], label=name)
        latency.plot(seconds, [math.nan if one["p99_s"] is None else one["p99_s"] for one in line])
        latency.set(xlabel="seconds")
    for axes, what in zip(rows[:, 0], ("", "replicas asked for", "p99 latency, s"), strict=True):
        axes.set(ylabel=what, ylim=(0, None))
    for row in rows[:2]:
        row[0].legend(fontsize="small", loc="upper right")


def _overload(picture: Picture, result: Result) -> None:
    """Answers in time and those refused, against what was asked for; and how long the answers took."""
    summary = result["summary"]
    load, latency = picture.subplots(1, 2)
    found = sorted((*summary["ladder"], *summary["beyond"]), key=lambda one: one["offered_per_s"])
    offered = [one["offered_per_s"] for one in found]
    load.plot(offered, [one["goodput_per_s"] for one in found], "o-", label="verified answers in time")
    load.plot(offered, offered, "k:", label="all that is asked for")
    for times in (1, 3):
        load.axvline(times * summary["knee_per_s"], color="0.8")
    latency.plot(offered, [one["latency_p50_s"] for one in found], "o-", label="median")
    latency.plot(offered, [one["latency_p99_s"] for one in found], "o-", label="p99")
    latency.axhline(summary["objective_s"], color="0.8", label="objective")
    load.set(xlabel="requests a second", ylabel="answers a second", ylim=(0, None))
    latency.set(xlabel="requests a second", ylabel="latency of answers, s", ylim=(0, None))
    load.legend(fontsize="small")
    latency.legend(fontsize="small")


def _scale(picture: Picture, result: Result) -> None:
    """What several services do and how long they take, by their GPUs; and how the autoscaler followed a load."""
    summary = result["summary"]
    followed = summary.get("autoscale")
    several = len(summary["arms"]) > 1 or not followed
    panels = list(picture.subplots(1, 2 * several + bool(followed), squeeze=False)[0])
    if several:
        _by_gpus(panels[0], panels[1], summary["arms"])
    if followed:
        due = [row["due_s"] for row in result["rows"] if row["load"] == "autoscale"]
        _followed(panels[-1], due, followed["replicas"])
    picture.set_size_inches(5.5 * max(2, len(panels)), 4.2)


def _by_gpus(speed: Axes, latency: Axes, services: Mapping[str, Any]) -> None:
    """Beside what one replica lets expect."""
    arms = sorted(services.values(), key=lambda arm: arm["gpus"])
    replicas = [arm for arm in arms if arm["kind"] == "replicas"]
    gpus = [arm["gpus"] for arm in replicas]
    one = replicas[0]["knee_per_s"]
    speed.plot(gpus, [count * one for count in gpus], "k:", label="one replica, so many times")
    speed.plot(gpus, [arm["knee_per_s"] for arm in replicas], "o-", label="knee")
    if any(arm["goodput_per_s"] for arm in replicas):
        speed.plot(gpus, [arm["goodput_per_s"] for arm in replicas], "o-", label="verified in time, at 0.8 of the knee")
    for kind, label in (("tp", "knee, one engine over all"), ("pools", "knee, a pool for each stage")):
        if others := [arm for arm in arms if arm["kind"] == kind]:
            speed.plot([arm["gpus"] for arm in others], [arm["knee_per_s"] for arm in others], "s", label=label)
    for p, style in ((50, "o-"), (99, "s-")):
        [drawn] = latency.plot(gpus, [arm[f"latency_p{p}_s"] for arm in replicas], style, label=f"p{p}")
        expected = [arm["expected"][f"latency_p{p}_s"] for arm in replicas]
        latency.plot(gpus, expected, "x--", color=drawn.get_color(), label=f"p{p}, simulated")
    speed.set(xlabel="GPUs", ylabel="requests a second", ylim=(0, None))
    latency.set(xlabel="GPUs", ylabel="latency at 0.8 of the knee, s", ylim=(0, None))
    speed.legend(fontsize="small")
    latency.legend(fontsize="small")


def _followed(load: Axes, due_s: Sequence[float], replicas: Sequence[tuple[float, int, int]]) -> None:
    """`due_s`: when requests came. `replicas`: those that run and those that start, as of such a second."""
    end_s = math.ceil(max(due_s) / _BIN_S) * _BIN_S
    load.hist(due_s, range(0, end_s + 1, _BIN_S), weights=[1 / _BIN_S] * len(due_s), color="0.85")
    seconds, running, starting = zip(*[*replicas, (end_s, *replicas[-1][1:])], strict=True)
    wanted = [a + b for a, b in zip(running, starting, strict=True)]
    axes = load.twinx()
    axes.step(seconds, wanted, where="post", label="replicas, those that start too")
    axes.step(seconds, running, where="post", label="replicas that run")
    load.set(xlabel="seconds", ylabel="requests a second (grey)", ylim=(0, None))
    axes.set(ylabel="replicas", ylim=(0, None), yticks=range(max(wanted) + 1))
    axes.legend(fontsize="small")


def _phases(starts: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Seconds of each start by phase, in order."""

    def of(tell: Callable[[Mapping[str, float]], float]) -> list[float]:
        return [max(0.0, tell(start)) for start in starts]

    told = ("engine.weights_s", "engine.kv_cache_s", "engine.graphs_s")
    return {
        "imports": of(lambda s: s["imports_s"]),
        "scheduler's start and imports": of(lambda s: s["engine_s"] - s["engine.scheduler_s"]),
        "weights": of(lambda s: s["engine.weights_s"]),
        "CUDA graphs": of(lambda s: s["engine.graphs_s"]),
        "rest of the scheduler": of(lambda s: s["engine.scheduler_s"] - sum(s[name] for name in told)),
        "grammars": of(lambda s: s["grammars_s"]),
        "first token": of(lambda s: s["first_token_s"]),
    }


_PICTURES: Mapping[str, Callable[[Picture, Result], None]] = {
    "lift bench graph": _graph,
    "lift bench branches": _branches,
    "lift bench engines": _engines,
    "lift bench start": _start,
    "lift bench scaling": _scaling,
    "lift bench overload": _overload,
    "lift bench scale": _scale,
}
