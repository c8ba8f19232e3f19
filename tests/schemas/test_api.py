"""The bodies of requests: what is refused, and which field the refusal names."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas import Chat, Evidence, LiftRequest, Message, ValidateRequest, Verdict
from schemas.wire import Wire

PROMPT = {"prompt": "double a number"}
CODE = {"code": "def f(x): return x"}
BAD_LIFTS: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": ({}, "prompt"),
    "prompt is empty": ({"prompt": ""}, "prompt"),
    "prompt is blank": ({"prompt": " \t\n "}, "prompt"),
    "prompt has a NUL": ({"prompt": "double\0"}, "prompt"),
    "prompt has half a character": ({"prompt": "double \ud800"}, "prompt"),
    "prompt is too long": ({"prompt": "x" * 20_001}, "prompt"),
    "prompt is a number": ({"prompt": 3}, "prompt"),
    "n is 0": (PROMPT | {"n": 0}, "n"),
    "n is 1000": (PROMPT | {"n": 1_000}, "n"),
    "n is a text": (PROMPT | {"n": "3"}, "n"),
    "n is a fraction": (PROMPT | {"n": 2.5}, "n"),
    "n is a truth value": (PROMPT | {"n": True}, "n"),
    "timeout is negative": (PROMPT | {"timeout_s": -1}, "timeout_s"),
    "timeout is zero": (PROMPT | {"timeout_s": 0}, "timeout_s"),
    "timeout is NaN": (PROMPT | {"timeout_s": float("nan")}, "timeout_s"),
    "timeout is endless": (PROMPT | {"timeout_s": float("inf")}, "timeout_s"),
    "timeout is beyond all floats": (PROMPT | {"timeout_s": 10**400}, "timeout_s"),
    "timeout is a text": (PROMPT | {"timeout_s": "30"}, "timeout_s"),
    "timeout is over an hour": (PROMPT | {"timeout_s": 3_601}, "timeout_s"),
    "temperature is negative": (PROMPT | {"temperature": -0.1}, "temperature"),
    "temperature is too high": (PROMPT | {"temperature": 2.1}, "temperature"),
    "temperature is NaN": (PROMPT | {"temperature": float("nan")}, "temperature"),
    "a field is unknown": (PROMPT | {"timeout": 3}, "timeout"),
    "an example is blank": (PROMPT | {"examples": ["f(1) == 2", " "]}, "examples.1"),
    "an example is too long": (PROMPT | {"examples": ["x" * 2_001]}, "examples.0"),
    "there are 33 examples": (PROMPT | {"examples": ["f(1) == 2"] * 33}, "examples"),
    "examples are one text": (PROMPT | {"examples": "f(1) == 2"}, "examples"),
}
BAD_VALIDATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no function is named": (CODE, ""),
    "examples alone name no function": (CODE | {"examples": ["f(1) == 2"]}, ""),
    "function is no name": (CODE | {"function": "f(x)"}, "function"),
    "function is too long a name": (CODE | {"function": "f" * 49}, "function"),
    "code is blank": ({"code": " ", "function": "f"}, "code"),
    "code has a NUL": ({"code": "x = '\0'", "function": "f"}, "code"),
    "code is too long": ({"code": "x" * 200_001, "function": "f"}, "code"),
    "ir is not an IR": (CODE | {"ir": {}}, "ir.intent"),
    "a field is unknown": (CODE | {"function": "f", "n": 1}, "n"),
}


def refused(model: type[Wire], body: dict[str, Any]) -> str:
    """The first field that the refusal names."""
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(body)
    return ".".join(str(part) for part in refusal.value.errors()[0]["loc"])


@pytest.mark.parametrize(("body", "field"), BAD_LIFTS.values(), ids=BAD_LIFTS)
def test_a_bad_lift_request_is_refused_by_the_name_of_its_field(body: dict[str, Any], field: str) -> None:
    assert refused(LiftRequest, body) == field


@pytest.mark.parametrize(("body", "field"), BAD_VALIDATIONS.values(), ids=BAD_VALIDATIONS)
def test_a_bad_validate_request_is_refused_by_the_name_of_its_field(body: dict[str, Any], field: str) -> None:
    assert refused(ValidateRequest, body) == field


@pytest.mark.parametrize(
    "body",
    [
        PROMPT,
        PROMPT | {"n": 64, "temperature": 0, "timeout_s": 30},
        PROMPT | {"n": None, "temperature": 0.7, "timeout_s": 0.5, "examples": ["f(1) == 2"]},
        {"prompt": "x" * 20_000},
        {"prompt": "Zähle 日本語 👍"},
    ],
    ids=["prompt alone", "whole numbers for seconds", "all fields", "longest prompt", "other scripts"],
)
def test_a_good_request_is_taken_by_model_and_schema_alike(body: dict[str, Any]) -> None:
    LiftRequest.model_validate(body)
    Draft202012Validator(LiftRequest.model_json_schema()).validate(body)


@pytest.mark.parametrize("name", ["n is 1000", "timeout is zero", "temperature is too high", "a field is unknown"])
def test_the_published_schema_states_the_bounds_too(name: str) -> None:
    assert not Draft202012Validator(LiftRequest.model_json_schema()).is_valid(BAD_LIFTS[name][0])


def test_a_value_cannot_be_changed() -> None:
    request = LiftRequest(prompt="double a number")
    with pytest.raises(ValidationError, match="frozen"):
        request.prompt = "halve it"  # type: ignore[misc]


@pytest.mark.parametrize("model", [Message, Chat, Verdict, Evidence], ids=lambda model: model.__name__)
def test_no_value_takes_a_field_that_it_does_not_know(model: type[Wire]) -> None:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate({"surprise": 1})
    assert ("surprise",) in [error["loc"] for error in refusal.value.errors() if error["type"] == "extra_forbidden"]


def test_a_verdict_needs_evidence_and_its_findings_are_what_failed() -> None:
    passed = Evidence(clause="parse", kind="static", origin="rule", outcome="passed", detail="parses")
    failed = passed.model_copy(update={"clause": "imports", "outcome": "failed"})
    verdict = Verdict(level="rejected", reason="imports os", evidence=(passed, failed), sandbox=None)
    assert verdict.findings == (failed,)
    assert refused(Verdict, verdict.model_dump() | {"evidence": []}) == "evidence"
