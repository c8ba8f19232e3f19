"""Consistent hashing, as Ray's `ConsistentHashRouter` has it: where a session goes, and where when replicas change."""

from bisect import bisect
from operator import itemgetter
from random import Random

from lift_sys.simulation.replica import Replica


class Ring:
    """Each replica has some random points on a circle from 0 to 1; a session goes to the next point."""

    def __init__(self, points: int, random: Random) -> None:
        self._count = points
        self._random = random
        self._points: list[tuple[float, Replica]] = []
        self._places: list[float] = []
        self._gone: set[Replica] = set()
        self._sorted = True

    def add(self, replica: Replica) -> None:
        self._points += [(self._random.random(), replica) for _ in range(self._count)]
        self._sorted = False

    def remove(self, replica: Replica) -> None:
        self._gone.add(replica)
        self._sorted = False

    def of(self, session: float) -> Replica:
        """Needs a replica."""
        if not self._sorted:
            self._sort()
        return self._points[bisect(self._places, session) % len(self._points)][1]

    def _sort(self) -> None:
        """When it is needed: many replicas may come and go at once."""
        if self._gone:
            self._points = [point for point in self._points if point[1] not in self._gone]
            self._gone.clear()
        self._points.sort(key=itemgetter(0))
        self._places = [place for place, _ in self._points]
        self._sorted = True
