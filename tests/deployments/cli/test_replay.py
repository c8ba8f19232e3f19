"""`lift replay`: what a verdict rests on is found again, and what is not is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app
from deployments.scripted_engine import IR_TEXT

pytestmark = pytest.mark.slow

SORT = "def f(xs):\n    return sorted(xs)\n"


def lift(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


@pytest.fixture
def verdict(tmp_path: Path) -> Path:
    """Of code that was validated."""
    shown = lift("validate", "--code", "-", "--function", "f", "--example", "f([2, 1]) == [1, 2]", "--json", stdin=SORT)
    file = tmp_path / "verdict.json"
    file.write_text(shown.stdout, encoding="utf-8")
    return file


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    """As `lift generate --json` prints one, of which the agreement of all variations is a part."""
    ir = tmp_path / "ir.json"
    ir.write_text(IR_TEXT, encoding="utf-8")
    source = "def double(x):\n    return x * 2\n"
    shown = json.loads(lift("validate", "--code", "-", "--ir", str(ir), "--json", stdin=source).stdout)
    told = {key: shown[key] for key in ("evidence", "seed", "reason")} | {"level": shown["verdict"]}
    agreement = {**told["evidence"][0], "clause": "agreement", "kind": "agreement"}
    response = {"code": {"source": source}, "ir": json.loads(IR_TEXT), "examples": []}
    file = tmp_path / "answer.json"
    file.write_text(json.dumps({**response, "verdict": told | {"evidence": [*told["evidence"], agreement]}}))
    return file


@pytest.mark.parametrize("kind", ["verdict", "answer"])
def test_a_verdict_is_found_again(kind: str, request: pytest.FixtureRequest) -> None:
    shown = lift("replay", str(request.getfixturevalue(kind)))
    assert shown.exit_code == 0, shown.output
    assert "clauses came out the same" in shown.stdout


def test_what_came_out_otherwise_is_named(verdict: Path) -> None:
    content: dict[str, Any] = json.loads(verdict.read_text(encoding="utf-8"))
    content["request"]["code"] = "def f(xs):\n    return xs\n"
    verdict.write_text(json.dumps(content), encoding="utf-8")
    shown = lift("replay", str(verdict))
    assert shown.exit_code == 1
    assert "examples.stated[0] was passed" in shown.stdout
    assert "came out otherwise" in shown.stderr


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"verdict": 1}', '{"verdict": "verified", "evidence": [1]}'])
def test_what_is_no_verdict_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text(content, encoding="utf-8")
    shown = lift("replay", str(file))
    assert shown.exit_code == 2
    assert "no verdict" in shown.stderr.replace("\n", " ")


def test_a_file_that_is_not_there_is_named() -> None:
    shown = lift("replay", "missing.json")
    assert shown.exit_code == 2
    assert "missing.json: No such file" in shown.stderr
