"""The metrics that the service exports, named once.

Ray puts `ray_` before each name and `_total` behind a counter's: Prometheus finds `ray_lift_invalid_outputs_total`.
"""

from collections.abc import Callable
from typing import Any, get_args

from ray.serve.metrics import Counter, Gauge

from lift_sys.outputs import CountInvalid, Reason, Stage
from lift_sys.scaling import Decision
from lift_sys.scaling.decision import Cause
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


def scaling(deployment: str) -> Callable[[Decision], None]:
    """Tells why there are so many replicas: `ray_lift_scaling_term`, `…_target`, and `…_cause`, 1 for one cause.

    For Serve's controller, where Ray adds no tags of a replica to these.
    """
    needs: Any = ("deployment", "term")
    causes: Any = ("deployment", "cause")
    term = Gauge("lift_scaling_term", description="Replicas that a term of the policy asks for.", tag_keys=needs)
    target = Gauge("lift_scaling_target", description="Replicas that were decided on.", tag_keys=("deployment",))
    cause = Gauge("lift_scaling_cause", description="1 for why there are so many.", tag_keys=causes)

    def tell(decision: Decision) -> None:
        target.set(decision.replicas, tags={"deployment": deployment})
        for name, need in decision.terms.items():
            term.set(need, tags={"deployment": deployment, "term": name})
        for name in get_args(Cause):
            cause.set(name == decision.cause, tags={"deployment": deployment, "cause": name})

    return tell
