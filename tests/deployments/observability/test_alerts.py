"""The alerts over made-up hours, by Prometheus' own `promtool`: which fire, and which do not."""

import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from deployments.observability.alerts import ALERTS
from tests.prometheus import program

pytestmark = pytest.mark.prometheus

PROMETHEUS = Path(__file__).parents[3] / "cluster" / "prometheus"
ALIVE = {
    'ray_lift_replicas{deployment="Engine",state="running"}': "1x2000",
    'up{job="ray",instance="a"}': "1x2000",
}


class Case(NamedTuple):
    """Series by the minute, and what fires at a minute of them."""

    series: dict[str, str]
    at: int
    fire: set[str]


def requests(answered: str, failed: str) -> dict[str, str]:
    name = 'ray_lift_requests_total{route="lift",outcome="%s"}'
    return {name % "answered": answered, name % "failed": failed}


def answers(verified: str, rejected: str, in_time: str) -> dict[str, str]:
    name = 'ray_lift_answer_seconds_%s{route="lift",level="%s"%s}'
    return {
        name % ("count", "verified", ""): verified,
        name % ("count", "rejected", ""): rejected,
        name % ("bucket", "verified", ',le="30.0"'): in_time,
    }


def starts(**replicas: str) -> dict[str, str]:
    name = 'ray_serve_deployment_replica_starts_total{deployment="Engine",replica="%s"}'
    return {name % replica: values for replica, values in replicas.items()}


def cause(name: str, values: str) -> dict[str, str]:
    return {f'ray_lift_scaling_cause{{deployment="Engine",cause="{name}"}}': values}


def tier(**values: str) -> dict[str, str]:
    return {f'ray_lift_sandbox_tier{{instance="a",tier="{name}"}}': value for name, value in values.items()}


def runs(**values: str) -> dict[str, str]:
    return {f'ray_lift_sandbox_runs_total{{kind="run",end="{name}"}}': value for name, value in values.items()}


def job_items(queued: str, running: str) -> dict[str, str]:
    name = 'ray_lift_job_items{state="%s"}'
    return {name % "queued": queued, name % "running": running}


def cache(used: str) -> dict[str, str]:
    name = 'ray_lift_engine_tokens{deployment="Engine",kind="%s"}'
    return {name % "used": used, name % "capacity": "100x200"}


def first_tokens(soon: str, all_: str) -> dict[str, str]:
    return {'ray_lift_ttft_seconds_bucket{stage="ir",le="1.0"}': soon, 'ray_lift_ttft_seconds_count{stage="ir"}': all_}


def invalid(reason: str, values: str) -> dict[str, str]:
    return {f'ray_lift_invalid_outputs_total{{stage="ir",reason="{reason}"}}': values}


CASES = {
    "nothing but good answers": Case(requests("0+100x200", "0x200"), 150, set()),
    "no requests": Case(requests("0x200", "0x200"), 150, set()),
    "requests that only clients spoilt": Case(
        {'ray_lift_requests_total{route="lift",outcome="refused"}': "0+100x200"}, 150, set()
    ),
    "one in ten fails": Case(requests("0+90x200", "0+10x200"), 150, {"AvailabilityBurnsFast", "AvailabilityBurns"}),
    "one in a hundred fails": Case(requests("0+99x200", "0+1x200"), 150, {"AvailabilityBurns"}),
    "one in a thousand fails": Case(requests("0+999x200", "0+1x200"), 150, set()),
    "one in ten failed, an hour ago": Case(
        requests("0+90x80 7290+100x120", "0+10x80 800x120"), 150, {"AvailabilityBurns"}
    ),
    "a minute of failures": Case(requests("0+100x200", "0x140 0+100x1 100x60"), 150, set()),
    "first tokens come late": Case(first_tokens("0+10x200", "0+100x200"), 150, {"TtftBurnsFast", "TtftBurns"}),
    "first tokens come soon": Case(first_tokens("0+99x200", "0+100x200"), 150, set()),
    "answers come late": Case(answers("0+100x200", "0x200", "0+10x200"), 150, {"AnswerBurnsFast", "AnswerBurns"}),
    "answers are rejected": Case(
        answers("0+10x200", "0+90x200", "0+100x200"), 150, {"ValidatedBurnsFast", "ValidatedBurns"}
    ),
    "answers are good": Case(answers("0+99x200", "0+1x200", "0+99x200"), 150, set()),
    "a weaker jail": Case(tier(namespaces="1x60 0x100", landlock="0x60 1x100"), 70, {"SandboxTierDropped"}),
    "a machine that never had the strongest jail": Case(tier(namespaces="0x100", landlock="1x100"), 70, set()),
    "no jail": Case(tier(namespaces="0x100", landlock="0x100", rlimits="1x100"), 70, {"SandboxTierDropped"}),
    "runs go beyond limits": Case(runs(reported="0+6x100", silent="0+4x100"), 60, {"SandboxViolations"}),
    "few runs go beyond limits": Case(runs(reported="0+95x100", silent="0+5x100"), 60, set()),
    "jails are lost": Case(runs(reported="0+100x100", lost="0+1x100"), 60, {"JailsLost"}),
    "replicas crash": Case(
        starts(a="1x20 _x60", b="1x21 _x60", c="1x22 _x60", d="1x23 _x60", e="1x200"), 30, {"ReplicasRestart"}
    ),
    "a replica goes": Case(starts(a="1x20 _x60", b="1x200"), 30, set()),
    "a grammar is late": Case(invalid("grammar", "_x50 1x60"), 60, {"GrammarTimeouts"}),
    "a first invalid output": Case(invalid("schema", "_x50 1x60"), 60, {"InvalidOutputs"}),
    "another invalid output": Case(invalid("cut", "3x50 4x60"), 60, {"InvalidOutputs"}),
    "an invalid output long ago": Case(invalid("cut", "3x200"), 100, set()),
    "IRs that no code can be held to": Case(invalid("unusable", "0+1x200"), 100, set()),
    "the autoscaler is pinned": Case(cause("pinned", "1x200"), 30, {"AutoscalerPinned"}),
    "the autoscaler was pinned": Case(cause("pinned", "1x15 0x50"), 30, set()),
    "the autoscaler knows nothing": Case(cause("held", "1x200"), 30, {"AutoscalerBlind"}),
    "the fallback answers": Case(
        {'ray_lift_fallbacks_total{stage="ir",why="open"}': "0+1x200"}, 30, {"FallbackAnswers"}
    ),
    "the fallback helped out once": Case(
        {'ray_lift_fallbacks_total{stage="ir",why="failed"}': "0x10 1x200"}, 30, set()
    ),
    "requests wait all the time": Case({"ray_lift_admission_waiting": "3x200"}, 60, {"RequestsQueue"}),
    "requests wait now and then": Case({"ray_lift_admission_waiting": "3 0 5 3 0 2 0 1 3 0 0 4x40"}, 12, set()),
    "jobs wait, and nobody works on them": Case(job_items("5x200", "0x200"), 60, {"JobsStand"}),
    "jobs wait behind others": Case(job_items("5x200", "4x200"), 60, set()),
    "no jobs": Case(job_items("0x200", "0x200"), 60, set()),
    "the cache is full": Case(cache("95x200"), 30, {"EngineFull"}),
    "the cache has room": Case(cache("60x200"), 30, set()),
    "a node cannot be read": Case({'up{job="ray",instance="b"}': "0x200"}, 30, {"ScrapeFails"}),
    "nobody tells anything": Case(dict.fromkeys(ALIVE, "_x100"), 30, {"ScrapeStale"}),
}


def test_the_alerts_fire_when_they_should_and_not_else(tmp_path: Path) -> None:
    path = tmp_path / "alerts.yaml"
    content = {"rule_files": [str(PROMETHEUS / "alerts.yaml")], "evaluation_interval": "5m"}
    path.write_text(yaml.safe_dump({**content, "tests": list(map(_test, CASES, CASES.values()))}), encoding="utf-8")
    tried = subprocess.run(
        [program("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr


def _test(name: str, case: Case) -> dict[str, Any]:
    series = [{"series": series, "values": values} for series, values in {**ALIVE, **case.series}.items()]
    fire = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(case.fire)]
    query = {
        "expr": 'group by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{case.at}m", "exp_samples": fire,
    }  # fmt: skip
    return {"name": name, "interval": "1m", "input_series": series, "promql_expr_test": [query]}


def test_every_alert_fires_in_a_case_and_is_silent_in_another() -> None:
    assert set().union(*(case.fire for case in CASES.values())) == {alert.name for alert in ALERTS}


def test_prometheus_takes_the_config_with_its_rules() -> None:
    command = [program("promtool"), "check", "config", str(PROMETHEUS / "prometheus.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
