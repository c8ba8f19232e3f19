r"""Grammars, in XGrammar's EBNF, that hold a model to our schemas.

Separators are compact, since a model may write white space until its tokens run out; keys stand in the schema's order.
A string is a rule of its own with a budget in tokens, `text_48[max_tokens=48] ::= …`, its quotes outside the rule:
length bounds in a JSON Schema make XGrammar drop the escapes. A string's body is ASCII, short escapes, and `\uXXXX` of
the basic multilingual plane without surrogates.
"""

import json
from collections.abc import Iterable
from typing import Any

from schemas.wire import Wire

Schema = dict[str, Any]

_STRING_BODY = r"([ !#-\[\]-~]|\\([\"\\/bfnrt]|u([0-9A-Ca-cE-Fe-f][0-9A-Fa-f]{3}|[Dd][0-7][0-9A-Fa-f]{2})))*"
_LINE_REST = r"[^\n\x00-\x08\x0b-\x1f\x7f]*"
_LINE = rf"([^\n`\x00-\x08\x0b-\x1f\x7f]{_LINE_REST}|)"
"""Not `(…)?`: of `(ab*)?` XGrammar 0.2.7 makes `(ab*|b*)`."""
_ANNOTATIONS = {"title", "description", "$defs", "default"}


class Unenforceable(ValueError):
    """`Unenforceable(where, what)`: a schema asks for what no grammar of ours enforces."""


def json_grammar(model: type[Wire]) -> str:
    """The grammar of a model's JSON. Raises `Unenforceable` that names the field."""
    return _Writer(model.model_json_schema()).grammar()


def code_grammar(max_tokens: int) -> str:
    """One fenced block of Python of at most `max_tokens` tokens, raw. No line of it begins with a backtick."""
    body = _regex(f"{_LINE}(\\n{_LINE})*")
    return f'root ::= "```python\\n" body "\\n```"\nbody[max_tokens={max_tokens}] ::= {body}\n'


def fenced_source(text: str) -> str:
    """The source within a text that follows `code_grammar`."""
    return text.removeprefix("```python\n").removesuffix("```").removesuffix("\n")


class _Writer:
    """Turns one schema into rules. One method for each kind of schema, each giving an EBNF expression."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._rules: dict[str, str] = {}
        self._patterns: dict[str, str] = {}

    def grammar(self) -> str:
        root = self._expression(self._schema, "root")
        return "\n".join([f"root ::= {root}", *(f"{name} ::= {rule}" for name, rule in self._rules.items())]) + "\n"

    def _expression(self, schema: Schema, where: str) -> str:
        schema = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
        match schema:
            case {"$ref": str(ref), **rest} if not rest:
                return self._reference(ref)
            case {"anyOf": list(options), **rest} if not rest:
                return _any_of(self._expression(option, where) for option in options)
            case {"enum": list(values), "type": "string", **rest} if not rest:
                return _one_of(values)
            case {"type": "boolean" | "null" as kind, **rest} if not rest:
                return _one_of([True, False] if kind == "boolean" else [None])
            case {"type": "string", **rest}:
                return self._string(rest, where)
            case {"type": "array", "items": dict(items), "maxItems": int(most), **rest} if set(rest) <= {"minItems"}:
                return self._array(self._expression(items, f"{where}[]"), rest.get("minItems", 0), most)
            case {"type": "object", "properties": dict(properties), **rest}:
                return self._object(properties, rest, where)
        raise Unenforceable(where, f"no grammar enforces {schema}")

    def _reference(self, ref: str) -> str:
        name = ref.removeprefix("#/$defs/")
        if name not in self._rules:
            self._rules[name] = ""  # keeps the order of first use
            self._rules[name] = self._expression(self._schema["$defs"][name], name)
        elif not self._rules[name]:
            raise Unenforceable(name, "contains itself")
        return name

    def _string(self, rest: Schema, where: str) -> str:
        if set(rest) == {"pattern"}:
            name = self._patterns.setdefault(rest["pattern"], f"pattern_{len(self._patterns)}")
            self._rules[name] = _regex(rest["pattern"].removeprefix("^").removesuffix("$"))
            return f'"\\"" {name} "\\""'
        if set(rest) == {"maxLength", "x-max-tokens"}:
            budget = rest["x-max-tokens"]
            self._rules[f"text_{budget}[max_tokens={budget}]"] = _regex(_STRING_BODY)
            return f'"\\"" text_{budget} "\\""'
        raise Unenforceable(where, "a string needs a budget in tokens, or a pattern with its bound inside, and no more")

    def _array(self, item: str, least: int, most: int) -> str:
        filled = f'{item} ("," {item}){{{max(least - 1, 0)},{most - 1}}}'
        return f'"[" {filled} "]"' if least else f'"[" ({filled})? "]"'

    def _object(self, properties: Schema, rest: Schema, where: str) -> str:
        closed = rest == {"required": list(properties), "additionalProperties": False}
        if not closed:
            raise Unenforceable(where, "every key must be required, and no other allowed")
        members = [
            f"{_literal(key, ':')} {self._expression(value, f'{where}.{key}')}" for key, value in properties.items()
        ]
        return '"{" ' + ' "," '.join(members) + ' "}"'


def _any_of(expressions: Iterable[str]) -> str:
    return "(" + " | ".join(expressions) + ")"


def _one_of(values: Iterable[Any]) -> str:
    return _any_of(_literal(value) for value in values)


def _literal(value: Any, after: str = "") -> str:
    """A JSON value, and what follows it, as an EBNF string."""
    return json.dumps(json.dumps(value) + after)


def _regex(pattern: str) -> str:
    return f"Regex({json.dumps(pattern)})"
