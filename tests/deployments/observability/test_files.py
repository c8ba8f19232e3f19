"""The dashboards and alerts that are checked in, and what they name."""

import re
from pathlib import Path

import pytest

from deployments.metrics import METRICS
from deployments.observability.__main__ import files
from deployments.observability.alerts import BURNS, RUNBOOK, rules
from deployments.observability.objectives import OBJECTIVES, WINDOWS, Objective
from deployments.observability.panels import BOARDS

ROOT = Path(__file__).parents[3]
RAYS_OWN = {
    "ray_serve_autoscaling_target_replicas",
    "ray_serve_deployment_queued_queries",
    "ray_serve_deployment_replica_starts_total",
    "ray_serve_replica_processing_queries",
    "ray_serve_replica_startup_latency_ms_bucket",
}
"""Of Ray 2.60; tests/deployments/test_observability.py finds each of them in a real cluster."""
KNOWN = (
    {series for metric in METRICS for series in metric.series}
    | RAYS_OWN
    | {objective.recorded(window) for objective in OBJECTIVES for window in WINDOWS}
    | {"up"}
)
QUERIES = {
    **{f"{board.title}: {panel.title}: {legend}": promql for board in BOARDS for panel in board.panels
       for legend, promql in panel.queries.items()},
    **{rule.get("alert", rule.get("record")): rule["expr"] for group in rules()["groups"] for rule in group["rules"]},
}  # fmt: skip


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_what_is_checked_in_is_what_the_code_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == files()[path], "run `make dashboards`"


def test_no_dashboard_is_left_over() -> None:
    there = set((ROOT / "cluster" / "grafana").glob("*.json"))
    assert there == {path for path in files() if path.suffix == ".json"}


@pytest.mark.parametrize("name", QUERIES)
def test_every_series_in_a_query_exists(name: str) -> None:
    named = set(re.findall(r"\b(?:ray_\w+|lift:[\w:]+|up\b)", QUERIES[name]))
    assert named
    assert named <= KNOWN


def test_every_alert_has_an_entry_in_the_runbook_and_every_entry_an_alert() -> None:
    headings = re.findall(r"^### (\w+)$", (ROOT / RUNBOOK).read_text(encoding="utf-8"), re.MULTILINE)
    urls = [rule["annotations"]["runbook_url"] for rule in rules()["groups"][1]["rules"]]
    assert sorted(urls) == sorted(f"{RUNBOOK}#{heading.lower()}" for heading in headings)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_every_burn_that_pages_can_happen(objective: Objective) -> None:
    """With a large budget, 14.4 times of it would be more than all requests, and the alert could never fire."""
    assert max(factor for burns in BURNS.values() for factor, _, _ in burns) * objective.budget < 1
