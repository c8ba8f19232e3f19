"""`lift simulate`, `lift plan` and `lift bench simulation` as their user sees them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.console import out
from deployments.cli.main import app

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console is as wide as where it was made, and a worker of pytest-xdist has 80 columns."""
    monkeypatch.setattr(out, "width", 160)


def lift(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(result: Result) -> str:
    return " ".join((result.stdout + result.stderr).split())


def test_policies_are_shown_side_by_side() -> None:
    shown = lift("simulate", "--minutes", "3", "--replicas", "3")
    assert shown.exit_code == 0, said(shown)
    rows = {line.split()[0]: line.split() for line in shown.stdout.splitlines() if "%" in line}
    assert set(rows) == {"ours", "ray", "keda", "oracle"}
    assert all(float(row[1].rstrip("%")) <= 100 for row in rows.values())


def test_settings_are_tried_each_with_each() -> None:
    words = ["--set", "concurrency=30,50", "--set", "slack=0.7,0.9", "--with", "mean_life_s=60"]
    shown = lift("simulate", "--minutes", "1.5", "--replicas", "2", "--policy", "ours", *words)
    assert shown.exit_code == 0, said(shown)
    assert shown.stdout.count("concurrency") == 4


def test_what_was_simulated_is_written_with_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trace = tmp_path / "trace"
    trace.write_text("\n".join(str(i / 3) for i in range(240)), encoding="utf-8")
    shown = lift("simulate", "--trace", str(trace), "--policy", "ours", "--record", "autoscaling/x")
    assert shown.exit_code == 0, said(shown)
    written = json.loads((tmp_path / "docs/results/autoscaling/x.json").read_text(encoding="utf-8"))
    assert written["summary"]["ours"]["attainment"] == written["rows"][0]["attainment"]
    assert written["rows"][0]["requests"] == 240
    assert {"requests_per_s", "running", "target", "terms", "total_p99_s"} <= set(written["timelines"]["ours"][-2])
    assert (tmp_path / "docs/results/autoscaling/x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--policy", "magic"], "no policy is called 'magic'; there are ours, ray, keda, fixed, oracle"),
        (["--set", "concurrency=many"], "'concurrency=many' is not KEY=NUMBER"),
        (["--set", "slak=0.5"], "slak: Extra inputs are not permitted"),
        (["--set", "slack=2"], "slack: Input should be less than or equal to 1"),
        (["--with", "slow_share=2"], "slow_share: Input should be less than or equal to 1"),
        (["--trace", "/no/such"], "No such file"),
        (["--model-profile", "gpt"], "no model profile 'gpt'"),
        (["--replicas", "0"], "--replicas"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(words: list[str], why: str) -> None:
    shown = lift("simulate", *words)
    assert shown.exit_code == 2
    assert why in said(shown)


def test_a_plan_says_replicas_dollars_and_what_limits() -> None:
    shown = lift("plan", "--rps", "2")
    assert shown.exit_code == 0, said(shown)
    for part in (
        "one H100 each",
        "an hour",
        "for 1,000 requests",
        "writes as many tokens as it can",
        "simulated requests",
    ):
        assert part in said(shown)


def test_a_plan_is_told_as_json() -> None:
    found = json.loads(lift("plan", "--rps", "2", "--gpu", "L40S", "--speed", "0.5", "--json").stdout)
    assert found["gpu"] == "L40S"
    assert found["usd_per_hour"] == pytest.approx(found["replicas"] * 1.861, abs=0.01)
    assert found["simulated"]["attainment"] >= 0.99


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--rps", "5", "--slo", "2"], "--slo 2 cannot be met: 99% of the requests take up to"),
        (["--rps", "5", "--gpu", "A100-80G"], "was measured on H100 only; measure it there"),
        (["--rps", "5", "--gpu", "H1000"], "no GPU is called 'H1000'. Did you mean H100?"),
        (["--rps", "-1"], "--rps"),
        (["--rps", "5", "--model-profile", "{spoilt}"], "step_s.1: Input should be greater than 0"),
    ],
)
def test_an_impossible_plan_is_refused_with_a_remedy(words: list[str], why: str, tmp_path: Path) -> None:
    spoilt = tmp_path / "profile.json"
    spoilt.write_text('{"name": "x", "gpu": "H100", "step_s": {"1": -1}}', encoding="utf-8")
    shown = lift("plan", *(word.format(spoilt=spoilt) for word in words))
    assert shown.exit_code == 2
    assert why in said(shown)


def test_a_file_that_is_no_real_run_cannot_be_compared() -> None:
    shown = lift(
        "bench", "simulation", str(ROOT / "docs/results/overhead.json"), str(ROOT / "cluster/bench.scaling.yaml")
    )
    assert shown.exit_code == 2
    assert "are no `lift bench scaling` and its config" in said(shown)
