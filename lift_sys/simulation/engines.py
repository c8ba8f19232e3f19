"""The engine's replicas: those that start, run and empty themselves, and which of them gets a call."""

from collections import deque
from collections.abc import Generator
from random import Random

from simpy import Environment, Event

from lift_sys.scaling import Load
from lift_sys.simulation.bill import Bill
from lift_sys.simulation.conditions import Conditions
from lift_sys.simulation.profile import Profile
from lift_sys.simulation.replica import Job, Replica
from lift_sys.simulation.ring import Ring

Process = Generator[Event, None, None]


class Engines:
    def __init__(self, env: Environment, profile: Profile, conditions: Conditions, random: Random) -> None:
        self._env = env
        self._profile = profile
        self._conditions = conditions
        self._random = random
        self._starting: list[object] = []
        self._running: list[Replica] = []
        self._ring = Ring(conditions.ring_points, random)
        self._queued: deque[tuple[Job, float]] = deque()
        self.target = 0
        self.crashes = 0
        self.bill = Bill(env)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def starting(self) -> int:
        return len(self._starting)

    @property
    def queued(self) -> int:
        return sum(job.call.sequences for job, _ in self._queued)

    def loads(self) -> list[Load]:
        silent = self._conditions.silent_share
        return [replica.load() for replica in self._running if not silent or self._random.random() >= silent]

    def begin(self, replicas: int) -> None:
        """So many run from the first moment."""
        self.target = replicas
        for _ in range(replicas):
            self._run()

    def scale(self, target: int) -> None:
        """Those that only start go first: nobody waits for them."""
        self.target = target
        surplus = len(self._starting) + len(self._running) - target
        for _ in range(min(surplus, len(self._starting))):
            self._starting.pop()
        for replica in self._random.sample(self._running, max(0, len(self._running) - target)):
            self._take_out(replica)
            self._env.process(self._empty(replica))
        for _ in range(-surplus):
            start = object()
            self._starting.append(start)
            self._env.process(self._start(start))
        self._count()

    def submit(self, job: Job, session: float) -> None:
        """To the replica that the ring has for the session, a number from 0 to 1; where there is none, it is queued."""
        if self._running:
            self._ring.of(session).submit(job)
        else:
            self._queued.append((job, session))

    def _start(self, start: object) -> Process:
        longer = 1 + self._random.random() * self._conditions.start_spread
        yield self._env.timeout(self._random.choice(self._profile.cold_start_s) * longer)
        if start in self._starting:
            self._starting.remove(start)
            self._run()

    def _run(self) -> None:
        slow = self._random.random() < self._conditions.slow_share
        replica = Replica(self._env, self._profile, self._conditions.slowness if slow else 1.0)
        self._running.append(replica)
        self._ring.add(replica)
        self._count()
        if self._conditions.mean_life_s:
            self._env.process(self._live(replica, self._random.expovariate(1 / self._conditions.mean_life_s)))
        while self._queued:
            self.submit(*self._queued.popleft())

    def _live(self, replica: Replica, life_s: float) -> Process:
        yield self._env.timeout(life_s)
        if replica.serving:
            self._take_out(replica)
            self.crashes += 1
            self.scale(self.target)
            replica.die()

    def _empty(self, replica: Replica) -> Process:
        """Its calls end before it does."""
        self.bill.emptying += 1
        while not replica.idle:
            yield self._env.timeout(1.0)
        self.bill.emptying -= 1
        self._count()

    def _take_out(self, replica: Replica) -> None:
        replica.serving = False
        self._running.remove(replica)
        self._ring.note_gone()

    def _count(self) -> None:
        self.bill.count(len(self._starting) + len(self._running))
