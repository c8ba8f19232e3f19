"""The metrics that the service exports, named once. Ray puts `ray_` before each name."""

from ray.serve.metrics import Counter

from lift_sys.outputs import CountInvalid, Reason, Stage


def invalid_outputs() -> CountInvalid:
    """Counts what `lift_sys.outputs` refuses. It stays at 0 but for `unusable`, or a grammar does not hold."""
    counter = Counter(
        "lift_invalid_outputs_total",
        description="Outputs of a model that were refused.",
        tag_keys=("stage", "reason"),
    )

    def count(stage: Stage, reason: Reason) -> None:
        counter.inc(tags={"stage": stage, "reason": reason})

    return count
