"""`lift audit`, with the real sandbox and a file of tasks of its own."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app

pytestmark = pytest.mark.siege

DOUBLE = {
    "task_id": "Own/1",
    "prompt": "double(2) == 4",
    "entry_point": "double",
    "canonical_solution": "def double(x):\n    return x + x\n",
    "assertion": "assert double(2) == 4",
    "contract": " assert isinstance(x, int) # $_CONTRACT_$\n",
    "base_input": [[2], [3]],
    "plus_input": [[-1]],
    "atol": 0,
}
REFUSED = {**DOUBLE, "task_id": "Own/2", "canonical_solution": f"{DOUBLE['canonical_solution']}    open(x)\n"}
BLIND = {**DOUBLE, "task_id": "Own/3", "prompt": "double(0) == 0", "base_input": [[0]]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    (tmp_path / "docs" / "results").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data(folder: Path, *rows: dict[str, object]) -> str:
    path = folder / "own-dev.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def figures(folder: Path) -> dict[str, float]:
    found = json.loads((folder / "docs" / "results" / "summary.json").read_text(encoding="utf-8"))
    return {figure["id"]: figure["value"] for figure in found}


def test_an_audit_shows_its_counts_and_records_them(folder: Path) -> None:
    shown = run(data(folder, DOUBLE), "--mutants", "6", "--record", "audit")
    assert shown.exit_code == 0, shown.output
    assert "1 of 1" in shown.stdout
    written = (folder / "docs" / "results" / "audit.json").read_text(encoding="utf-8")
    found = json.loads(written)
    assert found["command"] == "lift audit own-dev.jsonl.gz --mutants 6 --seed 0 --every 1 --record audit"
    assert str(folder) not in written
    [row] = found["rows"]
    assert row["task"] == "Own/1"
    assert all("line 2: differs; prompt " in text for text in row["mutants"])
    assert figures(folder) == {"validator.canonical_accepted": 1, "validator.mutants_rejected": 1}


def test_what_a_blind_example_lets_pass_lowers_the_figure(folder: Path) -> None:
    assert run(data(folder, BLIND), "--mutants", "6", "--record", "audit").exit_code == 0
    shares = figures(folder)
    assert shares["validator.canonical_accepted"] == 1
    assert shares["validator.mutants_rejected"] < 0.8


def test_a_right_solution_that_is_rejected_fails_the_audit(folder: Path) -> None:
    shown = run(data(folder, DOUBLE, REFUSED), "--mutants", "0", "--record", "audit")
    assert shown.exit_code == 1
    assert "Own/2 (base+properties): line 3: open" in shown.stderr
    assert "1 solutions known to be right are rejected" in shown.stderr
    [accepted, _] = json.loads((folder / "docs" / "results" / "summary.json").read_text(encoding="utf-8"))
    assert (accepted["value"], accepted["unit"]) == (0.5, "of 2 solutions")


def test_a_wrong_example_in_a_prompt_is_told_but_is_the_datasets_mistake(folder: Path) -> None:
    """Only the first of two tasks is taken: the other would fail the audit."""
    shown = run(data(folder, {**DOUBLE, "prompt": "double(2) == 5"}, REFUSED), "--mutants", "0", "--every", "2")
    assert shown.exit_code == 0
    assert "1 of 1" in shown.stdout
    assert "Own/1 (prompt): double(2) should have returned 5, but returned 4" in shown.stderr


@pytest.mark.parametrize(
    ("rows", "why"),
    [([{**DOUBLE, "atol": None}], "own-dev.jsonl.gz, line 1: atol"), ([{"task_id": "Own/1"}], "line 1: prompt")],
)
def test_a_file_that_cannot_be_used_is_told_by_its_line(folder: Path, rows: list[dict[str, object]], why: str) -> None:
    shown = run(data(folder, *rows))
    assert shown.exit_code == 2
    assert why in shown.stderr
