"""What the text of an annotation says, without evaluating it: a model wrote it."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from lift_sys import syntax

Parts = Sequence[ast.expr] | None
"""What stands in brackets; None where there are none."""

_LONGEST = 100
"""Characters. What a person would write is shorter, and nothing long can be deep."""
_PARSE_ERRORS = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)
_NAMES: Mapping[type, str] = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
    bytes: "bytes",
    complex: "complex",
    object: "object Any",
    list: "list List Sequence MutableSequence Iterable Collection",
    tuple: "tuple Tuple",
    set: "set Set frozenset FrozenSet AbstractSet MutableSet",
    dict: "dict Dict Mapping MutableMapping",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}


def read(annotation: str) -> ast.expr | None:
    try:
        return syntax.expression(annotation.strip()) if len(annotation) <= _LONGEST else None
    except _PARSE_ERRORS:
        return None


def name_of(node: ast.expr) -> str:
    return ast.unparse(node).removeprefix("typing.").removeprefix("collections.abc.")


def kind_of(node: ast.expr) -> type | None:
    """The type whose literals suit the name: for a `Sequence` a list, for a `frozenset`, which has none, a set."""
    return _KINDS.get(name_of(node))


def parts_of(node: ast.Subscript) -> Sequence[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def literals(parts: Sequence[ast.expr]) -> list[Any]:
    """Those of `Literal[1, 'a']`; none when one of them is something else."""
    try:
        return [ast.literal_eval(part) for part in parts]
    except _PARSE_ERRORS:
        return []


def is_endless(parts: Parts) -> bool:
    """Whether they are those of `tuple[int, ...]`."""
    return parts is not None and len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...


def is_hashable(node: ast.expr) -> bool:
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)]
    return not any(kind_of(name) in (list, set, dict) for name in names)
