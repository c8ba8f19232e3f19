"""What a policy is told. Nothing of it is believed before `is_sound`."""

import math
from dataclasses import asdict, dataclass

_MOST = 1e12
"""No real amount is larger; what is, is a lie or an overflow."""


def is_sound(amount: float) -> bool:
    return math.isfinite(amount) and 0 <= amount <= _MOST


@dataclass(frozen=True, slots=True)
class Load:
    """What one replica says of itself. For the Validator: sandboxes that run, and runs that wait for one."""

    running: float = 0.0
    waiting: float = 0.0
    used_tokens: float = 0.0
    """Of the KV cache, by requests that run; what is only cached can be dropped."""
    capacity_tokens: float = 0.0
    uncached_tokens: float = 0.0
    """Of prompts that wait, as far as the cache has not got them: what is still to be read."""
    age_s: float = 0.0

    def told(self) -> dict[str, float]:
        """The amounts by name, as a replica reports them. How old they are its reader finds out."""
        return {name: amount for name, amount in asdict(self).items() if name != "age_s"}

    def is_sound(self, stale_after_s: float) -> bool:
        amounts = (self.running, self.waiting, self.used_tokens, self.capacity_tokens, self.uncached_tokens)
        return all(map(is_sound, amounts)) and -stale_after_s <= self.age_s <= stale_after_s


@dataclass(frozen=True, slots=True)
class Seen:
    at_s: float
    """Of any clock; only differences count."""
    target: int
    """How many replicas there are to be, as decided last: those that run and those that start."""
    running: int
    replicas: tuple[Load, ...] = ()
    """Of those that run; one that says nothing is missing here."""
    queued: float = 0.0
    """Requests that no replica has taken yet."""
    guard: float | None = None
    """The worst of the watched objectives, as a multiple of what is allowed. None: none is watched. NaN: not known."""
