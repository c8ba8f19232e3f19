"""One engine replica: prompts are read first come, first served; then all sequences share the steps of one batch."""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

from simpy import Environment, Event

from lift_sys.scaling import Load
from lift_sys.simulation.profile import Call, Profile

_A_LITTLE = 1e-6
"""Of a token: what adding seconds may lose."""


class Job:
    """A call in a replica. `done(job)` is called once, at its end; `lost` tells whether the replica died."""

    __slots__ = ("call", "done", "first_token_s", "lost")

    def __init__(self, call: Call, done: "Callable[[Job], None]") -> None:
        self.call = call
        self.done = done
        self.first_token_s = inf
        self.lost = False


class Replica:
    """Alive until it dies or is drained. While a prompt is read, nothing is written: SGLang's order, too."""

    def __init__(self, env: Environment, profile: Profile, slowness: float = 1.0) -> None:
        self._env = env
        self._steps = [step_s * slowness for step_s in profile.steps]
        self._prefill_s = profile.prefill_s_per_token * slowness
        self._max_running = profile.max_running
        self._capacity = profile.capacity_tokens
        self._ends: list[tuple[float, int, Job]] = []
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._used = 0.0
        self._uncached = 0.0
        self._written = 0.0
        """Tokens, of a sequence that was there from the beginning."""
        self._at_s = self._read_until_s = env.now
        self._timer_s = inf
        self._jobs = 0
        self.serving = True
        """New calls may come."""

    @property
    def idle(self) -> bool:
        return not self._ends and not self._waiting

    def submit(self, job: Job) -> None:
        self._go_on()
        self._waiting.append(job)
        self._uncached += job.call.uncached_tokens
        self._admit()
        self._wait()

    def die(self) -> None:
        jobs = [job for *_, job in self._ends] + list(self._waiting)
        self._ends, self._waiting, self._timer_s = [], deque(), inf
        for job in jobs:
            job.lost = True
            job.done(job)

    def load(self) -> Load:
        waiting = sum(job.call.sequences for job in self._waiting)
        return Load(self._running, waiting, self._used, self._capacity, self._uncached)

    def _go_on(self) -> None:
        """To now: as many steps as fit beside the reading of prompts."""
        now = self._env.now
        begun = max(self._at_s, self._read_until_s)
        if now > begun:
            self._written += (now - begun) / self._steps[self._running]
        self._at_s = now

    def _admit(self) -> None:
        while self._waiting and self._fits(call := self._waiting[0].call):
            job = self._waiting.popleft()
            self._running += call.sequences
            self._used += call.kv_tokens
            self._uncached -= call.uncached_tokens
            self._read_until_s = max(self._at_s, self._read_until_s) + call.uncached_tokens * self._prefill_s
            job.first_token_s = self._read_until_s + self._steps[self._running]
            self._jobs += 1
            heappush(self._ends, (self._written + call.tokens, self._jobs, job))

    def _fits(self, call: Call) -> bool:
        return self._running + call.sequences <= self._max_running and self._used + call.kv_tokens <= self._capacity

    def _wait(self) -> None:
        """For the next end. A batch that grew is only slower, so an earlier timer stands and looks again."""
        if not self._ends:
            return
        steps = self._ends[0][0] - self._written
        delay = max(self._read_until_s - self._at_s, 0.0) + max(steps, 0.0) * self._steps[self._running]
        due = self._env.now + delay
        if due < self._timer_s:
            self._timer_s = due
            timer = self._env.timeout(delay)
            assert timer.callbacks is not None
            timer.callbacks.append(self._wake)

    def _wake(self, event: Event) -> None:
        if self._env.now != self._timer_s:
            return  # another timer has come before it
        self._timer_s = inf
        self._go_on()
        ended = []
        while self._ends and self._ends[0][0] <= self._written + _A_LITTLE:
            job = heappop(self._ends)[2]
            self._running -= job.call.sequences
            self._used -= job.call.kv_tokens
            ended.append(job)
        if ended:
            self._admit()
        self._wait()
        for job in ended:
            job.done(job)
