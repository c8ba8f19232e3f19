"""What a model writes, and the gate: a class whose schema no grammar could enforce is refused where it is defined."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic.errors import PydanticUserError

from schemas.wire import Wire

Schema = dict[str, Any]

ATOM = r"(?:\[[A-Za-z0-9_-]+\]|[A-Za-z0-9_-])(?:\{(\d+)(?:,(\d+))?\})?"
"""A character or a class of ASCII, and how often: no more than that is bounded and means the same to every engine."""
_PATTERN = re.compile(rf"\^(?:{ATOM})+\$")

_ALLOWED: dict[str, tuple[set[str], ...]] = {
    "": ({"$ref"}, {"anyOf"}),
    "boolean": ({"type"},),
    "null": ({"type"},),
    "string": ({"type", "const"}, {"type", "enum"}, {"type", "pattern"}, {"type", "maxLength", "x-max-tokens"}),
    "array": ({"type", "items", "maxItems"}, {"type", "items", "minItems", "maxItems"}),
    "object": ({"type", "properties", "required", "additionalProperties"},),
}
"""Which keywords may stand together. What is not here some grammar engine ignores in silence, or it bounds nothing."""
_CONSTRAIN_NOTHING = {"title", "description", "default", "$defs"}
_REMEDIES = {
    "string": "a string needs a budget, `Text(max_tokens=…)`, or a pattern of ASCII classes with its bound inside",
    "array": "a list needs one kind of item and `max_length`",
    "object": "an object needs every key, and no other: no defaults, no `extra`, no dict",
}


class Unenforceable(TypeError):
    """`Unenforceable(where, what)`: a field asks for what no grammar of ours enforces."""

    def __str__(self) -> str:
        where, what = self.args
        return f"{where}: {what}"


class Written(Wire):
    """The base of what a model writes. Defining a class of it raises `Unenforceable` by the name of the field."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        try:
            schema = cls.model_json_schema()
        except PydanticUserError as error:
            raise Unenforceable(cls.__name__, error.message) from None
        _check(schema, cls.__name__, schema.get("$defs", {}), ())


def _check(schema: Schema, where: str, definitions: Schema, inside: tuple[str, ...]) -> None:
    said = {key: value for key, value in schema.items() if key not in _CONSTRAIN_NOTHING}
    kind = said.get("type", "")
    pattern = said.get("pattern", "^a$")
    if set(said) not in _ALLOWED.get(kind, ()) or not _PATTERN.fullmatch(pattern):
        raise Unenforceable(where, _REMEDIES.get(kind, f"no grammar of ours enforces {said}"))
    if kind == "object" and (said["required"] != list(said["properties"]) or said["additionalProperties"]):
        raise Unenforceable(where, _REMEDIES["object"])
    for below, at in _parts(said, where):
        _check(below, at, definitions, inside)
    if "$ref" in said:
        name = said["$ref"].rpartition("/")[2]
        if name in inside:
            raise Unenforceable(name, "contains itself")
        _check(definitions[name], name, definitions, (*inside, name))


def _parts(said: Schema, where: str) -> Iterator[tuple[Schema, str]]:
    """The schemas right below one, and what to call them."""
    for option in said.get("anyOf", ()):
        yield option, where
    if "items" in said:
        yield said["items"], f"{where}[]"
    for key, value in said.get("properties", {}).items():
        yield value, f"{where}.{key}"
