"""Tells Ray of the metrics; Ray's agent on each node exports them to Prometheus."""

from collections.abc import Callable
from functools import cache
from typing import Any

from ray.serve import metrics as in_a_replica
from ray.util import metrics as anywhere

from deployments.metrics import (
    INVALID_OUTPUTS,
    SANDBOX_RUNS,
    SCALING_CAUSE,
    SCALING_TARGET,
    SCALING_TERM,
    Metric,
)
from lift_sys.outputs import Reason, Stage
from lift_sys.report import JobKind, RunEnd
from lift_sys.scaling import Decision


def tell(metric: Metric, amount: float, /, **labels: str) -> None:
    """A `Tell`."""
    metric.check(labels)
    if amount or metric.kind != "counter":  # Ray's counters refuse 0
        _instrument(metric)(amount, labels)


@cache
def _instrument(metric: Metric) -> Callable[[float, dict[str, str]], None]:
    # Serve's own add the replica's deployment. Those that have the label already are about another one.
    library: Any = anywhere if "deployment" in metric.labels else in_a_replica
    keys = tuple(metric.labels)
    record: Callable[[float, dict[str, str]], None]
    match metric.kind:
        case "counter":
            record = library.Counter(metric.name, metric.says, tag_keys=keys).inc
        case "gauge":
            record = library.Gauge(metric.name, metric.says, tag_keys=keys).set
        case "histogram":
            record = library.Histogram(metric.name, metric.says, boundaries=list(metric.buckets), tag_keys=keys).observe
    return record


def count_invalid(stage: Stage, reason: Reason) -> None:
    tell(INVALID_OUTPUTS, 1, stage=stage, reason=reason)


def count_run(kind: JobKind, end: RunEnd) -> None:
    tell(SANDBOX_RUNS, 1, kind=kind, end=end)


def scaling(deployment: str) -> Callable[[Decision], None]:
    """Tells why there are so many replicas. For Serve's controller, where Ray adds no labels of a replica."""

    def tell_decision(decision: Decision) -> None:
        tell(SCALING_TARGET, decision.replicas, deployment=deployment)
        for term, need in decision.terms.items():
            tell(SCALING_TERM, need, deployment=deployment, term=term)
        for cause in SCALING_CAUSE.labels["cause"]:
            tell(SCALING_CAUSE, cause == decision.cause, deployment=deployment, cause=cause)

    return tell_decision
