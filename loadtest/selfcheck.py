"""Whether the load generator did what it was to do. Where it did not, its figures say nothing of the service."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.quantiles import quantile
from loadtest.rows import Row

LAG_MS = 5.0
OFFERED = 0.99


@dataclass(frozen=True)
class SelfCheck:
    lag_p99_ms: float
    """From when a request was due until it was sent."""
    offered_share: float
    """Of the requests that were due, how many were sent."""
    lag_limit_ms: float = LAG_MS

    @classmethod
    def of(cls, rows: Sequence[Row], due: int, limit_ms: float = LAG_MS) -> "SelfCheck":
        lag_s = quantile([row.lag_s for row in rows], 0.99) or 0.0
        return cls(round(lag_s * 1_000, 3), round(len(rows) / due, 4) if due else 1.0, limit_ms)

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the run does not count; none if it does."""
        found = []
        if self.lag_p99_ms > self.lag_limit_ms:
            found.append(
                f"requests left {self.lag_p99_ms:g} ms late at p99 (at most {self.lag_limit_ms:g}): "
                "this machine is too busy; lower the rate, or add workers with --processes"
            )
        if self.offered_share < OFFERED:
            found.append(
                f"only {self.offered_share:.1%} of the requests that were due were sent (at least {OFFERED:.0%})"
            )
        return tuple(found)
