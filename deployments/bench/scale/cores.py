"""Cores that each part of a service uses, over time, and which part has the least left."""

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import psutil

from deployments.bench.cpu import service_of
from deployments.bench.scale.arms import Arm

_EVERY_S = 2.0
_FULL = 0.8
"""Busy for more than this, a part is taken to limit the others."""
_ASKER = "deployments.bench.scale.asker"
_MACHINE, _CLIENTS = "machine", "clients"
_ONE_CORE_EACH = ("Ingress", "IRStage", "CodeStage", "proxy", "controller", _CLIENTS)
"""Whose processes run Python in one thread at a time."""


class Cores:
    """Looks every two seconds, in a thread, for as long as the block runs."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, dict[str, float]]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self._seen.append((time.time(), _used_s()))
            if self._done.wait(_EVERY_S):
                return

    def between(self, begin: float, end: float) -> dict[str, float]:
        """Cores, by part, from one `time.time()` to another; nothing where nobody looked twice in between."""
        inside = [seen for seen in self._seen if begin <= seen[0] <= end]
        if len(inside) < 2:
            return {}
        (begun, before), (ended, after) = inside[0], inside[-1]
        # A part that has lost a process would seem to have given time back.
        spent = {part: max(0.0, after[part] - before.get(part, 0.0)) for part in after}
        return {part: round(used / (ended - begun), 3) for part, used in sorted(spent.items())}


def _used_s() -> dict[str, float]:
    """CPU seconds until now, with those of children: a Validator's sandboxes, an Engine's scheduler."""
    seen = {p.pid: p.info for p in psutil.process_iter(["ppid", "cmdline", "cpu_times"]) if p.info["cpu_times"]}
    used: defaultdict[str, float] = defaultdict(float)
    for pid, info in seen.items():
        if part := _part(pid, seen):
            used[part] += sum(info["cpu_times"][:4])  # its own, and of children that have ended
    times = psutil.cpu_times()
    used[_MACHINE] = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
    return dict(used)


def _part(pid: int, seen: Mapping[int, Mapping[str, object]]) -> str | None:
    """Whose child a process is, or whose child's child."""
    while info := seen.get(pid):
        words = info["cmdline"]
        command = [str(word) for word in words] if isinstance(words, list) else []
        if _ASKER in command:
            return _CLIENTS
        if name := service_of(command[0] if command else ""):
            return name
        pid = int(str(info["ppid"]))
    return None


def limits(arm: Arm, replicas: Mapping[str, int], sandboxes: int, clients: int) -> dict[str, float]:
    """Cores that each part can use at most. `replicas`: of each deployment; `sandboxes`: of all Validators at once."""
    cores = float(psutil.cpu_count() or 1)
    counts = {**replicas, "proxy": 1, "controller": 1, _CLIENTS: clients}
    return {
        **{part: float(counts[part]) for part in _ONE_CORE_EACH if part in counts},
        "Validator": min(cores, float(sandboxes)),
        _MACHINE: cores,
    }


def fullest(used: Mapping[str, float], most: Mapping[str, float]) -> str:
    """What limits while more is asked than can be done: the part with the least left, or else the engine."""
    busy = {part: used[part] / limit for part, limit in most.items() if part in used}
    part = max(busy, key=lambda name: busy[name], default=None)
    if part is None:
        return "not known: the load was too short to look at the cores"
    told = f"{part} uses {busy[part]:.0%} of its cores"
    return told if busy[part] >= _FULL else f"Engine: {told}, and no other part uses more"
