"""More inputs from few: the examples' arguments, changed by type. No oracle is needed, only agreement.

As EvalPlus makes its inputs (Liu et al., 2023): each new one is a known or a new one with one value in it changed, to
what wrong programs treat differently, or to what stands elsewhere among the known values.
"""

import ast
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from lift_sys import syntax
from lift_sys.examples import is_arguments

_MOST_NEAR = 40
_MOST = 72
_TRIES = 400
_LONGEST = 2_000
_SEED = 0
_NUMBER = re.compile(r"\d+")
_FAR = 12
"""So often is a text repeated to be a long one. Long lists would keep slow programs busy for no gain."""


def mutate(arguments: Sequence[str]) -> list[str]:
    """At most 72 new argument texts: most with one change, the others with several. The same for the same input."""
    rng = random.Random(_SEED)
    calls = [_read(text) for text in arguments]
    known = _by_type(value for call in calls for value in call.values)
    near = [changed for call in calls for changed in _neighbours(call, known, rng)]
    rng.shuffle(near)
    fresh: dict[str, None] = {}
    _add(fresh, near, arguments, _MOST_NEAR)
    _add(fresh, _wander(calls, known, rng), arguments, _MOST)
    return list(fresh)


class _Call(NamedTuple):
    values: tuple[Any, ...]
    """The positional ones. What is given by name stays as it is."""
    keywords: tuple[str, ...]

    @property
    def text(self) -> str:
        return ", ".join([*map(repr, self.values), *self.keywords])

    def with_value(self, index: int, value: Any) -> "_Call":
        return self._replace(values=(*self.values[:index], value, *self.values[index + 1 :]))


Known = dict[type, list[Any]]
"""Values that the examples hold, at any depth, by type."""


def _read(text: str) -> _Call:
    call = syntax.call(text)
    keywords = tuple(f"{k.arg}={ast.unparse(k.value)}" for k in call.keywords)
    return _Call(tuple(ast.literal_eval(argument) for argument in call.args), keywords)


def _add(fresh: dict[str, None], calls: "Iterator[_Call] | Sequence[_Call]", given: Sequence[str], most: int) -> None:
    for call in calls:
        if len(fresh) >= most:
            return
        text = call.text
        if text not in given and len(text) < _LONGEST and is_arguments(text):
            fresh[text] = None


def _neighbours(call: _Call, known: Known, rng: random.Random) -> Iterator[_Call]:
    """With one change."""
    for index, value in enumerate(call.values):
        far = [value * _FAR] if isinstance(value, str) else []
        for changed in (*_changes(value, known, rng), *far):
            yield call.with_value(index, changed)


def _wander(calls: Sequence[_Call], known: Known, rng: random.Random) -> Iterator[_Call]:
    """Random walks of changes, each from a known call or from where another walk has come."""
    reached = [call for call in calls if call.values]
    for _ in range(_TRIES if reached else 0):
        call = rng.choice(reached)
        index = rng.randrange(len(call.values))
        changes = list(_changes(call.values[index], known, rng))
        if changes:
            call = call.with_value(index, rng.choice(changes))
            if len(call.text) < _LONGEST:
                reached.append(call)
                yield call


def _by_type(values: Iterator[Any]) -> Known:
    found: Known = defaultdict(list)
    for value in values:
        for part in _parts(value):
            if part not in found[type(part)]:
                found[type(part)].append(part)
    return found


def _parts(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, set):
        value = sorted(value, key=repr)  # in an order that is the same in every process
    if isinstance(value, list | tuple):
        for member in value:
            yield from _parts(member)


def _changes(value: Any, known: Known, rng: random.Random) -> Iterator[Any]:
    """Values of the same type."""
    others = [other for other in known.get(type(value), ()) if other != value]
    yield from rng.sample(others, min(2, len(others)))
    if change := _BY_TYPE.get(type(value)):
        yield from change(value, known, rng)


def _of_bool(value: bool, known: Known, rng: random.Random) -> Iterator[bool]:
    yield not value


def _of_number(value: Any, known: Known, rng: random.Random) -> Iterator[Any]:
    """Zero, its neighbours, and a much larger one."""
    yield from (type(value)(0), value + 1, value - 1, -value, value * 10 + 1)


def _of_text(value: str, known: Known, rng: random.Random) -> Iterator[str]:
    """Empty, shorter, longer, turned, in other cases, with other numbers, and with another character somewhere."""
    yield from ("", value[1:], value + value, value.upper(), " " + value, value[::-1])
    yield from (value.swapcase(), value.capitalize(), value[:1].swapcase() + value[1:])
    for number in _NUMBER.finditer(value):
        near = {int(number[0]) + 1, max(0, int(number[0]) - 1), rng.randrange(100)} if len(number[0]) < 10 else {0}
        for other in sorted(near):
            yield f"{value[: number.start()]}{other}{value[number.end() :]}"
    if value:
        index = rng.randrange(len(value))
        yield value[:index] + value[index + 1 :]
        yield value[:index] + rng.choice(value) + value[index:]


def _of_list(value: list[Any], known: Known, rng: random.Random) -> Iterator[list[Any]]:
    """Empty, shorter, longer, in another order, with a member twice, and with one changed."""
    yield from ([], value[1:], value[:-1], value + value[:1], value[::-1])
    if value:
        index = rng.randrange(len(value))
        yield [*value[:index], value[-1 - index], *value[index:]]
        for _ in range(2):
            yield _one_changed(value, known, rng)


def _of_tuple(value: tuple[Any, ...], known: Known, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    yield from map(tuple, _of_list(list(value), known, rng))


def _of_dict(value: dict[Any, Any], known: Known, rng: random.Random) -> Iterator[dict[Any, Any]]:
    yield from ({}, dict(list(value.items())[1:]))
    if value:
        yield dict(zip(value, _one_changed(list(value.values()), known, rng), strict=True))


def _of_set(value: set[Any], known: Known, rng: random.Random) -> Iterator[set[Any]]:
    yield set(sorted(value, key=repr)[1:])


def _one_changed(values: list[Any], known: Known, rng: random.Random) -> list[Any]:
    index = rng.randrange(len(values))
    changes = list(_changes(values[index], known, rng))
    return [*values[:index], rng.choice(changes) if changes else values[index], *values[index + 1 :]]


_BY_TYPE: dict[type, Callable[[Any, Known, random.Random], Iterator[Any]]] = {
    bool: _of_bool,
    int: _of_number,
    float: _of_number,
    str: _of_text,
    list: _of_list,
    tuple: _of_tuple,
    dict: _of_dict,
    set: _of_set,
}
