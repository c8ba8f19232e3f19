"""The frame around code: any program can stand in it, and it is always clear where the program ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lift_sys.grammar.code_frame import (
    code_grammar,
    opening,
    planned_code_grammar,
    require_frame,
    source_of,
)
from lift_sys.grammar.tree import Grammar, Node
from lift_sys.outputs import Refused

Admits = Callable[[Node, str], bool]
CODE = code_grammar(8_192).root
PLANNED = planned_code_grammar(8_192, 64).root
OWN = sorted(Path(__file__).parents[3].glob("lift_sys/*.py"))

PROGRAMS = {
    "one line": "x = 1",
    "CJK, accents and emoji": "def f(s: str) -> str:\n    return s + 'é 日本 👍'  # ünïcödé",
    "right to left": "GREETINGS = ['مرحبا', 'שלום']",
    "combining": "x = 'e\u0301'",
    "empty lines and tabs": "def f():\n\n\treturn 1\n\n\nf()\n",
    "backticks within lines": "def f():\n    '''`x` and ```y```'''\n    return '```'",
    "nothing": "",
    **{path.name: path.read_text(encoding="utf-8").replace("\n```", "\n ```") for path in OWN},
}
NOT_FRAMED = {
    "never closed": "x = 1\n",
    "closed on a line of code": "x = 1```",
    "words behind": "x = 1\n```\nDone.",
    "a line break behind": "x = 1\n```\n",
    "closed twice": "x = 1\n```\n```",
    "a fence within": "x = 1\n```\ny = 2\n```",
    "a line that begins with a backtick": "`x`\n```",
    "a carriage return": "x = 1\r\n```",
    "a NUL": "x = '\0'\n```",
    "a form feed": "x = 1\f\n```",
}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_can_be_written_and_is_read_back(admitted: Admits, source: str) -> None:
    written = f"{source}\n```"
    assert admitted(CODE, written) is (len(source.encode()) <= 8_184)
    require_frame(opening() + written)
    assert source_of(opening() + written) == source


@pytest.mark.parametrize("text", NOT_FRAMED.values(), ids=NOT_FRAMED)
def test_what_is_not_one_block_cannot_be_written(admitted: Admits, text: str) -> None:
    assert not admitted(CODE, text)


@pytest.mark.parametrize(
    "text", [t for name, t in NOT_FRAMED.items() if name not in ("a NUL", "a form feed", "a carriage return")]
)
def test_what_is_not_one_block_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        require_frame(opening() + text)
    assert refusal.value.reason == "frame"


def test_a_plan_can_come_before_the_code(admitted: Admits) -> None:
    written = "Take a number.\nDouble it.\n```python\nx = 2\n```"
    assert admitted(PLANNED, written)
    require_frame(written)
    assert source_of(written) == "x = 2"
    assert not admitted(PLANNED, "Plan:\n`x`\n```python\nx = 2\n```")
    assert not admitted(PLANNED, "```python\nx = 2\n```")


def test_what_is_known_of_an_answer_stands_in_its_opening() -> None:
    assert opening() == "```python\n"
    assert opening("def f(x):\n") == "```python\ndef f(x):\n"


@pytest.mark.parametrize(
    ("answer", "source"),
    [("```python\nx = 1", "x = 1"), ("```python\nx = 1\n", "x = 1"), ("", "")],
    ids=["cut in the body", "cut before the fence", "nothing"],
)
def test_an_answer_that_was_cut_is_still_read(answer: str, source: str) -> None:
    assert source_of(answer) == source


@pytest.mark.parametrize(
    ("grammar", "before"),
    [(code_grammar(64), ""), (planned_code_grammar(128, 64), "p\n```python\n")],
    ids=["code", "after a plan"],
)
def test_a_body_may_be_as_long_as_its_limit_and_no_longer(admitted: Admits, grammar: Grammar, before: str) -> None:
    """In single bytes. Of 64 tokens four close it, one ends the answer, four may be a character behind the budget."""
    assert admitted(grammar.root, f"{before}{'x' * 55}\n```")
    assert not admitted(grammar.root, f"{before}{'x' * 56}\n```")
    assert admitted(grammar.root, f"{before}{'x' * 55}👍\n```")
    assert not admitted(grammar.root, f"{before}{'x' * 55}👍👍\n```")
