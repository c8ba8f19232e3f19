"""The Validator's replicas: one queue, each wave with one replica and all its sandboxes."""

from collections import deque
from collections.abc import Callable, Generator
from typing import cast

from simpy import Environment, Event

from lift_sys.scaling import Load
from lift_sys.simulation.bill import Bill

Done = Callable[[], None]


class Validators:
    def __init__(self, env: Environment, start_s: float, sandboxes: int) -> None:
        self._env = env
        self._start_s = start_s
        self._sandboxes = sandboxes
        self._starting: list[object] = []
        self._busy = 0
        self._waiting: deque[tuple[float, Done]] = deque()
        self.running = 0
        self.target = 0
        self.bill = Bill(env)

    def begin(self, replicas: int) -> None:
        self.target = self.running = replicas
        self.bill.count(replicas)

    def loads(self) -> list[Load]:
        busy = min(self._busy, self.running)
        waiting = len(self._waiting) * self._sandboxes / max(1, self.running)
        return [Load(self._sandboxes, waiting)] * busy + [Load(0, waiting)] * (self.running - busy)

    def scale(self, target: int) -> None:
        self.target = target
        surplus = len(self._starting) + self.running - target
        for _ in range(min(surplus, len(self._starting))):
            self._starting.pop()
        self.running = min(self.running, target)
        for _ in range(-surplus):
            start = object()
            self._starting.append(start)
            self._env.process(self._start(start))
        self.bill.count(len(self._starting) + self.running)

    def submit(self, seconds: float, done: Done) -> None:
        self._waiting.append((seconds, done))
        self._serve()

    def _start(self, start: object) -> Generator[Event, None, None]:
        yield self._env.timeout(self._start_s)
        if start in self._starting:
            self._starting.remove(start)
            self.running += 1
            self._serve()

    def _serve(self) -> None:
        while self._waiting and self._busy < self.running:
            seconds, done = self._waiting.popleft()
            self._busy += 1
            timer = self._env.timeout(seconds, done)
            assert timer.callbacks is not None
            timer.callbacks.append(self._end)

    def _end(self, timer: Event) -> None:
        self._busy -= 1
        self._serve()
        cast("Done", timer.value)()
