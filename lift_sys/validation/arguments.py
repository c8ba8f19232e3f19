"""Argument texts of the parameters' types, as they stand between a call's parentheses, for Hypothesis to draw."""

import ast
import keyword
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from hypothesis import strategies as st

from lift_sys import syntax
from lift_sys.examples import is_arguments, is_literal
from lift_sys.validation.scalars import Strategy
from lift_sys.validation.strategies import like, strategy_of
from schemas.ir import Kind, Parameter

_MOST_BEYOND = 3
"""Positional arguments that only `*args` takes."""
_NAMES_BEYOND = ("extra_a", "extra_b")
"""Of arguments that only `**kwargs` takes: hardly those of a parameter."""


class _Call(NamedTuple):
    positional: list[Any]
    named: dict[str, Any]


class _Slot(NamedTuple):
    """Where an argument goes. Without values, for their type is not known, none can."""

    name: str
    kind: Kind
    required: bool
    values: Strategy | None


def arguments(parameters: Sequence[Parameter] | None, examples: Sequence[str] = ()) -> st.SearchStrategy[str] | None:
    """Leaning towards the examples' arguments, which alone say the types where there are no parameters.

    None when the type of a required argument is not known.
    """
    calls = [_read(text) for text in examples if is_arguments(text)]
    if parameters is None and not calls:
        return None
    slots = _slots_called(calls) if parameters is None else _slots_declared(parameters, calls)
    return None if any(slot.required and slot.values is None for slot in slots) else _texts(slots)


def _read(text: str) -> _Call:
    call = syntax.call(text)
    return _Call(
        [ast.literal_eval(value) for value in call.args],
        {str(named.arg): ast.literal_eval(named.value) for named in call.keywords},
    )


def _slots_called(calls: Sequence[_Call]) -> list[_Slot]:
    """Those that the calls use; required is what all of them use."""
    slots = []
    for index in range(max(len(call.positional) for call in calls)):
        known = [call.positional[index] for call in calls if index < len(call.positional)]
        slots.append(_Slot("", "positional", len(known) == len(calls), like(known)))
    for name in dict.fromkeys(name for call in calls for name in call.named):
        known = [call.named[name] for call in calls if name in call.named]
        slots.append(_Slot(name, "keyword_only", len(known) == len(calls), like(known)))
    return slots


def _slots_declared(parameters: Sequence[Parameter], calls: Sequence[_Call]) -> list[_Slot]:
    """A positional one is required, too, when it stands before one that is."""
    names = {parameter.name for parameter in parameters}
    lacking = [i for i, each in enumerate(parameters) if each.kind == "positional" and each.default is None]
    slots = []
    for index, parameter in enumerate(parameters):
        known = [value for call in calls for value in _given(parameter, index, names, call)]
        required = parameter.kind == "keyword_only" and parameter.default is None
        required |= parameter.kind == "positional" and index <= max(lacking, default=-1)
        slots.append(_Slot(parameter.name, parameter.kind, required, _values(parameter, known)))
    return slots


def _values(parameter: Parameter, known: list[Any]) -> Strategy | None:
    if parameter.kind == "keyword_only" and keyword.iskeyword(parameter.name):
        return None  # no call can say it
    if parameter.default is not None and is_literal(parameter.default):
        known = [*known, syntax.literal(parameter.default)]
    return strategy_of(parameter.type, known)


def _given(parameter: Parameter, index: int, names: set[str], call: _Call) -> list[Any]:
    """What a call gives a parameter, before which there are so many others."""
    match parameter.kind:
        case "var_positional":
            return call.positional[index:]
        case "var_keyword":
            return [value for name, value in call.named.items() if name not in names]
        case kind:
            named = [call.named[parameter.name]] if parameter.name in call.named else []
            return named + (call.positional[index : index + 1] if kind == "positional" else [])


@st.composite
def _texts(draw: st.DrawFn, slots: Sequence[_Slot]) -> str:
    positional = map(_spelt, _positional(draw, slots))
    named = (f"{name}={_spelt(value)}" for name, value in _named(draw, slots))
    return ", ".join([*positional, *named])


def _positional(draw: st.DrawFn, slots: Sequence[_Slot]) -> list[Any]:
    """Left out from the right: what follows one that is left out would need its name."""
    declared = [slot for slot in slots if slot.kind == "positional"]
    known = list(takewhile(lambda strategy: strategy is not None, (slot.values for slot in declared)))
    count = draw(st.integers(sum(slot.required for slot in declared), len(known)))
    values = [draw(strategy) for strategy in known[:count] if strategy is not None]
    if count == len(declared):
        for slot in slots:
            if slot.kind == "var_positional" and slot.values is not None:
                values += draw(st.lists(slot.values, max_size=_MOST_BEYOND))
    return values


def _named(draw: st.DrawFn, slots: Sequence[_Slot]) -> Iterator[tuple[str, Any]]:
    for slot in slots:
        if slot.values is None:
            continue
        if slot.kind == "keyword_only" and (slot.required or draw(st.booleans())):
            yield slot.name, draw(slot.values)
        if slot.kind == "var_keyword":
            yield from draw(st.dictionaries(st.sampled_from(_NAMES_BEYOND), slot.values)).items()


def _spelt(value: Any) -> str:
    """Its literal; of a set in an order that is the same in every process, which that of `repr` is not."""
    match value:
        case list():
            return f"[{', '.join(map(_spelt, value))}]"
        case tuple():
            return f"({', '.join(map(_spelt, value))}{',' if len(value) == 1 else ''})"
        case dict():
            return f"{{{', '.join(f'{_spelt(key)}: {_spelt(each)}' for key, each in value.items())}}}"
        case set() if value:
            return f"{{{', '.join(sorted(map(repr, value)))}}}"
        case _:
            return repr(value)
