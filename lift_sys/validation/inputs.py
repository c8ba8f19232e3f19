"""More inputs from few: change the arguments of the examples by type. No oracle is needed, only agreement."""

import ast
import random
from collections.abc import Iterator, Sequence
from typing import Any

from lift_sys import syntax
from lift_sys.examples import is_arguments

_MOST = 24
_SEED = 0


def mutate(arguments: Sequence[str]) -> list[str]:
    """At most 24 new argument texts, each with one argument of one given text changed. The same for the same input."""
    rng = random.Random(_SEED)
    seen = set(arguments)
    fresh = []
    for text in arguments:
        for changed in _variants(text, rng):
            if changed not in seen and len(changed) < 2_000 and is_arguments(changed):
                seen.add(changed)
                fresh.append(changed)
    rng.shuffle(fresh)
    return fresh[:_MOST]


def _variants(text: str, rng: random.Random) -> Iterator[str]:
    call = syntax.call(text)
    args = [ast.literal_eval(a) for a in call.args]
    keywords = [f"{k.arg}={ast.unparse(k.value)}" for k in call.keywords]
    for index, value in enumerate(args):
        for changed in _changes(value, rng):
            yield ", ".join([*(repr(v) for v in (*args[:index], changed, *args[index + 1 :])), *keywords])


def _changes(value: Any, rng: random.Random) -> Iterator[Any]:
    """Values of the same type that wrong programs treat differently: zero, neighbours, empty, one less."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (type(value)(0), value + 1, value - 1, -value)
    elif isinstance(value, str):
        yield from ("", value[1:], value + value, value.upper(), " " + value, value[::-1])
    elif isinstance(value, list | tuple):
        kind, items = type(value), list(value)
        yield from (kind(v) for v in ([], items[1:], items + items[:1], items[::-1], _one_changed(items, rng)))
    elif isinstance(value, dict):
        yield from ({}, dict(list(value.items())[1:]))
    elif isinstance(value, set):
        yield set(sorted(value, key=repr)[1:])


def _one_changed(values: list[Any], rng: random.Random) -> list[Any]:
    if not values:
        return []
    index = rng.randrange(len(values))
    changes = list(_changes(values[index], rng))
    return [*values[:index], rng.choice(changes) if changes else values[index], *values[index + 1 :]]
