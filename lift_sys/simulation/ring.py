"""Consistent hashing, as Ray's `ConsistentHashRouter` has it: where a session goes, and where when replicas change."""

from random import Random

import numpy as np

from lift_sys.simulation.replica import Replica

_MOST_GONE = 0.1
"""Of the points; beyond it they are cleared away."""


class Ring:
    """Each replica has some random points on a circle from 0 to 1; a session goes to the next that serves."""

    def __init__(self, points: int, random: Random) -> None:
        self._count = points
        self._random = random
        self._replicas: list[Replica] = []
        self._places = np.empty(0)
        self._owners = np.empty(0, dtype=np.int64)
        """The replica of each place, in `_replicas`."""
        self._gone = 0

    def add(self, replica: Replica) -> None:
        new = np.sort([self._random.random() for _ in range(self._count)])
        at = np.searchsorted(self._places, new)
        self._places = np.insert(self._places, at, new)
        self._owners = np.insert(self._owners, at, len(self._replicas))
        self._replicas.append(replica)

    def note_gone(self) -> None:
        """One of the replicas serves no more."""
        self._gone += self._count
        if self._gone > _MOST_GONE * len(self._places):
            serving = np.array([replica.serving for replica in self._replicas], dtype=bool)
            left = serving[self._owners]
            self._places = self._places[left]
            self._owners = (np.cumsum(serving) - 1)[self._owners[left]]
            self._replicas = [replica for replica in self._replicas if replica.serving]
            self._gone = 0

    def of(self, session: float) -> Replica:
        """Needs a replica that serves."""
        at = int(np.searchsorted(self._places, session))
        while not (replica := self._at(at)).serving:
            at += 1
        return replica

    def _at(self, place: int) -> Replica:
        return self._replicas[int(self._owners[place % len(self._owners)])]
