"""Wrong results made from a right one, to see what a predicate is worth. Only the value is known, not its type."""

from collections.abc import Iterator
from typing import Any

from lift_sys import syntax
from lift_sys.examples import is_literal
from lift_sys.jail.values import encode, same

_MOST = 14


def wrong_results(value: str) -> list[str]:
    """At most 14 literals that are not the same as the given one, nor as one another."""
    try:
        return _distinct(syntax.literal(value))
    except ValueError:  # too large to be a result
        return []


def _distinct(right: Any) -> list[str]:
    texts, trees = [], [encode(right)]
    for wrong in (None, *_mistakes(right)):
        tree = encode(wrong)
        if is_literal(repr(wrong)) and not any(same(tree, seen) for seen in trees):
            trees.append(tree)
            texts.append(repr(wrong))
    return texts[:_MOST]


def _mistakes(right: Any) -> Iterator[Any]:
    """What programs with a common fault would return: off by one, the wrong sign, one item lost, the wrong order."""
    if right is None:
        yield 0
    elif isinstance(right, bool):
        yield not right
    elif isinstance(right, int | float):
        yield from (right + 1, right - 1, -right, type(right)(0))
    elif isinstance(right, str | bytes | list | tuple):
        yield from _wrong_sequences(right)
    elif isinstance(right, dict):
        yield from _wrong_dicts(right)
    elif isinstance(right, set):
        yield from _wrong_sets(right)


def _wrong_sequences(right: Any) -> Iterator[Any]:
    """Of a text, bytes, a list or a tuple."""
    yield from (right[:-1], right[:1] + right, right[1:2] + right[:1] + right[2:], right[::-1], right[:0])
    if right and isinstance(right, list | tuple):
        yield from (type(right)([wrong, *right[1:]]) for wrong in _mistakes(right[0]))


def _wrong_dicts(right: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    for first, value in list(right.items())[:1]:
        yield {key: value for key, value in right.items() if key != first}
        yield from ({**right, first: wrong} for wrong in (*_mistakes(value), None))
    yield {}


def _wrong_sets(right: set[Any]) -> Iterator[set[Any]]:
    first = set(sorted(right, key=repr)[:1])
    yield from (right - first, right | {0}, set())
    yield from (right - first | {wrong} for item in first for wrong in _mistakes(item))
