"""Values as JSON trees, so that a result can leave the jail and be compared outside.

A tree is `[type, content]`. Types are exact: `True` is not `1`, a subclass of `int` is no int, and whatever is not made
of Python's own literals is `["object", its type's name]`, which equals nothing: a class whose `__eq__` always agrees
gains nothing by it. The dicts of `collections` alone count as the dicts that they equal.
"""

import collections
import json
import math
from typing import Any

Tree = list[Any]

MAX_NODES = 20_000
MAX_DEPTH = 60
_MOST_COLLISIONS = 64
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
        if any(kind is known for known in _DICTS):  # not `in`, which would ask the candidate's own metaclass
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
    return _value(tree)


def well_formed(tree: Tree) -> Tree:
    """The tree, if `encode` may have made it, so that nobody who reads a report need fear it. Raises `ValueError`.

    Nothing is built on the way: a forged set may be made of members that all collide.
    """
    try:
        _Checker().check(tree)
    except (TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"not a tree: {error}") from None
    return tree


class _Checker:
    def __init__(self) -> None:
        self.nodes = 0

    def check(self, tree: Tree, depth: int = 0, *, hashable: bool = False) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise TooLarge(f"more than {MAX_NODES} parts or {MAX_DEPTH} levels")
        kind, content = tree
        if kind in ("NoneType", "bool", "str", "object"):
            self._check_plain(kind, content)
        elif kind in _SCALARS:
            _SCALARS[kind](content)
        elif kind == "dict" and not hashable:
            for key, value in content:
                self.check(key, depth + 1, hashable=True)
                self.check(value, depth + 1)
            _require_spread([key for key, _ in content])
        else:
            self._check_parts(kind, content, depth, hashable)

    def _check_plain(self, kind: str, content: object) -> None:
        wanted = "str" if kind == "object" else kind
        if type(content).__name__ != wanted:
            raise ValueError(f"no {kind} is {content!r:.80}")

    def _check_parts(self, kind: str, content: list[Tree], depth: int, hashable: bool) -> None:
        if kind not in _CONTAINERS or not isinstance(content, list) or (hashable and kind in ("list", "set")):
            raise ValueError(f"no value of kind {kind!r:.80} stands here")
        inner = hashable or kind in ("set", "frozenset")
        for part in content:
            self.check(part, depth + 1, hashable=inner)
        if kind in ("set", "frozenset"):
            _require_spread(content)


def _require_spread(members: list[Tree]) -> None:
    """Raises `ValueError` if too many have one hash, which makes a set of them quadratic work."""
    hashes = collections.Counter(map(_hash, members))
    if hashes and max(hashes.values()) > _MOST_COLLISIONS:
        raise ValueError("a set of which too many members collide")


def _hash(member: Tree) -> int:
    try:
        return hash(decode(member))
    except ValueError:  # an object has none, and no set will be made of it
        return id(member)


def _value(tree: Tree, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise TooLarge(f"more than {MAX_DEPTH} levels")
    kind, content = tree
    if kind in ("NoneType", "bool", "str"):
        return content
    if kind in _SCALARS:
        return _SCALARS[kind](content)
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](_value(part, depth + 1) for part in content)
    if kind == "dict":
        return {_value(k, depth + 1): _value(v, depth + 1) for k, v in content}
    raise ValueError(f"a value of type {content} has no literal")


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
    """Tolerance is for floats: an int says what it is, and Python compares it with a float exactly."""
    a, b = decode(left), decode(right)
    if left[0] == right[0] == "float":
        close = math.isclose(a, b, rel_tol=_RELATIVE_TOLERANCE, abs_tol=_ABSOLUTE_TOLERANCE)
        return close or (math.isnan(a) and math.isnan(b))
    return bool(a == b)
