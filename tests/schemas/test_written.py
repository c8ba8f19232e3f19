"""The gate: a class of what a model writes is refused, where it is defined, if no grammar could enforce it."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from schemas.wire import Identifier, Text, Wire
from schemas.written import Unenforceable, Written

Short = Annotated[str, Text(max_tokens=8)]


class Plain(Wire):
    """What does not have to pass the gate, since no model writes it."""

    inner: str


def defined(annotation: Any, **config: Any) -> Callable[[], type[Written]]:
    """Defines a class `Made` with one field."""
    return lambda: type(
        "Made", (Written,), {"__annotations__": {"inner": annotation}, "__module__": __name__, **config}
    )


def with_a_default() -> type[Written]:
    class Made(Written):
        inner: Short = ""

    return Made


def open_object() -> type[Written]:
    class Made(Written, extra="allow"):
        inner: Short

    return Made


def tree() -> type[Written]:
    class Tree(Written):
        children: Annotated[tuple["Tree", ...], Field(max_length=2)]

    return Tree


REFUSED: dict[str, tuple[Callable[[], type[Written]], str, str]] = {
    "a text without a budget": (defined(str), "Made.inner", "Text(max_tokens"),
    "a length and no budget": (defined(Annotated[str, Field(max_length=8)]), "Made.inner", "budget"),
    "a pattern and a length": (defined(Annotated[str, Field(pattern="^a$", max_length=8)]), "Made.inner", "budget"),
    "a pattern that is not anchored": (defined(Annotated[str, Field(pattern="a")]), "Made.inner", "pattern"),
    "a pattern without an end": (defined(Annotated[str, Field(pattern="^a*$")]), "Made.inner", "pattern"),
    "a pattern of at least so many": (defined(Annotated[str, Field(pattern="^a{2,}$")]), "Made.inner", "pattern"),
    "a pattern beyond ASCII": (defined(Annotated[str, Field(pattern="^[à-ü]{1,3}$")]), "Made.inner", "pattern"),
    "a pattern by a class of Python's": (defined(Annotated[str, Field(pattern=r"^\w{1,3}$")]), "Made.inner", "pattern"),
    "a key with a default": (with_a_default, "Made", "no defaults"),
    "any key": (defined(dict[str, Short]), "Made.inner", "no dict"),
    "an open object": (open_object, "Made", "no `extra`"),
    "a list without an end": (defined(tuple[Short, ...]), "Made.inner", "max_length"),
    "a list of at least so many": (
        defined(Annotated[tuple[Short, ...], Field(min_length=2)]),
        "Made.inner",
        "max_length",
    ),
    "a pair": (defined(tuple[Short, Short]), "Made.inner", "one kind of item"),
    "a set": (defined(Annotated[frozenset[Short], Field(max_length=3)]), "Made.inner", "one kind of item"),
    "a fraction": (defined(float), "Made.inner", "no grammar of ours enforces"),
    "a number": (defined(Annotated[int, Field(ge=0, le=9)]), "Made.inner", "no grammar of ours enforces"),
    "anything": (defined(Any), "Made.inner", "no grammar of ours enforces"),
    "an unbounded text further down": (
        defined(Annotated[tuple[Plain, ...], Field(max_length=2)]),
        "Plain.inner",
        "budget",
    ),
    "a class that contains itself": (tree, "Tree", "contains itself"),
    "a class that is not defined yet": (defined("Later"), "Made", "not fully defined"),
}


@pytest.mark.parametrize(("define", "where", "what"), REFUSED.values(), ids=REFUSED)
def test_a_class_that_no_grammar_enforces_is_refused_by_the_name_of_its_field(
    define: Callable[[], type[Written]], where: str, what: str
) -> None:
    with pytest.raises(Unenforceable) as refusal:
        define()
    assert refusal.value.args[0] == where
    assert what in str(refusal.value)


@pytest.mark.parametrize(
    "annotation",
    [
        Short,
        Short | None,
        Identifier,
        bool,
        Literal["only"],
        Literal["a", "b"],
        Annotated[tuple[Short, ...], Field(max_length=3)],
        Annotated[tuple[Literal["a"], ...], Field(min_length=1, max_length=1)],
        Annotated[str, Field(pattern="^[A-Z]{2}-[0-9]{1,4}$")],
    ],
    ids=str,
)
def test_what_a_grammar_enforces_passes(annotation: Any) -> None:
    assert issubclass(defined(annotation)(), Written)
