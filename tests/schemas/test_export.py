"""The JSON Schemas: checked-in text, valid, and in the order in which a model writes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import schemas
from schemas import CODE_GENERATION_SCHEMA, IR_JSON_SCHEMA
from schemas.export import EXPORTED, FOLDER
from schemas.wire import Wire

ORDER_OF_WRITING = {
    "IR": ["intent", "signature", "examples", "assertions", "effects", "holes"],
    "Intent": ["summary", "rationale", "asks_for"],
    "Signature": ["name", "parameters", "returns", "is_async"],
    "Parameter": ["name", "type", "kind", "default"],
    "Example": ["origin", "arguments", "expect", "value", "covers"],
    "Assertion": ["kind", "expr", "origin"],
    "Effects": ["pure", "allowed", "raises", "imports"],
    "Hole": ["question", "options", "assumed"],
}
OBJECTS: dict[str, dict[str, Any]] = {"IR": IR_JSON_SCHEMA, **IR_JSON_SCHEMA["$defs"]}


def checked_in(name: str) -> str:
    return (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")


def keywords(schema: object) -> Iterator[str]:
    """The keywords of a schema and of all below it; names of properties and definitions are none."""
    if isinstance(schema, list):
        for part in schema:
            yield from keywords(part)
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key
            yield from keywords(list(value.values()) if key in ("properties", "$defs") else value)


@pytest.mark.parametrize("name", EXPORTED)
def test_the_checked_in_text_is_what_the_model_says(name: str) -> None:
    assert checked_in(name) == EXPORTED[name].schema_text(), "run `make schemas`"


def test_every_file_has_a_model() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.schema.json" for name in EXPORTED}


@pytest.mark.parametrize("name", EXPORTED)
def test_every_file_is_a_json_schema_without_unknown_keywords(name: str) -> None:
    schema = json.loads(checked_in(name))
    Draft202012Validator.check_schema(schema)
    known = set(Draft202012Validator.VALIDATORS) | {"title", "description", "default", "$defs", "x-max-tokens"}
    assert set(keywords(schema)) <= known


@pytest.mark.parametrize(
    ("schema", "model"),
    [(IR_JSON_SCHEMA, schemas.IR), (CODE_GENERATION_SCHEMA, schemas.Code)],
    ids=["IR_JSON_SCHEMA", "CODE_GENERATION_SCHEMA"],
)
def test_the_two_named_schemas_are_those_of_their_models(schema: dict[str, Any], model: type[Wire]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema == model.model_json_schema()


def test_the_table_of_the_order_of_writing_names_every_object() -> None:
    assert set(ORDER_OF_WRITING) == set(OBJECTS)


@pytest.mark.parametrize("name", ORDER_OF_WRITING)
def test_a_model_writes_every_field_and_reasons_before_decisions(name: str) -> None:
    schema = OBJECTS[name]
    assert list(schema["properties"]) == ORDER_OF_WRITING[name]
    assert schema["required"] == ORDER_OF_WRITING[name]
    assert schema["additionalProperties"] is False


def test_the_package_exports_what_it_names_in_order() -> None:
    assert all(hasattr(schemas, name) for name in schemas.__all__)
    assert sorted(schemas.__all__, key=lambda name: (not name.isupper(), name)) == schemas.__all__
