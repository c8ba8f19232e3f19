"""`lift validate`, with the real sandbox."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app
from deployments.scripted_engine import IR_TEXT

pytestmark = pytest.mark.slow

ADD = "def add(a, b):\n    return a + b\n"


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["validate", *arguments], input=stdin)


@pytest.mark.parametrize(
    ("source", "examples", "level", "code"),
    [
        (ADD, ["add(1, 2) == 3"], "verified", 0),
        (ADD, ["add(1, 2) == 3", "add('a', 'b') == 'ab'", "add(1, 'b') raises TypeError"], "verified", 0),
        (ADD, ["add(1, 2) == 4"], "rejected", 1),
        (ADD, [], "unverified", 0),
        ("def add(a, b:", ["add(1, 2) == 3"], "rejected", 1),
        ("def sub(a, b): return a - b", ["add(1, 2) == 3"], "rejected", 1),
        ("import os\n" + ADD, ["add(1, 2) == 3"], "verified", 0),
        ("import os\n" + ADD.replace("return", "return os.getpid() * 0 +"), ["add(1, 2) == 3"], "verified", 0),
        ("def add(a, b):\n    print(open('x'))\n    return a + b", ["add(1, 2) == 3"], "rejected", 1),
        ("def add(a, b):\n    while True: pass", ["add(1, 2) == 3"], "rejected", 1),
        ("import os\ndef add(a, b): os._exit(0)", ["add(1, 2) == 3"], "rejected", 1),
        ("def add(a, b): return None", ["add(1, 2) is None"], "verified", 0),
    ],
)
def test_the_verdict_is_printed_with_its_evidence(source: str, examples: list[str], level: str, code: int) -> None:
    options = [part for example in examples for part in ("--example", example)]
    shown = run("--code", "-", "--function", "add", *options, "--json", stdin=source)
    assert shown.exit_code == code, shown.output
    verdict = json.loads(shown.stdout)
    assert verdict["verdict"] == level
    assert verdict["evidence"]
    assert verdict["reason"]


def test_an_ir_can_be_what_code_is_held_to(tmp_path: Path) -> None:
    (tmp_path / "ir.json").write_text(IR_TEXT, encoding="utf-8")
    for body, level in (("return 2 * x", "unverified"), ("return x, x", "unverified"), ("return", "unverified")):
        shown = run("--code", "-", "--ir", str(tmp_path / "ir.json"), "--json", stdin=f"def double(x): {body}")
        assert json.loads(shown.stdout)["verdict"] == level
    shown = run("--code", "-", "--ir", str(tmp_path / "ir.json"), "--json", stdin="def double(x, y): return x")
    assert json.loads(shown.stdout)["verdict"] == "rejected"


def test_a_person_reads_a_table() -> None:
    shown = run("--code", "-", "--function", "add", "--example", "add(1, 2) == 4", stdin=ADD)
    assert "REJECTED" in shown.stdout
    assert "returned 3" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "named"),
    [
        (["--code", "/no/such/file", "--function", "f"], None, "--code /no/such/file"),
        (["--code", "-", "--function", "f"], b"\xff\xfe", "not UTF-8 at byte 0"),
        (["--code", "-", "--function", "f"], "", "--code"),
        (["--code", "-", "--function", "not a name"], "x", "--function"),
        (["--code", "-"], "x", "say which function"),
        (["--code", "-", "--function", "f", "--example", "nothing"], "x", "--example.0: 'nothing'"),
        (["--code", "-", "--function", "f", "--example", "g(1) == 2"], "x", "calls 'g'"),
        (["--code", "-", "--function", "f", "--example", "f(x) == 2"], "x", "--example.0"),
        (["--code", "-", "--ir", "/no/such/ir"], "x", "--ir /no/such/ir"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: list[str], stdin: str | bytes | None, named: str) -> None:
    shown = run(*arguments, stdin=stdin)
    assert shown.exit_code == 2
    assert named in " ".join(shown.stderr.split())
