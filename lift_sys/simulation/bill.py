"""What there is has to be paid: while it starts, runs, and empties itself."""

from simpy import Environment


class Bill:
    def __init__(self, env: Environment) -> None:
        self._env = env
        self._replicas = 0
        self._since_s = env.now
        self._seconds = 0.0
        self.emptying = 0
        """Besides those counted. Whoever changes it counts next."""
        self.most = 0

    def count(self, replicas: int) -> None:
        """From now on there are so many."""
        self._seconds = self.replica_seconds
        self._since_s = self._env.now
        self._replicas = replicas + self.emptying
        self.most = max(self.most, replicas)

    @property
    def replica_seconds(self) -> float:
        return self._seconds + self._replicas * (self._env.now - self._since_s)
