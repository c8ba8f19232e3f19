"""From a model class to a tree: small classes, each admitted and refused as its schema has it."""

from collections.abc import Callable
from typing import Annotated, Literal

import pytest
from pydantic import Field

from lift_sys.grammar.from_model import longest, tree_of
from lift_sys.grammar.spelling import EBNF, LARK, spell
from lift_sys.grammar.tree import Node
from schemas import IR
from schemas.wire import Identifier, Text
from schemas.written import Written

Admits = Callable[[Node, str], bool]


class Item(Written):
    name: Identifier
    note: Annotated[str, Text(max_tokens=8)] | None
    tags: Annotated[tuple[Literal["a", "b"], ...], Field(min_length=1, max_length=1)]
    kind: Literal["only"]
    code: Annotated[str, Field(pattern="^[A-Z]{2}-[0-9]{1,3}$")]


def item(note: str = "null", tags: str = '["a"]', kind: str = '"only"', code: str = '"AB-1"') -> str:
    return f'{{"name":"x","note":{note},"tags":{tags},"kind":{kind},"code":{code}}}'


@pytest.mark.parametrize(
    ("text", "is_admitted"),
    [
        (item(), True),
        (item(note='"n"'), True),
        (item(note='""'), True),
        (item(tags='["b"]'), True),
        (item(code='"AB-123"'), True),
        (item(tags="[]"), False),
        (item(tags='["a","b"]'), False),
        (item(tags='["c"]'), False),
        (item(kind='"other"'), False),
        (item(code='"A-1"'), False),
        (item(code='"AB-1234"'), False),
        (item(note='"123456789"'), False),
    ],
)
def test_an_object_is_admitted_as_its_schema_has_it(admitted: Admits, text: str, is_admitted: bool) -> None:
    assert admitted(tree_of(Item), text) is is_admitted


@pytest.mark.parametrize(("pattern", "most"), [("^a$", 1), ("^[a-z]{3}$", 3), ("^[a-z]{1,7}-[0-9]{2}$", 10)])
def test_the_longest_text_of_a_pattern_is_known(pattern: str, most: int) -> None:
    assert longest(pattern) == most


class Either(Written):
    inner: Annotated[str, Text(max_tokens=2)] | Annotated[str, Text(max_tokens=4)]


def test_alternatives_keep_their_own_budgets(admitted: Admits) -> None:
    assert admitted(tree_of(Either), '{"inner":"1234"}')
    assert not admitted(tree_of(Either), '{"inner":"12345"}')


def test_no_bound_on_a_length_reaches_a_grammar_engine() -> None:
    for dialect in (EBNF, LARK):
        assert "length" not in spell(tree_of(IR), dialect).lower()


def test_every_free_text_has_a_rule_of_its_own() -> None:
    """What follows a rule that is used once is known when it is compiled: masks are some thirty times cheaper."""
    text = spell(tree_of(IR), EBNF)
    names = [line.split("[")[0] for line in text.splitlines() if "[max_tokens=" in line]
    assert len(names) == 11
    for name in names:
        assert text.count(f" {name} ") == 1, name
