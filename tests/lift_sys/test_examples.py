"""Examples are read from the user's words, and never made up."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift_sys.examples import Stated, find, is_arguments, is_literal, parse

Expected = list[tuple[str, str]]
"""The call, and its result or `raises` with the exception."""


def shown(stated: tuple[Stated, ...]) -> Expected:
    return [
        (f"{s.function}({s.example.arguments})", f"{'raises ' * (s.example.expect == 'raises')}{s.example.value}")
        for s in stated
    ]


STATED: dict[str, tuple[str, Expected]] = {
    "doctest": (">>> f(1)\n2\n", [("f(1)", "2")]),
    "doctest in a docstring": ('def f(x):\n    """Add.\n\n    >>> f(1)\n    2\n    """\n', [("f(1)", "2")]),
    "doctest over lines": (">>> f([1,\n...    2])\n[2,\n 3]\n", [("f([1,\n   2])", "[2,\n 3]")]),
    "doctest that raises": (
        ">>> f('')\nTraceback (most recent call last):\n  ...\nValueError: empty\n",
        [("f('')", "raises ValueError")],
    ),
    "assert": ("assert f(1, 2) == 3", [("f(1, 2)", "3")]),
    "assert with a message": ("assert f(1) == 2, 'one more'", [("f(1)", "2")]),
    "arrow": ("f('a') -> 'b'", [("f('a')", "'b'")]),
    "double arrow": ("f('a') => 'b'", [("f('a')", "'b'")]),
    "long arrow": ("f(1) ==> 2, f(2) ➞ 3", [("f(1)", "2"), ("f(2)", "3")]),
    "equals": ("f(1) = 2", [("f(1)", "2")]),
    "comment": ("f(1)  # returns 2", [("f(1)", "2")]),
    "described": ("def f(n): For n = 2 the output should be 4", [("f(2)", "4")]),
    "described, two": (
        "def f(s: str, c: str):\n For s = 'ab', c = 'a' the result should be ('b', False)",
        [("f('ab', 'a')", "('b', False)")],
    ),
    "input and output": ("def f(xs, k):\n Input: xs = [1], k = 1\n Output: [1]", [("f([1], 1)", "[1]")]),
    "input without a name": ("def f(xs):\n Input: []\n Output: 0", [("f([])", "0")]),
    "arrow of typographers": ("f('a') → 'b'", [("f('a')", "'b'")]),
    "returns": ("So f(3) returns 9.", [("f(3)", "9")]),
    "should return": ("f(3) should return 9", [("f(3)", "9")]),
    "gives": ("f(3) gives 9", [("f(3)", "9")]),
    "is None": ("f({}) is None", [("f({})", "None")]),
    "raises": ("f('') raises ValueError", [("f('')", "raises ValueError")]),
    "should raise a": ("f('') should raise a `ValueError`.", [("f('')", "raises ValueError")]),
    "arrow to an exception": ("f('') -> KeyError", [("f('')", "raises KeyError")]),
    "in code quotes": ("`f(1)` returns `2`, and `f(2)` returns `3`", [("f(1)", "2"), ("f(2)", "3")]),
    "two in a line": ("f(1) == 2, f(2) == 3 and f(3) == 4.", [("f(1)", "2"), ("f(2)", "3"), ("f(3)", "4")]),
    "in a table": ("| f(1) == 2 | f(2) == 3 |", [("f(1)", "2"), ("f(2)", "3")]),
    "nested brackets": ("f([(1, {2: [3]})], {4}) == ({5: [6]}, [7])", [("f([(1, {2: [3]})], {4})", "({5: [6]}, [7])")]),
    "brackets in quotes": ("f(')', \"([\") == ')('", [("f(')', \"([\")", "')('")]),
    "quotes in quotes": (r"""f('it\'s', "a 'b'") == "x'y" """, [(r"""f('it\'s', "a 'b'")""", '''"x'y"''')]),
    "triple quotes": ("f('''a)\"b''') == ''", [("f('''a)\"b''')", "''")]),
    "bytes": ("f(b')') == b'('", [("f(b')')", "b'('")]),
    "a keyword argument": ("f(1, by=2) == 3", [("f(1, by=2)", "3")]),
    "no argument": ("f() == []", [("f()", "[]")]),
    "the empty set": ("f([]) == set()", [("f([])", "set()")]),
    "negative": ("f(-1) == -1", [("f(-1)", "-1")]),
    "fractions": ("f(.5) == -1.5e-3", [("f(.5)", "-1.5e-3")]),
    "truth": ("f(1) is True", [("f(1)", "True")]),
    "a number at a sentence's end": ("It is f(1) == 3.", [("f(1)", "3")]),
    "a remark behind": ("f(1) == 2 (one more) - always", [("f(1)", "2")]),
    "twice the same": ("f(1) == 2\nf(1) == 2", [("f(1)", "2")]),
    "other functions in the minority": ("len([]) == 0, f(1) == 2, f(2) == 3", [("f(1)", "2"), ("f(2)", "3")]),
    "text of other scripts": ("f('日本') == 'é'", [("f('日本')", "'é'")]),
}

NOT_STATED = {
    "no call": "Sort the list [3, 1] so that it is [1, 3].",
    "calls without a result": "Call print(1), then f(2), as in f(3).",
    "names for arguments": "f(x) == 2",
    "a name for the result": "f(1) == x",
    "another call for the result": "f(1) == f(2)",
    "a result that is computed": "f(2) == 2 * 3",
    "a sum": "f(2) == 0.1 + 0.2",
    "a power": "f(9) == 10 ** 9",
    "a method of the result": "f('a') == 'a'.upper()",
    "an item of the result": "f(1) == [1, 2][0]",
    "a word that begins with a digit": "f(1) returns 3D points",
    "thousands with commas": "f(1) == 1,000",
    "a header": "def f() -> None: ...",
    "a header with a default": "def f(name='x') -> None: ...",
    "a method": "s.f(1) == 2",
    "a call within a call": "g(f(1)) == 2",
    "the result of more than the call": "f(1) + 1 == 3",
    "the negative of the call": "-f(1) == 3",
    "not equal": "f(1) != 2",
    "the contrary": "assert not f(1) == 2",
    "is not": "f(1) is not None",
    "isn't": "f(1) isn't 2",
    "a keyword of Python": "if(1) == 2",
    "a name that is too long": f"{'f' * 49}(1) == 2",
    "a name in another script": "é_f(1) == 2",
    "never closed": "f([1, 2) == 3",
    "never closed quote": "f('a) == 3",
    "unpacking": "f(*[1]) == 2",
    "unpacking by name": "f(**{'a': 1}) == 2",
    "a formatted string": "f(f'{1}') == 2",
    "an uneven docstring": ">>> f(1)\n  ... 2\n>>>f(3)\n",
    "something else than an exception raised": "f('') raises Questions",
}


@pytest.mark.parametrize(("text", "expected"), STATED.values(), ids=STATED)
def test_a_stated_example_is_found(text: str, expected: Expected) -> None:
    assert shown(find(text)) == expected


@pytest.mark.parametrize("text", NOT_STATED.values(), ids=NOT_STATED)
def test_what_the_user_does_not_state_is_no_example(text: str) -> None:
    assert find(text) == ()
    with pytest.raises(ValueError, match="is not a call with literals"):
        parse(text)


def test_examples_of_one_function_can_be_asked_for() -> None:
    text = "f(1) == 2, f(2) == 3, g(1) == 1"
    assert shown(find(text, "g")) == [("g(1)", "1")]


def test_at_most_32_examples_are_found() -> None:
    assert len(find("\n".join(f"f({i}) == {i}" for i in range(100)))) == 32


@pytest.mark.parametrize(
    "text", ["f(1) == 2", " assert f(1) == 2 ", "f(1) -> 2", "f(\n1\n) == 2"], ids=["plain", "assert", "arrow", "lines"]
)
def test_one_example_is_parsed(text: str) -> None:
    assert shown((parse(text),)) == [("f(1)", "2")]


@pytest.mark.parametrize(
    "pattern",
    [
        "f()==", "f(", "f('", 'f("""', "f(1) == [", "f(1) == '", "f(1) == [1, ", "f((((((((", ")", "f([{(", "f(1, ",
        "f(1)->f(2)->", "'f(\"", ">>> f(1)\n", ">>> f([\n... ", "\\", "a", " ", "f('''f(1)==[", "f(1) raises ",
    ],
    ids=repr,
)  # fmt: skip
def test_a_hostile_text_takes_bounded_time(pattern: str) -> None:
    text = (pattern * 20_000)[:20_000]
    begun = time.process_time()
    find(text)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("half", ["f(" * 5_000 + ")" * 10_000, "f(" + "[" * 9_000 + "]" * 9_000 + ") == 1"])
def test_deep_brackets_take_bounded_time(half: str) -> None:
    begun = time.process_time()
    assert find(half) == ()
    assert time.process_time() - begun < 2


TEXTS = st.text(st.characters(codec="utf-8", max_codepoint=0x2FF), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
LITERALS = st.recursive(
    SCALARS | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(LITERALS, LITERALS)
def test_every_call_with_literals_and_its_literal_is_read_as_it_stands(argument: object, result: object) -> None:
    text = f"f({argument!r}) == {result!r}"
    assert shown((parse(text),)) == [(f"f({argument!r})", repr(result))]


@given(st.text(alphabet="f(1)=[]{}'\",:\\ ->\n#", max_size=60))
def test_no_text_makes_the_search_fail(text: str) -> None:
    find(text)


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("", True), ("1, 'a', b=[2]", True), ("x", False), ("1) + f(2", False), ("1)(2", False), ("*[1]", False),
        ("**{}", False), ("1 for x in []", False), ("1 # ", False), ("(" * 300, False), ("0x" + "f" * 5_000, False),
        ("9" * 5_000, False), ("{[]: 1}", False), ("\0", False), ("lambda: 1", False), ("a=1, 2", False),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)  # fmt: skip
def test_arguments_are_literals_only(text: str, literals: bool) -> None:
    assert is_arguments(text) is literals


@pytest.mark.parametrize(
    ("text", "literal"),
    [("1", True), ("None", True), ("set()", True), ("", False), ("x", False), ("[" * 300, False), ("{[]}", False)],
    ids=["number", "None", "empty set", "nothing", "name", "deep", "unhashable"],
)
def test_a_literal_is_a_value_that_python_spells(text: str, literal: bool) -> None:
    assert is_literal(text) is literal


@pytest.mark.parametrize(
    ("prompt", "values"),
    [
        ('f(1) ==> ("a", "b")\nf(2) ==> ("c")', ['("a", "b")', '("c",)']),
        ('f(1) ==> ("a")\nf(2) ==> ("c")', ['("a")', '("c")']),
        ('f(1) == ("a", "b")\nf(2) == "c"', ['("a", "b")', '"c"']),
    ],
    ids=["beside a tuple", "beside none", "no brackets"],
)
def test_a_value_in_brackets_is_a_tuple_where_the_others_are(prompt: str, values: list[str]) -> None:
    assert [stated.example.value for stated in find(prompt)] == values
