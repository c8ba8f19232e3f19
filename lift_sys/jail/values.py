"""Values as JSON trees, so that a result can leave the jail and be compared outside.

A tree is `[type, content]`. Types are exact: `True` is not `1`, a subclass of `int` is no int, and whatever is not made
of Python's own literals is `["object", its type's name]`, which equals nothing: a class whose `__eq__` always agrees
gains nothing by it. The dicts of `collections` alone count as the dicts that they equal.
"""

import collections
import json
import math
from collections.abc import Callable
from typing import Any

Tree = list[Any]

MAX_NODES = 20_000
MAX_DEPTH = 60
_RELATIVE_TOLERANCE = 1e-6
_ABSOLUTE_TOLERANCE = 1e-9


_DICTS = (dict, collections.Counter, collections.OrderedDict, collections.defaultdict)
"""What a right program may well return for a dict, and Python finds equal to one."""


class TooLarge(ValueError):
    """The value has more parts, or deeper ones, than a result may have."""


class _Encoder:
    def __init__(self) -> None:
        self.nodes = 0

    def encode(self, value: object, depth: int = 0) -> Tree:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise TooLarge(f"more than {MAX_NODES} parts or {MAX_DEPTH} levels")
        kind = type(value)
        if value is None or kind is bool:
            return [kind.__name__, value]
        if kind is str:
            return _text(value)  # type: ignore[arg-type]
        if kind is int:
            return ["int", hex(value)]  # type: ignore[arg-type]  # hex has no digit limit, and str has
        if kind is float or kind is complex:
            return [kind.__name__, repr(value)]
        if kind is bytes:
            return ["bytes", value.hex()]  # type: ignore[attr-defined]
        return self._container(value, depth + 1)

    def _container(self, value: object, depth: int) -> Tree:
        kind = type(value)
        if kind is list or kind is tuple:
            return [kind.__name__, [self.encode(v, depth) for v in value]]  # type: ignore[attr-defined]
        if kind is set or kind is frozenset:
            return [kind.__name__, sorted((self.encode(v, depth) for v in value), key=_order)]  # type: ignore[attr-defined]
        if kind in _DICTS:
            items = dict.items(value)  # type: ignore[var-annotated, arg-type]
            pairs = [[self.encode(k, depth), self.encode(v, depth)] for k, v in items]
            return ["dict", sorted(pairs, key=lambda pair: _order(pair[0]))]
        return ["object", str(kind.__qualname__)[:100]]


def _text(value: str) -> Tree:
    """Half a character has no place in JSON, so that a text which holds one is spelt in numbers."""
    if value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value):
        return ["str", value]
    return ["halves", value.encode("utf-16-be", "surrogatepass").hex()]


def _order(tree: Tree) -> tuple[float, str]:
    """Sorts members and keys, numbers by value: 2 and 10 stand as 2.0 and 10.0 do."""
    try:
        return (float(decode(tree)), "") if tree[0] in ("int", "float") else (math.inf, json.dumps(tree))
    except OverflowError:
        return math.inf, json.dumps(tree)


def encode(value: object) -> Tree:
    """The tree of a value. Raises `TooLarge`."""
    return _Encoder().encode(value)


def decode(tree: Tree) -> Any:
    """The value of a tree made by `encode`. Raises `ValueError` for an object, which has no literal."""
    return _value(tree, _no_literal)


def well_formed(tree: Tree) -> Tree:
    """The tree, if `encode` may have made it, so that nobody who reads a report need fear it. Raises `ValueError`."""
    try:
        _value(tree, _opaque)
    except TypeError as error:
        raise ValueError(f"not a tree: {error}") from None
    return tree


def _value(tree: Tree, of_object: Callable[[str, object], object], depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise TooLarge(f"more than {MAX_DEPTH} levels")
    kind, content = tree
    if kind in ("NoneType", "bool", "str") and type(content).__name__ == kind:
        return content
    if kind in _SCALARS:
        return _SCALARS[kind](content)
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](_value(part, of_object, depth + 1) for part in content)
    if kind == "dict":
        return {_value(k, of_object, depth + 1): _value(v, of_object, depth + 1) for k, v in content}
    return of_object(kind, content)


def _no_literal(kind: str, content: object) -> object:
    raise ValueError(f"a value of type {content} has no literal")


def _opaque(kind: str, content: object) -> object:
    if kind != "object" or not isinstance(content, str):
        raise ValueError(f"no value is of kind {kind}")
    return object()


_SCALARS: dict[str, Any] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "complex": complex,
    "bytes": bytes.fromhex,
    "halves": lambda text: bytes.fromhex(text).decode("utf-16-be", "surrogatepass"),
}
_CONTAINERS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


def same(left: Tree, right: Tree) -> bool:
    """Whether two trees are equal: numbers by value, floats within a tolerance, NaN to itself, all else exactly."""
    if left[0] in ("int", "float") and right[0] in ("int", "float"):
        return _same_number(left, right)
    if left[0] != right[0] or left[0] == "object":
        return False
    if left[0] in _CONTAINERS or left[0] == "dict":
        return len(left[1]) == len(right[1]) and all(
            _same_pair(a, b) if left[0] == "dict" else same(a, b) for a, b in zip(left[1], right[1], strict=True)
        )
    return bool(left[1] == right[1])


def _same_pair(left: Tree, right: Tree) -> bool:
    return same(left[0], right[0]) and same(left[1], right[1])


def _same_number(left: Tree, right: Tree) -> bool:
    if left[0] == right[0] == "int":
        return bool(left[1] == right[1])
    try:
        a, b = float(decode(left)), float(decode(right))
    except OverflowError:
        return False
    return (math.isnan(a) and math.isnan(b)) or math.isclose(
        a, b, rel_tol=_RELATIVE_TOLERANCE, abs_tol=_ABSOLUTE_TOLERANCE
    )
