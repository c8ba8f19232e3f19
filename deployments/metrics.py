"""The metrics that the service exports, named once.

Ray puts `ray_` before each name and `_total` behind a counter's: Prometheus finds `ray_lift_invalid_outputs_total`.
"""

from collections.abc import Callable
from typing import Any

from ray.serve.metrics import Counter, Gauge

from lift_sys.outputs import CountInvalid, Reason, Stage
from schemas.verdict import Tier

_STAGE_AND_REASON: Any = ("stage", "reason")  # Ray's annotation has one name only


def invalid_outputs() -> CountInvalid:
    """Counts what `lift_sys.outputs` refuses. It stays at 0 but for `unusable`, or a grammar does not hold."""
    counter = Counter(
        "lift_invalid_outputs",
        description="Outputs of a model that were refused.",
        tag_keys=_STAGE_AND_REASON,
    )

    def count(stage: Stage, reason: Reason) -> None:
        counter.inc(tags={"stage": stage, "reason": reason})

    return count


def sandbox_tier() -> Callable[[Tier], None]:
    """Tells the tier that a validator's runs are held by: `ray_lift_sandbox_tier{tier="…"}` is 1."""
    gauge = Gauge("lift_sandbox_tier", description="1 for the tier that holds candidates' runs.", tag_keys=("tier",))

    def tell(tier: Tier) -> None:
        gauge.set(1, tags={"tier": tier})

    return tell
