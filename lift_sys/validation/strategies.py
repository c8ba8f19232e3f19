"""Values of a type for Hypothesis to draw: of an annotation, or of the types of values that are known."""

from ast import BinOp, BitOr, Constant, Subscript, expr
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from lift_sys.validation.annotations import Parts, is_endless, is_hashable, kind_of, literals, name_of, parts_of, read
from lift_sys.validation.scalars import SCALARS, Strategy

Values = Sequence[Any]

_MOST = 8
"""Members, and two thirds of a text's characters. Half as many within, and no fifth level: the whole stays small."""
_ANYTHING = (int, str, bool, type(None), float)


def strategy_of(annotation: str, known: Values = ()) -> Strategy | None:
    """Values of a type, leaning towards the known ones, which say what it leaves open; None when it is not known."""
    return _of(read(annotation), known, _MOST)


def like(known: Values) -> Strategy | None:
    """Values of the types of the known ones; None when there are none."""
    return _of(None, known, _MOST)


def _of(node: expr | None, known: Values, most: int) -> Strategy | None:
    found = None if node is None else _annotated(node, known, most)
    return _like(known, most) if found is None else found


def _like(known: Values, most: int) -> Strategy | None:
    found = [_of_kind(kind, None, known, most) for kind in dict.fromkeys(map(type, known))]
    return _one_of([strategy for strategy in found if strategy is not None])


def _annotated(node: expr, known: Values, most: int) -> Strategy | None:
    match node:
        case Constant(value=None):
            return st.none()
        case BinOp(left=left, op=BitOr(), right=right):
            return _one_of([_of(left, known, most), _of(right, known, most)])
        case Subscript():
            return _subscripted(node, known, most)
        case _:
            return _of_kind(kind_of(node), None, known, most)


def _subscripted(node: Subscript, known: Values, most: int) -> Strategy | None:
    parts = parts_of(node)
    match name_of(node.value):
        case "Literal":
            return st.sampled_from(found) if (found := literals(parts)) else None
        case "Union":
            return _one_of([_of(part, known, most) for part in parts])
        case "Optional":
            return _one_of([*(_of(part, known, most) for part in parts), st.none()])
        case _:
            return _of_kind(kind_of(node.value), parts, known, most)


def _one_of(options: Sequence[Strategy | None]) -> Strategy | None:
    """None, too, when one of them is: its values would be missing."""
    found = [option for option in options if option is not None]
    return st.one_of(found) if found and len(found) == len(options) else None


def _of_kind(kind: type | None, parts: Parts, known: Values, most: int) -> Strategy | None:
    if kind is None:
        return None
    if kind in _CONTAINERS and most > 0:
        return _CONTAINERS[kind](parts, known, most)
    if kind in SCALARS and parts is None:
        return SCALARS[kind](known, most + most // 2)
    return _anything(known, most) if kind is object and parts is None else None


def _anything(known: Values, most: int) -> Strategy | None:
    found = _like(known, most)
    return _one_of([_of_kind(kind, None, (), most) for kind in _ANYTHING]) if found is None else found


def _lists(parts: Parts, known: Values, most: int) -> Strategy | None:
    inside = _inside(parts, [_members(known, list, tuple, set)], most)
    return None if inside is None else st.lists(*inside, max_size=most)


def _sets(parts: Parts, known: Values, most: int) -> Strategy | None:
    if parts and not is_hashable(parts[0]):
        return None
    inside = _inside(parts, [_members(known, set)], most)
    return None if inside is None else st.sets(*inside, max_size=most)


def _dicts(parts: Parts, known: Values, most: int) -> Strategy | None:
    if parts and not is_hashable(parts[0]):
        return None
    items = [item for value in known if type(value) is dict for item in value.items()]
    inside = _inside(parts, [[key for key, _ in items], [value for _, value in items]], most)
    return None if inside is None else st.dictionaries(*inside, max_size=most)


def _tuples(parts: Parts, known: Values, most: int) -> Strategy | None:
    tuples = [value for value in known if type(value) is tuple]
    lengths = {len(value) for value in tuples} if parts is None else {len(parts)}
    if len(lengths) != 1 or is_endless(parts):
        items = _lists(parts and parts[:1], known, most)
        return None if items is None else items.map(tuple)
    (length,) = lengths
    columns = [[value[index] for value in tuples if len(value) == length] for index in range(length)]
    inside = _inside(parts, columns, most)
    return None if inside is None else st.tuples(*inside)


_CONTAINERS: Mapping[type, Callable[[Parts, Values, int], Strategy | None]] = {
    list: _lists,
    tuple: _tuples,
    set: _sets,
    dict: _dicts,
}


def _inside(parts: Parts, columns: Sequence[Values], most: int) -> list[Strategy] | None:
    """For each part a strategy that leans towards its column of known values; integers where neither says anything."""
    nodes: Sequence[expr | None] = [None] * len(columns) if parts is None else parts
    if len(nodes) != len(columns):
        return None
    pairs = zip(nodes, columns, strict=True)
    found = [_of(node, column if node or column else [0], most // 2) for node, column in pairs]
    return [strategy for strategy in found if strategy is not None] if None not in found else None


def _members(known: Values, *kinds: type) -> list[Any]:
    """In an order that is the same in every process, which that of a set is not."""
    containers = (sorted(value, key=repr) if type(value) is set else value for value in known if type(value) in kinds)
    return [member for container in containers for member in container]
