"""Values as JSON trees, so that a result can leave the jail and be compared outside.

A tree is `[type, content]`. Types are exact: `True` is not `1`, a subclass of `int` is no int, and whatever is not made
of Python's own literals is `["object", its type's name]`, which equals nothing: a class whose `__eq__` always agrees
gains nothing by it.
"""

import json
import math
from typing import Any

Tree = list[Any]

MAX_NODES = 20_000
MAX_DEPTH = 60
_RELATIVE_TOLERANCE = 1e-6
_ABSOLUTE_TOLERANCE = 1e-9


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
        if value is None or kind is bool or kind is str:
            return [kind.__name__, value]
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
            return [kind.__name__, sorted((self.encode(v, depth) for v in value), key=json.dumps)]  # type: ignore[attr-defined]
        if kind is dict:
            pairs = [[self.encode(k, depth), self.encode(v, depth)] for k, v in value.items()]  # type: ignore[attr-defined]
            return ["dict", sorted(pairs, key=json.dumps)]
        return ["object", str(kind.__qualname__)[:100]]


def encode(value: object) -> Tree:
    """The tree of a value. Raises `TooLarge`."""
    return _Encoder().encode(value)


def decode(tree: Tree) -> Any:
    """The value of a tree made by `encode`. Raises `ValueError` for an object, which has no literal."""
    kind, content = tree
    if kind in ("NoneType", "bool", "str"):
        return content
    if kind in _SCALARS:
        return _SCALARS[kind](content)
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](decode(part) for part in content)
    if kind == "dict":
        return {decode(k): decode(v) for k, v in content}
    raise ValueError(f"a value of type {content} has no literal")


_SCALARS: dict[str, Any] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "complex": complex,
    "bytes": bytes.fromhex,
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
