"""Inputs made from types: of the type, literals, bounded, the same every time; and the smallest that fails."""

import ast
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lift_sys.examples import is_arguments
from lift_sys.validation.samples import sample, shrink
from lift_sys.validation.strategies import like, strategy_of
from schemas.ir import Kind, Parameter

pytestmark = pytest.mark.slow

SOME, MANY = 20, 80


def parameter(name: str, type: str, kind: Kind = "positional", default: str | None = None) -> Parameter:
    return Parameter(name=name, type=type, kind=kind, default=default)


def call_of(text: str) -> tuple[list[Any], dict[str, Any]]:
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    named = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    return [ast.literal_eval(value) for value in call.args], named


def first(text: str) -> Any:
    return call_of(text)[0][0]


@cache
def values_of(annotation: str, *examples: str, count: int = SOME) -> list[Any]:
    return list(map(first, sample([parameter("x", annotation)], examples, count, seed=0)))


def types_within(value: Any) -> set[type]:
    return {type(member) for member in value}


ANNOTATIONS: list[tuple[str, Callable[[Any], bool]]] = [
    ("int", lambda v: type(v) is int),
    ("float", lambda v: type(v) is float),
    ("bool", lambda v: type(v) is bool),
    ("str", lambda v: type(v) is str),
    ("bytes", lambda v: type(v) is bytes),
    ("complex", lambda v: type(v) is complex),
    ("None", lambda v: v is None),
    ("list[int]", lambda v: type(v) is list and types_within(v) <= {int}),
    ("List[str]", lambda v: type(v) is list and types_within(v) <= {str}),
    ("typing.Sequence[bool]", lambda v: type(v) is list and types_within(v) <= {bool}),
    ("collections.abc.Iterable[float]", lambda v: type(v) is list and types_within(v) <= {float}),
    ("list[list[int]]", lambda v: types_within(v) <= {list} and all(types_within(row) <= {int} for row in v)),
    ("tuple[int, str]", lambda v: type(v) is tuple and list(map(type, v)) == [int, str]),
    ("Tuple[int, ...]", lambda v: type(v) is tuple and types_within(v) <= {int}),
    ("tuple[()]", lambda v: v == ()),
    ("set[str]", lambda v: type(v) is set and types_within(v) <= {str}),
    ("frozenset[int]", lambda v: type(v) is set and types_within(v) <= {int}),
    ("set[tuple[int, int]]", lambda v: type(v) is set and all(len(pair) == 2 for pair in v)),
    ("dict[str, int]", lambda v: types_within(v) <= {str} and types_within(v.values()) <= {int}),
    ("Mapping[int, list[str]]", lambda v: types_within(v) <= {int} and types_within(v.values()) <= {list}),
    ("Optional[int]", lambda v: v is None or type(v) is int),
    ("int | None", lambda v: v is None or type(v) is int),
    ("Union[int, str]", lambda v: type(v) in (int, str)),
    ("int | float | str", lambda v: type(v) in (int, float, str)),
    ("Literal['asc', 'desc', -1]", lambda v: v in ("asc", "desc", -1)),
    ("list", lambda v: type(v) is list),
    ("dict", lambda v: type(v) is dict),
    ("set", lambda v: type(v) is set),
    ("tuple", lambda v: type(v) is tuple),
    ("Any", lambda v: type(v) in (int, str, bool, type(None), float)),
    ("list[object]", lambda v: types_within(v) <= {int, str, bool, type(None), float}),
]


@pytest.mark.parametrize(("annotation", "is_of_it"), ANNOTATIONS)
def test_values_are_of_the_annotation(annotation: str, is_of_it: Callable[[Any], bool]) -> None:
    texts = sample([parameter("x", annotation)], (), SOME, seed=0)
    assert all(map(is_arguments, texts))
    assert all(is_of_it(first(text)) for text in texts)
    assert 0 < len(set(texts)) == len(texts) <= SOME


@pytest.mark.parametrize(
    "annotation",
    [
        "",
        "Foo",
        "list[Foo]",
        "int | Foo",
        "tuple[int, Foo]",
        "dict[str]",
        "list[int, str]",
        "int[str]",
        "set[list[int]]",
        "dict[set[int], int]",
        "Callable[[int], int]",
        "Literal[open]",
        "Literal",
        "Optional",
        "open('file')",
        "().__class__",
        "list[",
        "list[list[list[list[list[int]]]]]",
        "tuple[" * 500,
        "int" + " | int" * 500,
    ],
)
def test_what_cannot_be_read_is_not_known(annotation: str) -> None:
    assert strategy_of(annotation) is None


@pytest.mark.parametrize(
    ("annotation", "is_within"),
    [
        ("int", lambda v: abs(v) <= 10**6),
        ("float", lambda v: abs(v) <= 10**6),
        ("str", lambda v: len(v) <= 12),
        ("bytes", lambda v: len(v) <= 12),
        ("list[int]", lambda v: len(v) <= 8),
        ("tuple[int, ...]", lambda v: len(v) <= 8),
        ("set[int]", lambda v: len(v) <= 8),
        ("dict[int, int]", lambda v: len(v) <= 8),
        ("list[list[list[list[int]]]]", lambda v: len(repr(v)) <= 1_000),
    ],
)
def test_values_are_small(annotation: str, is_within: Callable[[Any], bool]) -> None:
    large = ("9" * 9, "9e9", "'" + "a" * 99 + "'", f"{[9] * 99}")
    assert all(map(is_within, values_of(annotation, *large, count=MANY)))


@pytest.mark.parametrize(
    ("annotation", "is_boundary"),
    [
        ("int", lambda v: v == 0),
        ("int", lambda v: v == -1),
        ("int", lambda v: v == 10**6),
        ("float", lambda v: v == 0.0),
        ("float", lambda v: v != int(v)),
        ("str", lambda v: v == ""),
        ("str", lambda v: not v.isascii()),
        ("str", lambda v: v != v.strip()),
        ("str", lambda v: len(v) > len(set(v))),
        ("bytes", lambda v: v == b""),
        ("list[int]", lambda v: v == []),
        ("list[int]", lambda v: len(v) > len(set(v))),
        ("list[int]", lambda v: len(v) > 5),
        ("set[int]", lambda v: v == set()),
        ("dict[str, int]", lambda v: v == {}),
        ("int | None", lambda v: v is None),
    ],
)
def test_boundaries_are_among_them(annotation: str, is_boundary: Callable[[Any], bool]) -> None:
    assert any(map(is_boundary, values_of(annotation, count=MANY)))


@pytest.mark.parametrize(
    ("annotation", "example", "leans"),
    [
        ("int", "471", lambda v: v in (470, 471, 472)),
        ("float", "47.25", lambda v: v == 47.25),
        ("str", "'XIV'", lambda v: v == "XIV"),
        ("str", "'XIV'", lambda v: v != "XIV" and set("XIV") == set(v)),
        ("list[str]", "['elephant']", lambda v: "elephant" in v),
        ("list", "['XIV']", lambda v: len(v) > 1 and types_within(v) == {str}),
        ("dict", "{'k': [1]}", lambda v: "k" in v and any(v.values())),
        ("list[Foo]", "[(1, 'a')]", lambda v: len(v) > 1),
        ("int | Foo", "'a'", lambda v: type(v) is int),
        ("Foo", "{'b', 'a'}", lambda v: "a" in v),
    ],
)
def test_values_lean_towards_the_examples(annotation: str, example: str, leans: Callable[[Any], bool]) -> None:
    assert any(map(leans, values_of(annotation, example, count=MANY)))


@pytest.mark.parametrize(
    ("examples", "is_like"),
    [
        (("1", "2"), lambda v: type(v) is int),
        (("[1]", "[]"), lambda v: type(v) is list and types_within(v) <= {int}),
        (("[(1, 'a')]",), lambda v: all(list(map(type, pair)) == [int, str] for pair in v)),
        (("(1,)", "(1, 2)"), lambda v: type(v) is tuple and types_within(v) <= {int}),
        (("{'a': {1: None}}",), lambda v: all(types_within(each) <= {int} for each in v.values())),
        (("1", "'a'", "None"), lambda v: type(v) in (int, str, type(None))),
    ],
)
def test_where_no_annotation_says_it_types_are_those_of_the_examples(
    examples: tuple[str, ...], is_like: Callable[[Any], bool]
) -> None:
    texts = sample(None, examples, SOME, seed=0)
    assert all(is_like(first(text)) for text in texts)
    assert texts == sample([parameter("x", "Foo")], examples, SOME, seed=0)


def test_nothing_is_like_nothing() -> None:
    assert like([]) is None
    assert like([...]) is None
    assert sample(None, (), SOME, seed=0) == []
    assert sample(None, ("not a literal",), SOME, seed=0) == []


SIGNATURES: list[tuple[list[Parameter], Callable[..., None], set[str]]] = [
    ([], lambda: None, {""}),
    ([parameter("a", "bool")], lambda a: None, {"False", "True"}),
    (
        [parameter("a", "None"), parameter("b", "bool", default="True")],
        lambda a, b=True: None,
        {"None", "None, False", "None, True"},
    ),
    (
        [parameter("a", "None"), parameter("key", "bool", "keyword_only")],
        lambda a, *, key: None,
        {"None, key=False", "None, key=True"},
    ),
    (
        [parameter("key", "bool", "keyword_only", "True")],
        lambda *, key=True: None,
        {"", "key=False", "key=True"},
    ),
    (
        [parameter("a", "None"), parameter("rest", "None", "var_positional")],
        lambda a, *rest: None,
        {"None", "None, None", "None, None, None", "None, None, None, None"},
    ),
    (
        [parameter("a", "None", default="None"), parameter("more", "None", "var_keyword")],
        lambda a=None, **more: None,
        {"", "None", "extra_a=None", "None, extra_b=None", "extra_a=None, extra_b=None"},
    ),
    (
        [parameter("a", "None"), parameter("b", "Foo", default="open"), parameter("c", "Foo", "keyword_only", "open")],
        lambda a, b=None, *, c=None: None,
        {"None"},
    ),
    (
        [parameter("a", "None", default="None"), parameter("b", "None")],
        lambda a, b: None,
        {"None, None"},
    ),
]


@pytest.mark.parametrize(("parameters", "function", "some"), SIGNATURES)
def test_arguments_fit_the_signature(
    parameters: list[Parameter], function: Callable[..., None], some: set[str]
) -> None:
    texts = sample(parameters, (), MANY, seed=0)
    assert some <= set(texts)
    for text in texts:
        positional, named = call_of(text)
        inspect.signature(function).bind(*positional, **named)


@pytest.mark.parametrize(
    "parameters",
    [
        [parameter("a", "int"), parameter("b", "Foo")],
        [parameter("a", "int"), parameter("b", "Foo", "keyword_only")],
        [parameter("a", "int"), parameter("class", "int", "keyword_only")],
        [parameter("a", "Foo", default="open"), parameter("b", "int")],
    ],
)
def test_nothing_is_made_where_a_required_argument_is_unknown(parameters: list[Parameter]) -> None:
    assert sample(parameters, (), SOME, seed=0) == []


@pytest.mark.parametrize(
    ("examples", "some"),
    [
        (("True",), {"True", "False"}),
        (("True", "True, None"), {"True", "False", "True, None", "False, None"}),
        (("k=None", ""), {"", "k=None"}),
        (("None, k=True", "None, k=False"), {"None, k=True", "None, k=False"}),
    ],
)
def test_examples_alone_say_what_may_be_left_out(examples: tuple[str, ...], some: set[str]) -> None:
    assert set(sample(None, examples, MANY, seed=0)) == some


@pytest.mark.parametrize(
    ("parameters", "examples", "leans"),
    [
        ([parameter("a", "int"), parameter("b", "Foo")], "1, 'zz'", lambda call: call[0][1] == "zz"),
        ([parameter("a", "int"), parameter("b", "Foo")], "1, b='zz'", lambda call: call[0][1] == "zz"),
        ([parameter("rest", "Foo", "var_positional")], "1, 'zz'", lambda call: "zz" in call[0]),
        ([parameter("more", "Foo", "var_keyword")], "k='zz'", lambda call: "zz" in call[1].values()),
        ([parameter("a", "Foo", default="'zz'")], "", lambda call: call[0] == ["zz"]),
    ],
)
def test_each_argument_leans_towards_its_own_examples(
    parameters: list[Parameter], examples: str, leans: Callable[[Any], bool]
) -> None:
    assert any(leans(call_of(text)) for text in sample(parameters, (examples,), MANY, seed=0))


PARAMETERS = [parameter(f"p{i}", text) for i, text in enumerate(["list[str]", "list[int]", "list[float]", "Foo"])]
EXAMPLES = ("['ab'], [471], [0.5], {'p', 'q', 'r', 's', 't', 'u'}", "[], [], [], [b'ab']")


def test_the_same_seed_gives_the_same() -> None:
    assert sample(PARAMETERS, EXAMPLES, SOME, seed=1) == sample(PARAMETERS, EXAMPLES, SOME, seed=1)
    assert sample(PARAMETERS, EXAMPLES, SOME, seed=1) != sample(PARAMETERS, EXAMPLES, SOME, seed=2)


def test_the_same_seed_gives_the_same_in_another_process(tmp_path: Path) -> None:
    """Where sets have another order, and a module is loaded with constants that Hypothesis would draw."""
    (tmp_path / "constants.py").write_text("ALL = ['b', 'ba', 'bb', '12', 'a-b', 471, 999, 2.5]", encoding="utf-8")
    program = (
        "import constants\nfrom lift_sys.validation.samples import sample\nfrom schemas.ir import Parameter\n"
        f"parameters = [Parameter.model_validate(fields) for fields in {[p.model_dump() for p in PARAMETERS]!r}]\n"
        f"print(ascii([sample(parameters, {EXAMPLES!r}, {MANY}, seed) for seed in range(3)]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ast.literal_eval(ran.stdout) == [sample(PARAMETERS, EXAMPLES, MANY, seed) for seed in range(3)]


@pytest.mark.parametrize("count", [-1, 0, 1, 7])
def test_there_are_no_more_than_asked_for(count: int) -> None:
    assert len(sample([parameter("x", "list[int]")], (), count, seed=0)) == max(count, 0)


FAILURES: list[tuple[list[Parameter] | None, str, Callable[[str], bool], str | None]] = [
    ([parameter("x", "list[int]")], "[1, 2]", lambda text: len(first(text)) > len(set(first(text))), "[0, 0]"),
    ([parameter("x", "list[int]")], "[1, 2]", lambda text: len(first(text)) > 2, "[0, 0, 0]"),
    ([parameter("x", "list[int]")], "[17, 2]", lambda text: 17 in first(text), "[17]"),
    ([parameter("x", "list[list[int]]")], "[[1]]", lambda text: [] in first(text), "[[]]"),
    ([parameter("x", "int")], "5", lambda text: bool(first(text) < 0), "-1"),
    ([parameter("x", "str")], "'a'", lambda text: not first(text).isascii(), "'é'"),
    ([parameter("x", "str")], "'a'", lambda text: True, "''"),
    ([parameter("x", "int"), parameter("k", "int", default="2")], "5", lambda text: True, "0"),
    (None, "['b', 'c']", lambda text: len(first(text)) > 1, "['', '']"),
    ([parameter("x", "list[int]")], "[1, 2]", lambda text: False, None),
    ([parameter("x", "Foo")], "", lambda text: True, None),
]


@pytest.mark.parametrize(("parameters", "example", "fails", "smallest"), FAILURES)
def test_the_smallest_that_fails_is_found(
    parameters: list[Parameter] | None, example: str, fails: Callable[[str], bool], smallest: str | None
) -> None:
    assert shrink(parameters, (example,), fails, seed=0, most_calls=MANY) == smallest


@pytest.mark.parametrize("most_calls", [0, 1, 2, 5, 10, 20, 50])
def test_no_more_calls_are_made_than_allowed_and_none_twice(most_calls: int) -> None:
    asked: list[str] = []

    def fails(text: str) -> bool:
        asked.append(text)
        return bool(sum(first(text)) > 50)

    found = shrink([parameter("x", "list[int]")], (), fails, seed=0, most_calls=most_calls)
    assert len(asked) == len(set(asked)) <= most_calls
    assert found is None or sum(first(found)) > 50
    assert found is None or found in asked


def test_the_best_is_returned_when_the_calls_are_spent() -> None:
    few, many = (
        shrink([parameter("x", "list[int]")], (), lambda text: bool(sum(first(text)) > 50), seed=0, most_calls=calls)
        for calls in (10, MANY)
    )
    assert few is not None
    assert many == "[51]"
