"""Consistent hashing, as Ray's `ConsistentHashRouter` has it: where a session goes, and where when replicas change."""

from bisect import bisect
from random import Random

from lift_sys.simulation.replica import Replica

_MOST_GONE = 0.1
"""Of the points; beyond it they are cleared away."""


class Ring:
    """Each replica has some random points on a circle from 0 to 1; a session goes to the next that serves."""

    def __init__(self, points: int, random: Random) -> None:
        self._count = points
        self._random = random
        self._places: list[float] = []
        self._owners: list[Replica] = []
        self._gone = 0

    def add(self, replica: Replica) -> None:
        for _ in range(self._count):
            place = self._random.random()
            at = bisect(self._places, place)
            self._places.insert(at, place)
            self._owners.insert(at, replica)

    def note_gone(self) -> None:
        """One of the replicas serves no more."""
        self._gone += self._count
        if self._gone > _MOST_GONE * len(self._places):
            left = [(place, owner) for place, owner in zip(self._places, self._owners, strict=True) if owner.serving]
            self._places = [place for place, _ in left]
            self._owners = [owner for _, owner in left]
            self._gone = 0

    def of(self, session: float) -> Replica:
        """Needs a replica that serves."""
        at = bisect(self._places, session) % len(self._owners)
        while not self._owners[at].serving:
            at = (at + 1) % len(self._owners)
        return self._owners[at]
