"""What a grammar is made of. Each node stands for a set of texts; a `Grammar` names one and bounds it."""

import json
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Fixed:
    """One text, to the letter."""

    text: str


@dataclass(frozen=True)
class OneOf:
    options: "tuple[Node, ...]"


@dataclass(frozen=True)
class Sequence:
    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Object:
    """A JSON object with these members, in this order, and no other. Separators are compact."""

    members: "tuple[tuple[str, Node], ...]"


@dataclass(frozen=True)
class Array:
    item: "Node"
    least: int
    most: int


@dataclass(frozen=True)
class Rule:
    """A node by a name of its own, written once however often it is used."""

    name: str
    node: "Node"


@dataclass(frozen=True)
class Pattern:
    """A text that fits a regular expression of ASCII classes, and has at most `most` characters."""

    regex: str
    most: int


@dataclass(frozen=True)
class Text:
    """What fits `regex`, or nothing, as far as a budget reaches; then at most one unit, which its end may fall into."""

    regex: str
    unit: str
    """What must not be cut: whatever is longer than a byte and stands for one character."""
    unit_bytes: int
    """Of the longest unit, in UTF-8."""
    max_tokens: int


@dataclass(frozen=True)
class Lines:
    """Lines that each fit `line.regex` or are empty, within the budget of `line` for all of them; then `closing`.

    No line begins as `closing` goes on behind its line break.
    """

    name: str
    line: Text
    closing: str


Leaf: TypeAlias = Fixed | Pattern | Text | Lines
Node: TypeAlias = Leaf | OneOf | Sequence | Object | Array | Rule


@dataclass(frozen=True)
class Grammar:
    """One of the closed set that an engine holds: a chat names it."""

    name: str
    root: Node
    max_tokens: int
    """What an answer may use, its end included. An engine refuses to start unless the worst case fits."""


def keys(node: Object) -> list[str]:
    """What stands before each member's value."""
    return [f"{',' if index else '{'}{json.dumps(key)}:" for index, (key, _) in enumerate(node.members)]
