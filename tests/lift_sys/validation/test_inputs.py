"""More inputs from few."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift_sys.examples import is_arguments
from lift_sys.validation.inputs import mutate

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False) | st.text("ab'\\\n", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
ARGUMENTS = st.lists(VALUES, max_size=3).map(lambda values: ", ".join(map(repr, values))).filter(is_arguments)


def values_of(arguments: str) -> list[object]:
    call = ast.parse(f"f({arguments})", mode="eval").body
    assert isinstance(call, ast.Call)
    return [ast.literal_eval(argument) for argument in call.args]


@given(st.lists(ARGUMENTS, max_size=4))
def test_new_inputs_are_arguments_few_and_none_twice(given_arguments: list[str]) -> None:
    fresh = mutate(given_arguments)
    assert len(fresh) <= 72
    assert len(set(fresh) | set(given_arguments)) == len(fresh) + len(set(given_arguments))
    assert all(is_arguments(text) for text in fresh)


@given(ARGUMENTS)
def test_arguments_keep_their_types_and_the_first_ones_have_one_changed(arguments: str) -> None:
    old = values_of(arguments)
    for place, text in enumerate(mutate([arguments])):
        new = values_of(text)
        assert [type(value) for value in new] == [type(value) for value in old]
        changed = sum(repr(a) != repr(b) for a, b in zip(old, new, strict=True))
        assert changed == 1 if place == 0 else changed >= 1


@given(st.lists(ARGUMENTS, max_size=4))
def test_the_same_inputs_give_the_same(arguments: list[str]) -> None:
    assert mutate(arguments) == mutate(arguments)


@pytest.mark.parametrize(
    ("arguments", "some"),
    [
        ("5", {"0", "4", "6", "-5"}),
        ("True", {"False"}),
        ("'ab'", {"''", "'b'", "'ba'", "'AB'", "'Ab'"}),
        ("'3 of 5'", {"'4 of 5'", "'2 of 5'", "'3 of 6'"}),
        ("[1, 2]", {"[]", "[2]", "[2, 1]", "[1, 2, 1]"}),
        ("[3], [7]", {"[7], [7]", "[3], [3]"}),
        ("{'a': 1}", {"{}"}),
        ("{1}", {"set()"}),
        ("1, b=[2]", {"0, b=[2]"}),
        ("None", set()),
        ("", set()),
    ],
)
def test_values_that_wrong_programs_treat_differently_are_among_them(arguments: str, some: set[str]) -> None:
    assert some <= set(mutate([arguments]))


def test_what_has_no_literal_is_left_out() -> None:
    assert all("inf" not in text for text in mutate(["1e999", "[1e999, 1]"]))
