"""Words of users, models and untrusted code are shown as they are, whatever they are."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.console import seen
from deployments.cli.main import app
from deployments.cli.show import show_response
from deployments.scripted_engine import IR_TEXT
from schemas import IR, Code, Evidence, LiftResponse, StageReport, Verdict

HOSTILE = "[/b] [red]\x1b[2J\u202e"
SHOWN = r"[/b] [red]\x1b[2J\u202e"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("é → 漢\n\t", "é → 漢\n\t"), ("\x07\r\x7f", r"\x07\r\x7f"), ("\udcff", r"\udcff"), (HOSTILE, SHOWN)],
)
def test_what_cannot_be_seen_is_spelt(text: str, shown: str) -> None:
    assert seen(text) == shown


def test_an_answer_of_hostile_words_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    ir = json.loads(IR_TEXT)
    ir["intent"]["summary"] = HOSTILE
    evidence = Evidence(clause=HOSTILE, kind="static", origin="rule", outcome="failed", detail=HOSTILE)
    answer = LiftResponse(
        request_id="r1",
        verdict=Verdict(level="likely", reason=HOSTILE, evidence=(evidence,), sandbox=None),
        code=Code(function="f", imports=(), source=f"f = '{HOSTILE}'"),
        ir=IR.model_validate(ir),
        model=HOSTILE,
        variations=1,
        stages=(StageReport(stage="ir", seconds=1, attempts=1),),
        seconds=1,
    )
    show_response(answer)
    shown = capsys.readouterr().out
    assert shown.count(SHOWN) == 6
    assert "\x1b[2J" not in shown


def test_an_exception_of_untrusted_code_does_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text("def f():\n    raise ValueError('[/b] \\x1b[2J')", encoding="utf-8")
    shown = CliRunner().invoke(app, ["validate", "--code", str(file), "--function", "f", "--example", "f() == 1"])
    assert shown.exit_code == 1
    assert r"\x1b[2J" in shown.stdout
    assert "\x1b[2J" not in shown.stdout


def test_a_path_may_look_like_markup() -> None:
    shown = CliRunner().invoke(app, ["validate", "--code", "[/x].py", "--function", "f"])
    assert shown.exit_code == 2
    assert "[/x].py" in shown.stderr
