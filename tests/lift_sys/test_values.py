"""Values as trees: exact types, nothing that a class can say of itself, and no fear of a forged one."""

import json
import math
from collections import Counter, OrderedDict, defaultdict, namedtuple
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift_sys.jail.values import MAX_DEPTH, MAX_NODES, TooLarge, Tree, decode, encode, same, well_formed

TEXTS = st.text(max_size=6)
HASHABLE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | st.binary(max_size=6)
LITERALS = st.recursive(
    HASHABLE | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.sets(HASHABLE, max_size=3)
        | st.frozensets(HASHABLE, max_size=3)
    ),
    max_leaves=6,
)


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Number(int):
    pass


class Word(str):
    pass


class Colour(IntEnum):
    RED = 1


class Record(OrderedDict[str, int]):
    pass


Pair = namedtuple("Pair", ["a", "b"])


@given(LITERALS)
def test_a_value_comes_back_as_it_went(value: object) -> None:
    tree = well_formed(json.loads(json.dumps(encode(value))))
    back = decode(tree)
    assert back == value
    assert type(back) is type(value)
    assert same(tree, encode(value))


NAN = float("nan")
SAME: list[tuple[object, object]] = [
    (1, 1), (1, 1.0), (0.0, -0.0), (0.1 + 0.2, 0.3), (1e300, 1e300 * (1 + 1e-9)), (NAN, NAN), (math.inf, math.inf),
    ([1, 2.0], [1.0, 2]), ((), ()), ({1, 2}, {2, 1}), ({2, 10}, {2.0, 10.0}), ({0.1 + 0.2, 5.0}, {5.0, 0.3}),
    ({9.999999999, 5.0}, {10.0, 5.0}), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ({2: "a", 10: "b"}, {10.0: "b", 2.0: "a"}),
    ({"k": [({1}, None)]}, {"k": [({1}, None)]}), (b"x", b"x"), (1j, 1j), (frozenset({1}), frozenset({1})),
    (10**5_000, 10**5_000), ("\ud800", "\ud800"), (OrderedDict(a=1), {"a": 1}), (Counter("a"), {"a": 1}),
    (defaultdict(int, a=1), {"a": 1}),
]  # fmt: skip
DIFFERENT: list[tuple[object, object]] = [
    (True, 1), (False, 0), (True, 1.0), (None, False), (None, 0), (1, 2), (1, "1"), (0.3, 0.30001), (NAN, 0.0),
    (math.inf, -math.inf), (math.inf, 1e308), ([1], (1,)), ([1, 2], [2, 1]), ([1], [1, 1]), ({1}, frozenset({1})),
    ({1}, [1]), ({"a": 1}, {"a": 2}), ({"a": 1}, {"b": 1}), ({"a": 1}, {"a": 1, "b": 1}), ([[1]], [[True]]),
    ({"k": 1}, {"k": True}), ("a", b"a"), ("é", "e\u0301"), (10**400, math.inf), (10**400, 1.5), ([], None), ("", None),
    (AlwaysEqual(), AlwaysEqual()), (AlwaysEqual(), 1), ([AlwaysEqual()], [1]), (Number(1), 1), (Word("a"), "a"),
    (Colour.RED, 1), (Pair(1, 2), (1, 2)), (Record(a=1), {"a": 1}), (bytearray(b"a"), b"a"), (range(2), [0, 1]),
    ((i for i in (1, 2)), [1, 2]), (len, len), (int, int), (object(), object()),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SAME, ids=lambda value: ascii(encode(value))[:40])
def test_these_are_the_same(left: object, right: object) -> None:
    assert same(encode(left), encode(right))
    assert same(encode(right), encode(left))


@pytest.mark.parametrize(("left", "right"), DIFFERENT, ids=lambda value: ascii(encode(value))[:40])
def test_these_are_not(left: object, right: object) -> None:
    assert not same(encode(left), encode(right))
    assert not same(encode(right), encode(left))


def test_what_is_no_literal_has_no_value_outside() -> None:
    assert encode(AlwaysEqual()) == ["object", "AlwaysEqual"]
    with pytest.raises(ValueError, match="AlwaysEqual has no literal"):
        decode(encode([AlwaysEqual()]))


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [deep(MAX_DEPTH + 1), endless(), [0] * (MAX_NODES + 1), {i: i for i in range(MAX_NODES)}],
    ids=["deep", "endless", "long", "wide"],
)
def test_a_value_of_too_many_parts_is_refused(value: object) -> None:
    with pytest.raises(TooLarge):
        encode(value)


def test_the_largest_and_deepest_values_are_taken() -> None:
    assert well_formed(encode(deep(MAX_DEPTH)))
    assert well_formed(encode([0] * (MAX_NODES - 1)))


FORGED: list[Any] = [
    [], ["int"], ["int", "0x1", 2], ["int", "zz"], ["int", 1], ["int", None], ["float", "abc"], ["float", [1]],
    ["bytes", "x"], ["complex", "(1+"], ["bool", 1], ["str", 1], ["str", [[]]], ["NoneType", 0], ["list", 1],
    ["list", "ab"], ["list", [1]], ["list", [[]]], ["set", [["list", []]]], ["dict", [[["str", "a"]]]],
    ["dict", [[["dict", []], ["int", "0x1"]]]], ["dict", {"a": 1}], ["object", 1], ["what", "x"], [["int"], "0x1"],
    ["list", [["object", "A"], ["int", "zz"]]], [None, None],
]  # fmt: skip


def is_well_formed(tree: Tree) -> bool:
    try:
        return well_formed(tree) is tree
    except ValueError:
        return False


@pytest.mark.parametrize("tree", FORGED, ids=str)
def test_a_forged_tree_is_refused(tree: Tree) -> None:
    assert not is_well_formed(tree)


def test_a_forged_tree_cannot_be_too_deep_to_read() -> None:
    tree: Tree = ["list", []]
    for _ in range(900):
        tree = ["list", [tree]]
    with pytest.raises(TooLarge):
        well_formed(tree)


KINDS = st.sampled_from(["NoneType", "bool", "str", "int", "float", "bytes", "list", "set", "dict", "object", "what"])
CONTENTS = st.none() | st.booleans() | st.sampled_from(["", "0x1", "1.5", "nan", "00"])
NEARLY_TREES = st.recursive(
    st.tuples(KINDS, CONTENTS).map(list),
    lambda inner: st.tuples(KINDS, st.lists(inner | st.tuples(inner, inner).map(list), max_size=2)).map(list),
    max_leaves=5,
)


@given(NEARLY_TREES)
def test_whatever_is_well_formed_can_be_compared(tree: Tree) -> None:
    if is_well_formed(tree):
        assert same(tree, tree) or "object" in str(tree)
