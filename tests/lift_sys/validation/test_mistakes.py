"""Wrong results made from a right one."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift_sys.jail.values import encode, same
from lift_sys.validation.mistakes import wrong_results

LEAVES = st.none() | st.booleans() | st.integers(-99, 99) | st.floats() | st.text("ab'\\\n", max_size=4)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2)
        | st.sets(LEAVES, max_size=2)
    ),
    max_leaves=4,
)


@given(VALUES.filter(lambda value: "inf" not in repr(value) and "nan" not in repr(value)))
def test_wrong_results_are_few_and_none_is_the_same_as_another(value: object) -> None:
    wrong = wrong_results(repr(value))
    trees = [encode(value), *(encode(ast.literal_eval(text)) for text in wrong)]
    assert 1 <= len(wrong) <= 14
    assert not any(same(a, b) for i, a in enumerate(trees) for b in trees[:i])


@pytest.mark.parametrize(
    ("value", "some"),
    [
        ("5", {"4", "6", "-5", "0", "None"}),
        ("1.5", {"0.5", "2.5", "-1.5", "0.0", "None"}),
        ("True", {"False", "None"}),
        ("None", {"0"}),
        ("'abc'", {"'ab'", "'aabc'", "'bac'", "'cba'", "''", "None"}),
        ("[1, 2, 3]", {"[1, 2]", "[1, 1, 2, 3]", "[2, 1, 3]", "[3, 2, 1]", "[]", "[2, 2, 3]", "None"}),
        ("(1, 'a')", {"(1,)", "(1, 1, 'a')", "('a', 1)", "()", "(2, 'a')", "None"}),
        ("{'a': 1, 'b': 2}", {"{'b': 2}", "{'a': 2, 'b': 2}", "{'a': None, 'b': 2}", "{}", "None"}),
        ("{1, 2}", {"{2}", "{0, 1, 2}", "set()", "None"}),
        ("[]", {"None"}),
        ("set()", {"{0}", "None"}),
        ("b'ab'", {"b'a'", "b'ba'", "None"}),
        ("[1e999]", {"[]", "None"}),
    ],
)
def test_common_faults_are_among_them(value: str, some: set[str]) -> None:
    assert some <= set(wrong_results(value))


@pytest.mark.parametrize("value", ["[" * 80 + "]" * 80, "0x" + "f" * 8_000], ids=["too deep", "too long to print"])
def test_what_is_too_large_to_be_a_result_has_none(value: str) -> None:
    assert wrong_results(value) == []
