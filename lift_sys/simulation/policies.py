"""Who decides how many replicas there are. The rivals are restated from their sources, Ray's own excepted."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from lift_sys.scaling import Decision, Seen, State, decide
from lift_sys.scaling.settings import Pace


class Policy(Protocol):
    period_s: float
    """From one decision to the next."""

    def replicas(self, seen: Seen) -> Decision: ...


class Ours:
    """The function that Serve runs, with what it remembers."""

    period_s = 1.0

    def __init__(self, settings: Pace) -> None:
        self._settings = settings
        self._state = State()

    def replicas(self, seen: Seen) -> Decision:
        decision, self._state = decide(self._settings, self._state, seen)
        return decision


class Fixed:
    period_s = 60.0

    def __init__(self, replicas: int) -> None:
        self._decision = Decision(replicas, "steady", "fixed")

    def replicas(self, seen: Seen) -> Decision:
        return self._decision


class Keda:
    """A queue's length over a target for each replica, as KEDA gives it to Kubernetes' HPA.

    Formula, tolerance, period and default behaviour: Kubernetes, "Horizontal Pod Autoscaling", `autoscaling/v2`.
    """

    period_s = 15.0
    _TOLERANCE = 0.1
    _STABLE_S = 300.0

    def __init__(self, concurrency: float, most: int) -> None:
        self._concurrency = concurrency
        self._most = most
        self._advised: deque[tuple[float, int]] = deque()

    def replicas(self, seen: Seen) -> Decision:
        requests = sum(load.running + load.waiting for load in seen.replicas) + seen.queued
        need = requests / self._concurrency
        near = seen.target and abs(need / seen.target - 1) <= self._TOLERANCE
        advised = seen.target if near else math.ceil(need)
        self._advised.append((seen.at_s, advised))
        while self._advised[0][0] < seen.at_s - self._STABLE_S:
            self._advised.popleft()
        stable = min(seen.target, max(replicas for _, replicas in self._advised))
        most = max(2 * seen.target, seen.target + 4)
        replicas = min(max(advised, stable, 1), most, self._most)
        return Decision(replicas, "steady", "queue length", {"requests": need})


class Schedule:
    """Replicas by the clock, for one who knows what will come. One entry for each span of time."""

    def __init__(self, replicas: Sequence[int], span_s: float) -> None:
        self._replicas = replicas
        self.period_s = span_s

    def replicas(self, seen: Seen) -> Decision:
        at = min(int(seen.at_s / self.period_s + 0.5), len(self._replicas) - 1)
        return Decision(self._replicas[at], "steady", "known")
