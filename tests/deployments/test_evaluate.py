"""`lift eval` over a tape that a scripted model was recorded on, and with an engine in its own process."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deployments.cli.main import app
from deployments.evaluation.arms import UnknownArm, changed
from deployments.scripted_engine import ScriptedEngine
from deployments.settings import Settings
from lift_sys.evaluation.takes import Wanted, record
from lift_sys.evaluation.tape import Recorder
from schemas import LiftRequest

pytestmark = pytest.mark.slow

PROMPT = 'def double(x):\n    """Twice x.\n    >>> double(2)\n    4\n    """\n'
TASK = {
    "task_id": "T/1",
    "prompt": PROMPT,
    "entry_point": "double",
    "canonical_solution": "    return x + x\n",
    "base_input": [[1], [2]],
    "plus_input": [[-3], [10**6]],
    "test": "def check(candidate): ...",
}
CONFIG = """
applications:
  - name: lift
    import_path: deployments.app:build
    args: {code: {n: 4, first: 2, mix: {stub: 1, script: 1}}, repairs: 0}
"""


SMALL = """
applications:
  - name: lift
    import_path: deployments.app:build
    args:
      engine: {model: Qwen/Qwen2.5-Coder-0.5B-Instruct, device: cpu, max_cached_tokens: 16384, max_running_requests: 16}
      code: {n: 1, first: 1, mix: {simple: 1}, temperature: 0, max_tokens: 96}
      repairs: 0
"""
LIFT = str(Path(sys.executable).with_name("lift"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.jsonl").write_text(json.dumps(TASK) + "\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    with (tmp_path / "tape.jsonl").open("w", encoding="utf-8") as file:
        wanted = Wanted({"stub": 4, "script": 4}, irs=1, direct=2)
        requests = [LiftRequest(prompt=PROMPT)]
        recorder = Recorder(ScriptedEngine(), file)
        asyncio.run(record(recorder, requests, wanted, concurrency=1, on_done=lambda: None))
    return tmp_path


def run(folder: Path, *options: str) -> Any:
    fixed = ["eval", str(folder / "tasks.jsonl"), "--tape", str(folder / "tape.jsonl")]
    return CliRunner().invoke(app, [*fixed, "--config", str(folder / "config.yaml"), *options])


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]


def test_arms_are_graded_by_inputs_that_they_never_saw(folder: Path) -> None:
    arms = [
        option for arm in ("direct", "json", "service", "service:n=1", "service:ir=off") for option in ("--arm", arm)
    ]
    done = run(folder, *arms, "--out", str(folder / "rows.jsonl"))
    assert done.exit_code == 0, done.output
    found = {row["arm"]: row for row in rows(folder)}
    assert {arm: row["plus"] for arm, row in found.items()} == {
        "direct": True, "json": False, "service": True, "service:n=1": True, "service:ir=off": True,
    }  # fmt: skip
    assert (found["service"]["level"], found["service"]["samples"]) == ("verified", 2)
    assert (found["service:n=1"]["level"], found["service:n=1"]["samples"]) == ("likely", 1)
    assert found["direct"]["level"] is None
    assert (found["service"]["grounds"], found["service"]["repaired"]) == ("confirmed", False)


def test_what_is_recorded_is_indexed_and_drawn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "docs" / "results").mkdir(parents=True)
    monkeypatch.chdir(folder)
    done = run(folder, "--arm", "direct", "--arm", "service", "--price", "1", "2", "--record", "eval/tried")
    assert done.exit_code == 0, done.output
    results = folder / "docs" / "results"
    found = json.loads((results / "eval" / "tried.json").read_text(encoding="utf-8"))
    assert [row["arm"] for row in found["rows"]] == ["direct", "service"]
    read, written = (found["rows"][1][f"{kind}_tokens"] for kind in ("prompt", "completion"))
    assert read > 0
    assert written > 0
    assert found["summary"]["service"]["usd"] == pytest.approx((read * 1 + written * 2) / 1e6)
    assert (results / "eval" / "tried.png").read_bytes().startswith(b"\x89PNG")
    [figure] = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    assert (figure["id"], figure["value"]) == ("eval.tried", 1)


def test_an_evaluation_goes_on_where_it_ended(folder: Path) -> None:
    kept = str(folder / "rows.jsonl")
    assert run(folder, "--arm", "direct", "--out", kept).exit_code == 0
    with (folder / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"task": "T/1", "arm": "serv')
    assert run(folder, "--arm", "direct", "--arm", "service", "--seeds", "2", "--out", kept).exit_code == 0
    assert sorted((row["arm"], row["seed"]) for row in rows(folder)) == [
        ("direct", 0), ("direct", 1), ("service", 0), ("service", 1),
    ]  # fmt: skip


def test_what_the_tape_does_not_hold_is_an_error_of_that_task(folder: Path) -> None:
    done = run(folder, "--arm", "service:mix=complete", "--out", str(folder / "rows.jsonl"))
    assert done.exit_code == 0
    [row] = rows(folder)
    assert (row["level"], row["plus"]) == ("error", False)
    assert "0 completions" in row["said"]


@pytest.mark.parametrize(
    ("arm", "why"),
    [
        ("services", "is none of direct, json, service"),
        ("service:nn=1", "'nn' is none of n, first, mix"),
        ("service:n=0", "code.n: Input should be greater than or equal to 1"),
        ("service:mix=scrip", "no framing is called 'scrip'"),
        ("service:policy=best", "no policy is called 'best'"),
    ],
)
def test_a_wrong_arm_is_refused_by_name(arm: str, why: str, folder: Path) -> None:
    done = run(folder, "--arm", arm)
    assert done.exit_code == 2
    assert why in " ".join(done.output.split())


def test_an_arm_changes_what_it_names() -> None:
    settings = changed(Settings(), "n=2,first=1,mix=stub*2+script,policy=dual,repairs=0,temperature=1.0")
    assert (settings.code.n, settings.code.first, settings.code.mix) == (2, 1, {"stub": 2, "script": 1})
    assert (settings.validator.policy, settings.repairs, settings.code.temperature) == ("dual", 0, 1.0)
    with pytest.raises(UnknownArm, match="nothing for requests that are no code"):
        changed(Settings(), "mix=stub")


def test_a_service_has_no_other_arms() -> None:
    done = CliRunner().invoke(app, ["eval", "--arm", "direct"])
    assert done.exit_code == 2
    assert "other arms need --tape FILE or --live" in " ".join(done.output.split())


def test_a_live_engine_is_asked_in_this_process(folder: Path) -> None:
    scripted = CONFIG.replace("args: {", "args: {engine: {kind: scripted}, ")
    (folder / "config.yaml").write_text(scripted, encoding="utf-8")
    asked = ["eval", str(folder / "tasks.jsonl"), "--live", "--config", str(folder / "config.yaml")]
    done = CliRunner().invoke(app, [*asked, "--arm", "direct", "--arm", "service", "--out", str(folder / "rows.jsonl")])
    assert done.exit_code == 0, done.output
    assert {row["arm"]: row["plus"] for row in rows(folder)} == {"direct": True, "service": True}


def test_requests_for_no_function_are_to_be_refused_and_others_not(folder: Path) -> None:
    """The scripted model sees a function in everything."""
    scripted = CONFIG.replace("args: {", "args: {engine: {kind: scripted}, ").replace(
        "n: 4, first: 2", "n: 1, first: 1"
    )
    (folder / "config.yaml").write_text(scripted, encoding="utf-8")
    kept = folder / "rows.jsonl"
    asked = ["eval", "refusals", "--live", "--config", str(folder / "config.yaml"), "--limit", "26"]
    done = CliRunner().invoke(app, [*asked, "--out", str(kept)])
    assert done.exit_code == 0, done.output
    found = {row["task"]: row["plus"] for row in rows(folder)}
    assert found == {**{f"other/{i}": False for i in range(24)}, "function/0": True, "function/1": True}


@pytest.mark.engine
@pytest.mark.timeout(400)
def test_a_small_real_model_solves_most_of_ten_tasks(tmp_path: Path) -> None:
    """The evaluation with the real engine, on the first of the 18 tasks; the likeliest answer, without a model's IR."""
    (tmp_path / "config.yaml").write_text(SMALL, encoding="utf-8")
    asked = [LIFT, "eval", "--live", "--config", "config.yaml", "--arm", "service:ir=off", "--limit", "10"]
    asked += ["--concurrency", "10", "--out", "rows.jsonl"]
    ran = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, timeout=380, check=False)
    assert ran.returncode == 0, ran.stderr[-2_000:]
    found = rows(tmp_path)
    assert [row["level"] for row in found if row["said"].startswith("OutputInvalid") or row["level"] == "error"] == []
    assert len(found) == 10
    assert sum(row["plus"] for row in found) >= 4
    assert not any(row["plus"] for row in found if row["level"] == "rejected")
