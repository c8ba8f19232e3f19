"""Examples that the user states: read from the request's words, never made up.

A stated example is a call of a function with literals, and the literal it returns or the exception it raises.
"""

import ast
import doctest
import itertools
import keyword
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lift_sys import syntax
from schemas.ir import Example

_PARSE_ERRORS = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)
_CALL = re.compile(r"(?<![\w.~-])(?<!def )(?<!not )[A-Za-z_][A-Za-z0-9_]{0,47}\(")
_RETURNS = re.compile(
    r"\s*`?\s*(?:#\s*)?(?:={1,3}>|==|=(?!=)|-{1,2}>|→|➞|is|gives|(?:should |must |shall )?returns?)\s*`?\s*"
)
_DEFINED = re.compile(r"^[ \t]*(?:async )?def (\w{1,48})\(([^()]{0,200})\)", re.MULTILINE)
_GIVEN = re.compile(r"\b(?:[Ff]or|[Ii]f|[Ww]hen|[Gg]iven|[Ii]nputs?\s*(?::|is|=))[ \t]+(?=[\w'\"(\[{-])")
_NAMED = re.compile(r"([A-Za-z_]\w{0,47})[ \t]*=(?!=)[ \t]*")
_NEXT = re.compile(r"[ \t]*(?:,|\band\b|,[ \t]*and\b)[ \t]*(?=[A-Za-z_]\w*[ \t]*=|['\"(\[{\d-])")
_OUTPUT = re.compile(
    r"(?:,?[ \t]*(?:then )?(?:the )?(?:output|result|answer|function|return value)[ \t]+"
    r"(?:(?:should|must|shall|will) )?(?:be|is|returns?)|,?\s{1,60}Outputs?[ \t]*[:=]|[ \t]*[-=]{1,2}>)\s{1,9}"
)
_RAISES = re.compile(
    r"\s*`?\s*(?:(?:should |must |shall )?raises?|->)\s+`?(?:an? )?`?([A-Z]\w*(?:Error|Exception|Iteration))\b"
)
_STRING = (
    r"""[bBrRuU]{0,2}(?:'{3}(?:[^\\]|\\.)*?'{3}|"{3}(?:[^\\]|\\.)*?"{3}|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
)
_BRACKET_OR_STRING = re.compile(rf"(?P<open>[(\[{{])|(?P<close>[)\]}}])|{_STRING}|(?P<stray>['\"])", re.DOTALL)
_SCALAR = re.compile(
    rf"{_STRING}|-?(?:0[xXoObB]\w+|(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][-+]?\d+)?|None|True|False|set\(\))", re.DOTALL
)
_GOES_ON = re.compile(r"\w|\.\w|[(\[]|,\d|[ \t]*(?:[-+]|\*\*?|//?|[%@])[ \t]*[-\d(\[{'\"]")
"""What makes a literal the beginning of something else: `3D`, `2 * 3`, `'a'.upper()`, `1,000`."""
_MOST = 32
_MOST_CALLS = 500
_LONGEST = 400
_DEEPEST = 60


class Stated(NamedTuple):
    function: str
    example: Example


def parse(text: str) -> Stated:
    """Read `f([1, 2]) == 3` or `f("") raises ValueError`. Raises `ValueError` that says what is wrong."""
    stated = _read(text.strip().removeprefix("assert "), 0)
    if stated is None:
        raise ValueError(
            f"{text[:80]!r} is not a call with literals and its result; write it as `f([1, 2]) == 3` "
            "or `f('') raises ValueError`"
        )
    return stated


def find(prompt: str, function: str | None = None) -> tuple[Stated, ...]:
    """All examples stated in a text, in order, none twice.

    They are of one function: the one named, or the last that the text has a header of, or that which most of them call.
    """
    found = list(dict.fromkeys((*_doctests(prompt), *_sentences(prompt), *_described(prompt))))
    if not found:
        return ()
    header = _last_header(prompt)
    function = function or (header[1] if header else _most_called(found))
    return _with_tuples_of_one([stated for stated in found if stated.function == function])[:_MOST]


def _with_tuples_of_one(found: Sequence[Stated]) -> tuple[Stated, ...]:
    """People write `("a")` for a tuple of one: so it is read where another result of the function is a tuple."""
    if not any(isinstance(_value_of(stated), tuple) for stated in found):
        return tuple(found)
    return tuple(_as_tuple(stated) if stated.example.value.startswith("(") else stated for stated in found)


def _value_of(stated: Stated) -> object:
    return syntax.literal(stated.example.value) if stated.example.expect == "returns" else None


def _as_tuple(stated: Stated) -> Stated:
    value = stated.example.value
    if isinstance(_value_of(stated), tuple):
        return stated
    return stated._replace(example=stated.example.model_copy(update={"value": f"{value[:-1]},)"}))


def _last_header(text: str) -> re.Match[str] | None:
    """The one that the text is about: helpers come before what uses them."""
    return max(_DEFINED.finditer(text), key=re.Match.start, default=None)


def _most_called(found: Sequence[Stated]) -> str:
    return Counter(stated.function for stated in found).most_common(1)[0][0]


def is_arguments(text: str) -> bool:
    """Whether the text can stand between a call's parentheses, and is made of literals only."""
    try:
        call = syntax.call(text)
        for value in (*call.args, *(keyword.value for keyword in call.keywords)):
            repr(ast.literal_eval(value))  # fails for an int of more digits than Python writes
    except _PARSE_ERRORS:
        return False
    return all(keyword.arg for keyword in call.keywords)


def is_literal(text: str) -> bool:
    try:
        syntax.literal(text)
    except _PARSE_ERRORS:
        return False
    return True


def _doctests(text: str) -> Iterator[Stated]:
    try:
        blocks = doctest.DocTestParser().get_examples(text)
    except ValueError:  # a docstring with uneven indentation
        return
    for block in blocks:
        ending = f"raises {block.exc_msg.partition(':')[0]}" if block.exc_msg else f"== {block.want.strip()}"
        stated = _read(f"{block.source.strip()} {ending}", 0) if block.want else None
        if stated:
            yield stated


def _sentences(text: str) -> Iterator[Stated]:
    calls = ((line, call.start()) for line in text.splitlines() for call in _CALL.finditer(line))
    for line, start in itertools.islice(calls, _MOST_CALLS):
        stated = _read(line, start)
        if stated:
            yield stated


def _described(text: str) -> Iterator[Stated]:
    """What is said of inputs and outputs, as `For n = 2 the output is 4`, where a header in the text says whose."""
    header = _last_header(text)
    if header is None:
        return
    names = [part.partition(":")[0].partition("=")[0].strip() for part in header[2].split(",")]
    for given in itertools.islice(_GIVEN.finditer(text), _MOST_CALLS):
        values, end = _values(text, given.end(), names)
        output = _OUTPUT.match(text, end) if values else None
        value = _leading_literal(text[output.end() : output.end() + _LONGEST]) if output else None
        if value and is_arguments(", ".join(values)):
            yield Stated(header[1], _example(", ".join(values), "returns", value))


def _values(text: str, start: int, names: Sequence[str]) -> tuple[list[str], int]:
    """The literals that stand there, one for each of the names in order, and where they end; none if they misfit."""
    values: list[str] = []
    for name in names:
        named = _NAMED.match(text, start)
        if named and named[1] != name:
            return [], start
        start = named.end() if named else start
        literal = _leading_literal(text[start : start + _LONGEST])
        if literal is None:
            return [], start
        values.append(literal)
        start += len(literal)
        if following := _NEXT.match(text, start):
            start = following.end()
    return values, start


def _read(text: str, start: int) -> Stated | None:
    """The example that begins at `start`, if one does."""
    opening = _CALL.match(text, start)
    closing = _closing(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return None
    name, arguments = opening.group()[:-1], text[opening.end() : closing].strip()
    rest = text[closing + 1 : closing + 1 + _LONGEST]
    if keyword.iskeyword(name) or not is_arguments(arguments):
        return None
    if raises := _RAISES.match(rest):
        return Stated(name, _example(arguments, "raises", raises.group(1)))
    if (returns := _RETURNS.match(rest)) and (value := _leading_literal(rest[returns.end() :])):
        return Stated(name, _example(arguments, "returns", value))
    return None


def _example(arguments: str, expect: str, value: str) -> Example:
    return Example.model_validate(
        {"origin": "user", "arguments": arguments, "expect": expect, "value": value, "covers": "typical"}
    )


def _closing(text: str, start: int) -> int | None:
    """The index of the bracket that closes what was opened before `start`. In one pass: a prompt may be hostile."""
    depth = 1
    for part in _BRACKET_OR_STRING.finditer(text, start, start + 4 * _LONGEST):
        depth += (part["open"] is not None) - (part["close"] is not None)
        if part["stray"] or depth > _DEEPEST:
            return None
        if depth == 0:
            return part.start()
    return None


def _leading_literal(text: str) -> str | None:
    """The literal that the text begins with. A bare `1, 2` is two answers, not a tuple."""
    if scalar := _SCALAR.match(text):
        end: int | None = scalar.end()
    else:
        closing = _closing(text, 1) if text[:1] in ("(", "[", "{") else None
        end = None if closing is None else closing + 1
    if end is None or _GOES_ON.match(text, end) or not is_literal(text[:end]):
        return None
    return text[:end]
