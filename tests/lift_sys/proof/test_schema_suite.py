import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from lift_sys.proof.schema_suite import FEATURES, suite

CASES = suite()


def test_there_are_more_than_two_hundred_schemas_and_no_two_are_the_same() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({json.dumps(case.schema, sort_keys=True) for case in CASES}) == len(CASES)


def test_every_feature_is_the_hardest_somewhere_and_none_of_more_than_a_quarter() -> None:
    counts = Counter(case.feature for case in CASES)
    assert set(counts) == set(FEATURES)
    assert max(counts.values()) <= len(CASES) / 4


def test_every_schema_is_one_of_draft_2020_12() -> None:
    for case in CASES:
        Draft202012Validator.check_schema(case.schema)


def test_every_root_says_its_type() -> None:
    assert {case.schema["type"] for case in CASES} == {"object", "array"}


def test_every_schema_accepts_what_is_valid_and_refuses_what_is_not() -> None:
    wrong = [
        (case.name, instance)
        for case in CASES
        for instances, expected in ((case.valid, True), (case.invalid, False))
        for instance in instances
        if Draft202012Validator(case.schema).is_valid(instance) is not expected
    ]
    assert wrong == []


def test_there_are_two_of_each_at_least() -> None:
    assert [case.name for case in CASES if min(len(case.valid), len(case.invalid)) < 2] == []


def test_keys_stand_in_the_order_of_the_properties() -> None:
    pairs = (pair for case in CASES for each in case.valid for pair in _objects(case.schema, case.schema, each))
    assert [(keys, declared) for keys, declared in pairs if keys[: len(declared)] != declared] == []


def _objects(root: dict[str, Any], schema: dict[str, Any], value: Any) -> Iterator[tuple[list[str], list[str]]]:
    """Of each object, as far as no choice hides it: its keys, and those of them that are declared, as declared."""
    if name := schema.get("$ref"):
        yield from _objects(root, root if name == "#" else root["$defs"][name.removeprefix("#/$defs/")], value)
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        declared = [key for key in properties if key in value]
        yield list(value), declared
        for key in declared:
            yield from _objects(root, properties[key], value[key])
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            yield from _objects(root, schema["items"], item)
