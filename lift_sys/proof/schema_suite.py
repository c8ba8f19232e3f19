"""A suite of JSON Schemas, draft 2020-12: the base schemas, and what services make of such schemas."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lift_sys.proof.base_schemas import BASES, Base, Role, Schema, arr, const, integer, mapping, obj, or_null, ref, text


@dataclass(frozen=True)
class Case:
    """Keys of what is valid stand in the order of the schema's properties, as engines have them written."""

    name: str
    feature: str
    """The hardest that the schema uses."""
    schema: Schema
    valid: tuple[Any, ...]
    invalid: tuple[Any, ...]
    """Each is wrong for one reason, which is never a format."""


def suite() -> tuple[Case, ...]:
    everything = (one for base in BASES for one in (base, *_variants(base)))
    return tuple(Case(one.name, _hardest(one.schema), one.schema, one.valid, one.invalid) for one in everything)


def _variants(base: Base) -> Iterator[Base]:
    for transform in _TRANSFORMS[base.role]:
        if variant := transform(base):
            yield variant


# What a service makes of a schema. None where it would make no sense.


def _closed(base: Base) -> Base | None:
    if "properties" not in base.schema or _tells_of_other_keys(base.schema):
        return None
    extra = {**base.valid[0], "unexpected": True}
    return _variant(base, "closed", {**base.schema, "additionalProperties": False}, base.valid, (*base.invalid, extra))


def _tolerant(base: Base) -> Base | None:
    """Readers of a stream admit what later writers add."""
    if _tells_of_other_keys(base.schema):
        return None
    later = {**base.valid[0], "schema_version": 2, "added_later": {"ids": ["a", None]}}
    return _variant(base, "tolerant", {**base.schema, "additionalProperties": True}, (*base.valid, later), base.invalid)


def _nullable(base: Base) -> Base | None:
    """An optional scalar that may also be said to be absent."""
    properties = base.schema.get("properties", {})
    optional = _optional(base.schema)
    key = next((key for key, value in properties.items() if key in optional and _is_plain_scalar(value)), None)
    if key is None:
        return None
    schema = {**base.schema, "properties": {**properties, key: or_null(properties[key])}}
    first = next(instance for instance in base.valid if key in instance)
    return _variant(base, "nullable", schema, (*base.valid, {**first, key: None}), (*base.invalid, {**first, key: []}))


def _referenced(base: Base) -> Base | None:
    """Every property has a name of its own among the definitions."""
    properties = base.schema.get("properties", {})
    if not properties:
        return None
    names = {key: "".join(map(str.title, key.split("_"))) for key in properties}
    schema = {
        **base.schema,
        "properties": {key: ref(names[key]) for key in properties},
        "$defs": {**base.schema.get("$defs", {}), **{names[key]: properties[key] for key in properties}},
    }
    return _variant(base, "referenced", schema, base.valid, base.invalid)


def _patch(base: Base) -> Base | None:
    """A partial update: whatever it says must be right, and it must say something."""
    if base.schema.keys() - {"type", "properties", "required", "additionalProperties", "$defs"} or _nests_itself(base):
        return None
    schema = {key: value for key, value in base.schema.items() if key != "required"}
    one_key = dict(list(base.valid[0].items())[:1])
    still_invalid = [instance for instance in base.invalid if instance.keys() >= set(base.schema["required"])]
    return _variant(base, "patch", {**schema, "minProperties": 1}, (*base.valid, one_key), ({}, *still_invalid))


def _paged(base: Base) -> Base | None:
    def page(item: Schema) -> Schema:
        return obj(items=arr(item, 0, 25), total=integer(0), next=or_null(text()))

    first = base.valid[0]
    valid = ({"items": list(base.valid), "total": 40, "next": "c2Vjb25k"}, {"items": [], "total": 0, "next": None})
    invalid = [{"items": [first, wrong], "total": 2, "next": None} for wrong in base.invalid]
    return _wrapped(base, "paged", page, valid, (*invalid, {"items": [first], "total": -1, "next": None}))


def _event(base: Base) -> Base | None:
    topic = f"{base.name}.created"

    def envelope(data: Schema) -> Schema:
        return obj(id=text(1, 36), topic=const(topic), data=data)

    def told(data: Any, topic: str = topic) -> dict[str, Any]:
        return {"id": "evt-7", "topic": topic, "data": data}

    invalid = (*map(told, base.invalid), told(base.valid[0], "unknown.topic"))
    return _wrapped(base, "event", envelope, tuple(map(told, base.valid)), invalid)


def _by_environment(base: Base) -> Base | None:
    def configuration(settings: Schema) -> Schema:
        properties = obj(default=ref("settings"), environments=mapping(ref("settings")))
        return {**properties, "$defs": {"settings": settings}}

    first, *others = base.valid
    valid = ({"default": first, "environments": {"staging": other, "production": first}} for other in others)
    invalid = ({"default": first, "environments": {"staging": wrong}} for wrong in base.invalid)
    without_any, without_default = {"default": first, "environments": {}}, {"environments": {"staging": first}}
    return _wrapped(base, "by_environment", configuration, (*valid, without_any), (*invalid, without_default))


def _tool_call(base: Base) -> Base | None:
    name = base.name.replace(".", "_")

    def calls(arguments: Schema) -> Schema:
        return obj(calls=arr(obj(name=const(name), arguments=arguments), 1, 4))

    def called(*arguments: Any) -> dict[str, Any]:
        return {"calls": [{"name": name, "arguments": each} for each in arguments]}

    first = base.valid[0]
    invalid = [called(first, wrong) for wrong in base.invalid]
    misnamed = {"calls": [{"name": f"{name}s", "arguments": first}]}
    valid = (called(*base.valid), called(first))
    return _wrapped(base, "tool_call", calls, valid, (*invalid, called(), misnamed))


def _batch(base: Base) -> Base | None:
    first = base.valid[0]
    invalid = [[first, wrong] for wrong in base.invalid]
    return _wrapped(base, "batch", lambda item: arr(item, 1, 100), (list(base.valid), [first]), (*invalid, [], first))


_TRANSFORMS: dict[Role, tuple[Callable[[Base], Base | None], ...]] = {
    "record": (_closed, _nullable, _referenced, _patch, _paged, _event),
    "document": (_closed, _nullable, _referenced, _by_environment),
    "request": (_closed, _nullable, _referenced, _tool_call),
    "reading": (_closed, _tolerant, _nullable, _referenced, _batch),
}


def _variant(base: Base, name: str, schema: Schema, valid: tuple[Any, ...], invalid: tuple[Any, ...]) -> Base:
    return Base(f"{base.name}.{name}", base.role, schema, valid, invalid)


def _wrapped(
    base: Base, name: str, wrap: Callable[[Schema], Schema], valid: tuple[Any, ...], invalid: tuple[Any, ...]
) -> Base | None:
    """Definitions move to the new root, where their references look for them."""
    if _nests_itself(base):
        return None
    inner = {key: value for key, value in base.schema.items() if key != "$defs"}
    outer = wrap(inner)
    definitions = {**base.schema.get("$defs", {}), **outer.get("$defs", {})}
    return _variant(base, name, outer | ({"$defs": definitions} if definitions else {}), valid, invalid)


def _tells_of_other_keys(schema: Schema) -> bool:
    return not schema.keys().isdisjoint({"additionalProperties", "patternProperties", *_LISTS})


def _nests_itself(base: Base) -> bool:
    return any(schema.get("$ref") == "#" for schema in _within(base.schema))


def _is_plain_scalar(schema: Schema) -> bool:
    return schema.get("type") in ("string", "integer", "number", "boolean") and "not" not in schema


# Which features a schema uses.

_MAPS = ("properties", "patternProperties", "$defs")
_LISTS = ("prefixItems", "allOf", "anyOf", "oneOf")
_ALONE = ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else")


def _within(schema: Schema) -> Iterator[Schema]:
    """The schema and all its subschemas, but not those that are a mere true or false."""
    yield schema
    of_maps = [inner for key in _MAPS for inner in schema.get(key, {}).values()]
    of_lists = [inner for key in _LISTS for inner in schema.get(key, ())]
    alone = [schema.get(key) for key in _ALONE]
    for inner in (*of_maps, *of_lists, *alone):
        if isinstance(inner, dict):
            yield from _within(inner)


def _optional(schema: Schema) -> set[str]:
    return set(schema.get("properties", {})) - set(schema.get("required", ()))


def _is_recursive(schema: Schema) -> bool:
    definitions = schema.get("$defs", {})
    return schema.get("$ref") == "#" or any(name in _reached(name, definitions) for name in definitions)


def _reached(name: str, definitions: dict[str, Schema]) -> set[str]:
    """The definitions to which one leads, itself only if it leads back."""
    reached: set[str] = set()
    ahead = [name]
    while ahead:
        found = {each["$ref"].removeprefix("#/$defs/") for each in _within(definitions[ahead.pop()]) if "$ref" in each}
        ahead += found - reached - {"#"}
        reached |= found
    return reached


def _uses(*keywords: str) -> Callable[[Schema], bool]:
    return lambda schema: not schema.keys().isdisjoint(keywords)


def _bounds(kind: str) -> Callable[[Schema], bool]:
    return lambda schema: schema.get("type") in (kind, [kind, "null"]) and _uses("minimum", "maximum")(schema)


_USES: dict[str, Callable[[Schema], bool]] = {  # from what every engine can to what few can
    "typed properties": lambda _: True,
    "const": _uses("const"),
    "enum": _uses("enum"),
    "optional properties": lambda schema: bool(_optional(schema)),
    "nested objects": lambda schema: any("properties" in each for each in schema.get("properties", {}).values()),
    "arrays": _uses("items"),
    "additionalProperties false": lambda schema: schema.get("additionalProperties") is False,
    "nullable by type list": lambda schema: isinstance(schema.get("type"), list),
    "minItems, maxItems": _uses("minItems", "maxItems"),
    "$ref": _uses("$ref"),
    "additionalProperties true": lambda schema: schema.get("additionalProperties") is True,
    "minLength, maxLength": _uses("minLength", "maxLength"),
    "prefixItems": _uses("prefixItems"),
    "additionalProperties schema": lambda schema: isinstance(schema.get("additionalProperties"), dict),
    "integer bounds": _bounds("integer"),
    "format": _uses("format"),
    "number bounds": _bounds("number"),
    "pattern": _uses("pattern"),
    "exclusive bounds": _uses("exclusiveMinimum", "exclusiveMaximum"),
    "anyOf": _uses("anyOf"),
    "unicode pattern": lambda schema: not schema.get("pattern", "").isascii(),
    "recursion": _is_recursive,
    "multipleOf": _uses("multipleOf"),
    "patternProperties": _uses("patternProperties"),
    "propertyNames": _uses("propertyNames"),
    "minProperties, maxProperties": _uses("minProperties", "maxProperties"),
    "oneOf": _uses("oneOf"),
    "allOf": _uses("allOf"),
    "if, then, else": _uses("if"),
    "dependentRequired": _uses("dependentRequired"),
    "contains": _uses("contains"),
    "uniqueItems": _uses("uniqueItems"),
    "not": _uses("not"),
}

FEATURES: tuple[str, ...] = tuple(_USES)


def _hardest(schema: Schema) -> str:
    schemas = list(_within(schema))
    return next(feature for feature in reversed(FEATURES) if any(map(_USES[feature], schemas)))
