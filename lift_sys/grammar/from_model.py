r"""From a model class to the tree of its JSON. The class has passed the gate (`schemas/written.py`).

Separators are compact, since a model may write white space until its tokens run out, and keys stand in the schema's
order. A string's inside is UTF-8 with JSON's escapes, but for `\uXXXX` of a surrogate: half a character is none.
"""

import json
import re
from typing import Any

from lift_sys.grammar.characters import BEYOND_ASCII, printable_except
from lift_sys.grammar.tree import Array, Fixed, Node, Object, OneOf, Pattern, Rule, Sequence, Text
from schemas.written import ATOM, Written

Schema = dict[str, Any]

_HEX = "[0-9A-Fa-f]"
_NO_SURROGATE = f"([0-9A-Ca-cE-Fe-f]{_HEX}{_HEX}{_HEX}|[Dd][0-7]{_HEX}{_HEX})"
_ESCAPE = rf"\\([\"\\/bfnrt]|u{_NO_SURROGATE})"
_UNIT = f"{BEYOND_ASCII}|{_ESCAPE}"
_LONGEST_ESCAPE_BYTES = len(r"\u0000")
_INSIDE = f"({printable_except(chr(34) + chr(92))}|{_UNIT})+"
_QUOTE = Fixed('"')


def tree_of(model: type[Written]) -> Rule:
    schema = model.model_json_schema()
    return Rule(model.__name__, _node(schema, schema.get("$defs", {})))


def _node(schema: Schema, definitions: Schema) -> Node:
    match schema:
        case {"$ref": str(ref)}:
            name = ref.rpartition("/")[2]
            return Rule(name, _node(definitions[name], definitions))
        case {"anyOf": options}:
            return OneOf(tuple(_node(option, definitions) for option in options))
        case {"items": items, "maxItems": most}:
            return Array(_node(items, definitions), schema.get("minItems", 0), most)
        case {"properties": properties}:
            return Object(tuple((key, _node(value, definitions)) for key, value in properties.items()))
        case {"pattern": _} | {"x-max-tokens": _}:
            return Sequence((_QUOTE, _inside(schema), _QUOTE))
        case _:
            return OneOf(tuple(Fixed(json.dumps(value)) for value in _values(schema)))


def _inside(schema: Schema) -> Pattern | Text:
    """What stands between the quotes of a string."""
    if "pattern" in schema:
        pattern = schema["pattern"]
        return Pattern(pattern[1:-1], longest(pattern))
    return Text(_INSIDE, _UNIT, _LONGEST_ESCAPE_BYTES, schema["x-max-tokens"])


def _values(schema: Schema) -> list[Any]:
    """All the values of a schema that has few. The gate let no other kind pass."""
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return list(schema["enum"])
    return [True, False] if schema["type"] == "boolean" else [None]


def longest(pattern: str) -> int:
    """How many characters a text can have that fits a pattern of the gate's kind."""
    return sum(int(most or exactly or 1) for exactly, most in re.findall(ATOM, pattern[1:-1]))
