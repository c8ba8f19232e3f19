"""Each operator makes the slip that its name says, in the function and nowhere else."""

import ast
from collections import Counter

import pytest

from lift_sys.audit.mutants import mutants
from lift_sys.audit.operators import OPERATORS

SLIPS = {
    "arithmetic": [
        ("return x + y", {"return x - y"}),
        ("return x * y // 2", {"return x / y // 2", "return x * y / 2"}),
    ],
    "comparison": [
        ("return x < y", {"return x > y"}),
        ("return x == y", {"return x != y"}),
        ("return 0 < x in y", {"return 0 > x in y", "return 0 < x not in y"}),
    ],
    "boundary": [("return x < y", {"return x <= y"}), ("return x >= y", {"return x > y"}), ("return x == y", set())],
    "constant": [
        ("x(7)", {"x(8)", "x(6)", "x(0)"}),
        ("x(0.5)", {"x(1.5)", "x(-0.5)", "x(0.0)"}),
        ("x('a', '')", {"x('', '')", "x('a', '?')"}),
        ("x(True)", {"x(False)"}),
        ("x(None)", set()),
    ],
    "off by one": [
        ("x[y]", {"x[y + 1]", "x[y - 1]"}),
        ("x[y:]", {"x[y + 1:]", "x[y - 1:]"}),
        ("x[:y]", {"x[:y + 1]", "x[:y - 1]"}),
        ("range(x)", {"range(x + 1)", "range(x - 1)"}),
        ("x['a']", set()),
    ],
    "connector": [("return x and y", {"return x or y"}), ("return x or y", {"return x and y"})],
    "negated condition": [
        ("x(y if y else x)", {"x(y if not y else x)"}),
        ("while not x: y()", {"while x:\n    y()"}),
        ("[i for i in x if i if y]", {"[i for i in x if not i if y]", "[i for i in x if i if not y]"}),
    ],
    "removed condition": [
        ("if x: y()", {"if True:\n    y()", "if False:\n    y()"}),
        ("while x: y()", {"while False:\n    y()"}),
        ("[i for i in x if i]", {"[i for i in x if True]", "[i for i in x if False]"}),
    ],
    "returned value": [
        ("return x", {"return None", "return 0", "return -x"}),
        ("return x < y", {"return None", "return False", "return not x < y"}),
        ("return [x]", {"return None", "return []"}),
        ("return f'{x}'", {"return None", "return ''"}),
        ("return None", {"return 0"}),
        ("return", set()),
    ],
    "deleted statement": [("x = y", {"pass"}), ("x(y)", {"pass"}), ("pass", set())],
    "removed minus": [("x(-y)", {"x(y)"}), ("x(+y)", set())],
    "break or continue": [
        ("for i in x: break", {"for i in x:\n    continue"}),
        ("for i in x: continue", {"for i in x:\n    break"}),
    ],
    "augmented assignment": [("x += y", {"x -= y", "x = y"}), ("x @= y", {"x = y"})],
}


@pytest.mark.parametrize(
    ("operator", "body", "bodies"), [(name, *case) for name, cases in SLIPS.items() for case in cases]
)
def test_an_operator_makes_the_slip_that_its_name_says(operator: str, body: str, bodies: set[str]) -> None:
    found = mutants(f"def f(x, y):\n    {body}\n", "f", 1_000, 0)
    texts = {_body(mutant.source) for mutant in found if mutant.operator == operator}
    assert texts == bodies


def _body(source: str) -> str:
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    return "\n".join(ast.unparse(statement) for statement in function.body)


def test_every_operator_is_tried() -> None:
    assert SLIPS.keys() == OPERATORS.keys()


PROGRAM = '''
"""A module of 3 words."""
import math
LIMIT = 10
UNUSED = 11

def f(x: "1", many: list[int] = [4]) -> "2":
    """Not 5 of these."""
    total = 0
    for i in range(1, len(many) - 1):
        if x < many[i] and i != LIMIT:
            total += helper(many[i]) * 3
    return total

def helper(x):
    return -x if x > 0 else math.floor(x)

def stranger(x):
    return x + 1000
'''


def test_mutants_are_programs_that_differ_from_the_source_and_from_each_other() -> None:
    found = mutants(PROGRAM, "f", 1_000, 0)
    assert len(found) > 50
    texts = [mutant.source for mutant in found]
    assert len({ast.unparse(ast.parse(PROGRAM)), *texts}) == len(texts) + 1
    for text in texts:
        compile(text, "<mutant>", "exec")


def test_each_has_one_slip_on_the_line_it_names() -> None:
    """The program's lines are as Python would write them but for two quotes, so that lines can be compared."""
    source = ast.unparse(ast.parse(PROGRAM))
    for mutant in mutants(source, "f", 1_000, 0):
        pairs = zip(source.splitlines(), mutant.source.splitlines(), strict=False)
        first = next(number for number, (ours, theirs) in enumerate(pairs, 1) if ours != theirs)
        assert first == mutant.line, mutant


def test_only_what_the_function_reaches_is_changed() -> None:
    lines = {mutant.line for mutant in mutants(PROGRAM, "f", 1_000, 0)}
    assert lines == {4, 7, 9, 10, 11, 12, 13, 16}
    for mutant in mutants(PROGRAM, "f", 1_000, 0):
        kept = ("A module of 3 words.", "Not 5 of these.", "UNUSED = 11", "return x + 1000", "x: '1'", "-> '2'")
        assert all(text in mutant.source for text in kept)


def test_a_backslash_that_python_warns_of_is_no_matter() -> None:
    assert mutants("def f(x):\n    return x < '\\d'\n", "f", 1, 0)


@pytest.mark.parametrize("most", [0, 1, 5, 12])
def test_there_are_as_many_as_asked_for_and_the_same_every_time(most: int) -> None:
    found = mutants(PROGRAM, "f", most, 7)
    assert len(found) == most
    assert found == mutants(PROGRAM, "f", most, 7)


def test_another_seed_makes_another_choice() -> None:
    assert mutants(PROGRAM, "f", 12, 0) != mutants(PROGRAM, "f", 12, 1)


@pytest.mark.parametrize("seed", range(5))
def test_operators_take_turns(seed: int) -> None:
    """Twenty constants do not crowd out one comparison."""
    source = f"def f(x):\n    if x < x:\n        return {list(range(20))}\n"
    counts = Counter(mutant.operator for mutant in mutants(source, "f", 14, seed))
    assert counts["comparison"] == counts["boundary"] == counts["negated condition"] == 1
    assert counts["constant"] <= 6
