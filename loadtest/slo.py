"""The latency objective of a request."""

import math
from dataclasses import dataclass

from loadtest.rows import Row


@dataclass(frozen=True)
class Slo:
    total: float = math.inf
    """Seconds until the whole answer."""
    ttft: float = math.inf
    """Seconds until the first output: an IR or a candidate, since the service sends no single tokens."""

    @classmethod
    def parse(cls, text: str) -> "Slo":
        """From `total=40,ttft=2`. Raises `ValueError`, which says what is wrong."""
        limits = {}
        for one in filter(None, text.split(",")):
            name, _, value = one.partition("=")
            if name not in ("total", "ttft"):
                raise ValueError(f"{one!r}: total=SECONDS or ttft=SECONDS is wanted")
            limits[name] = _seconds(value, one)
        return cls(**limits)

    def met(self, row: Row) -> bool:
        """By an answer, whatever its verdict."""
        first_s = row.latency_s if row.first_output_s is None else row.first_output_s
        return row.answered and row.latency_s <= self.total and first_s <= self.ttft


def _seconds(value: str, said: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"{said!r}: a number of seconds above 0 is wanted")
    return seconds
