"""Alerts: on objectives that burn, and on causes that need somebody even before one does.

Two windows each, two speeds a severity: https://sre.google/workbook/alerting-on-slos/, "Multiwindow, Multi-Burn-Rate".
"""

from dataclasses import dataclass
from typing import Any, Literal

from deployments.observability.objectives import OBJECTIVES, WINDOWS, Objective

Severity = Literal["page", "ticket"]
RUNBOOK = "docs/runbook.md"

BURNS: dict[Severity, tuple[tuple[float, str, str], ...]] = {
    "page": ((14.4, "1h", "5m"), (6.0, "6h", "30m")),
    "ticket": ((3.0, "1d", "2h"), (1.0, "3d", "6h")),
}
"""How many times faster than allowed the budget of 30 days burns, over a long and a short window."""


@dataclass(frozen=True)
class Alert:
    name: str
    expr: str
    lasting: str
    severity: Severity
    says: str

    def rule(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.lasting,
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.says, "runbook_url": f"{RUNBOOK}#{self.name.lower()}"},
        }


def _appeared(series: str, by: str) -> str:
    """Grew within 15 minutes, or was not there before: a counter begins with its first event."""
    grew = f"sum by ({by}) (increase({series}[15m])) > 0"
    return f"{grew} or sum by ({by}) ({series} unless {series} offset 15m) > 0"


_WEAKER = (
    '(min by (instance) (ray_lift_sandbox_tier{tier="namespaces"}) == 0'
    ' and max by (instance) (max_over_time(ray_lift_sandbox_tier{tier="namespaces"}[1d])) == 1)'
    ' or max by (instance) (ray_lift_sandbox_tier{tier="rlimits"}) == 1'
)
_GONE = (
    "count by (deployment) (count by (deployment, replica)"
    " (count_over_time(ray_serve_deployment_replica_starts_total[15m])))"
    " - count by (deployment) (ray_serve_deployment_replica_starts_total) > 3"
)
_BROKEN_RUNS = (
    'sum(rate(ray_lift_sandbox_runs_total{end=~"silent|spent|large|lost"}[15m]))'
    " / sum(rate(ray_lift_sandbox_runs_total[15m])) > 0.2"
)
_LOST_JAILS = 'sum(increase(ray_lift_sandbox_runs_total{end="lost"}[15m])) > 2'
_FULL = (
    'sum by (deployment) (ray_lift_engine_tokens{kind="used"})'
    ' / sum by (deployment) (ray_lift_engine_tokens{kind="capacity"}) > 0.9'
)

_IDLE_JOBS = '(max(ray_lift_job_items{state="queued"}) > 0) and on () (max(ray_lift_job_items{state="running"}) == 0)'

CAUSES = (
    Alert("SandboxTierDropped", _WEAKER, "1m", "page", "A validator runs code in a weaker jail than it had."),
    Alert(
        "SandboxViolations", _BROKEN_RUNS, "5m", "ticket", "A fifth of the runs go beyond a limit or forge a report."
    ),
    Alert("JailsLost", _LOST_JAILS, "0m", "page", "Code ended the jail that it ran in, and not only itself."),
    Alert("ReplicasRestart", _GONE, "0m", "ticket", "More than 3 replicas of a deployment went within 15 minutes."),
    Alert(
        "GrammarTimeouts",
        _appeared('ray_lift_invalid_outputs_total{reason="grammar"}', "stage"),
        "0m",
        "page",
        "The engine had no grammar in time, so it could hold no output to one.",
    ),
    Alert(
        "InvalidOutputs",
        _appeared('ray_lift_invalid_outputs_total{reason=~"cut|json|schema|frame"}', "stage, reason"),
        "0m",
        "page",
        "A grammar let an output through that it should have made impossible.",
    ),
    Alert(
        "AutoscalerPinned",
        'max by (deployment) (ray_lift_scaling_cause{cause="pinned"}) == 1',
        "10m",
        "ticket",
        "More replicas are needed than there may be.",
    ),
    Alert(
        "AutoscalerBlind",
        'max by (deployment) (ray_lift_scaling_cause{cause="held"}) == 1',
        "10m",
        "ticket",
        "The autoscaler lacks facts, and takes no replica away.",
    ),
    Alert(
        "FallbackAnswers",
        "sum by (stage) (rate(ray_lift_fallbacks_total[5m])) > 0",
        "10m",
        "ticket",
        "The fallback writes in place of the deployment's own engine.",
    ),
    Alert(
        "RequestsQueue",
        "sum(min_over_time(ray_lift_admission_waiting[5m])) > 0",
        "15m",
        "ticket",
        "Requests wait all the time to be let in: there is more work than the engines can do.",
    ),
    Alert("JobsStand", _IDLE_JOBS, "10m", "page", "Items of jobs wait, and nobody works on any."),
    Alert("EngineFull", _FULL, "10m", "ticket", "Running sequences hold nine tenths of the KV cache."),
    Alert("ScrapeFails", 'up{job="ray"} == 0', "2m", "page", "Prometheus cannot read a node's metrics."),
    Alert("ScrapeStale", "absent(ray_lift_replicas)", "5m", "page", "No ingress has told of its replicas."),
)


def burning(objective: Objective, severity: Severity) -> Alert:
    def burns(factor: float, window: str) -> str:
        return f"{objective.recorded(window)} > {factor * objective.budget:g}"

    pairs = (f"({burns(factor, long)} and {burns(factor, short)})" for factor, long, short in BURNS[severity])
    name = f"{objective.name.capitalize()}Burns{'Fast' if severity == 'page' else ''}"
    says = f"{objective.title}: the budget is used up too fast. {objective.promise}"
    return Alert(name, " or ".join(pairs), "2m" if severity == "page" else "1h", severity, says)


ALERTS = (*(burning(objective, severity) for objective in OBJECTIVES for severity in BURNS), *CAUSES)


def rules() -> dict[str, Any]:
    """The content of a rules file of Prometheus."""
    recorded = [
        {"record": objective.recorded(window), "expr": objective.ratio(window)}
        for objective in OBJECTIVES
        for window in WINDOWS
    ]
    return {
        "groups": [
            {"name": "lift-objectives", "rules": recorded},
            {"name": "lift-alerts", "rules": [alert.rule() for alert in ALERTS]},
        ]
    }
