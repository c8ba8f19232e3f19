"""The grammar of the IR in the real XGrammar: it admits what the schema admits, and refuses the rest."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift_sys.grammar.from_model import tree_of
from lift_sys.grammar.tree import Node
from schemas import IR, Assertion, Effects, Example, Hole, Intent, Parameter, Signature
from schemas.ir import Effect, ErrorName, Kind, Module
from schemas.wire import Wire

Admits = Callable[[Node, str], bool]
ROOT = tree_of(IR)

# What it admits

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=4)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,47}", fullmatch=True)


def several(inner: st.SearchStrategy[Any], least: int, most: int) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=least, max_size=most).map(tuple)


def one_of(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(literal.__args__)


def field_of(model: type[Wire], name: str) -> st.SearchStrategy[Any]:
    return one_of(model.model_fields[name].annotation)


IRS = st.builds(
    IR,
    intent=st.builds(Intent, summary=TEXTS, rationale=TEXTS, asks_for=st.sampled_from(["function", "other"])),
    signature=st.builds(
        Signature,
        name=NAMES,
        parameters=several(
            st.builds(Parameter, name=NAMES, type=TEXTS, kind=one_of(Kind), default=st.none() | TEXTS), 0, 6
        ),
        returns=TEXTS,
        is_async=st.booleans(),
    ),
    examples=several(
        st.builds(
            Example,
            origin=field_of(Example, "origin"),
            arguments=TEXTS,
            expect=field_of(Example, "expect"),
            value=TEXTS,
            covers=field_of(Example, "covers"),
        ),
        2,
        5,
    ),
    assertions=several(
        st.builds(Assertion, kind=field_of(Assertion, "kind"), expr=TEXTS, origin=field_of(Assertion, "origin")), 0, 5
    ),
    effects=st.builds(
        Effects,
        pure=st.booleans(),
        allowed=several(one_of(Effect), 0, 2),
        raises=several(one_of(ErrorName), 0, 3),
        imports=several(one_of(Module), 0, 4),
    ),
    holes=several(st.builds(Hole, question=TEXTS, options=several(TEXTS, 2, 3), assumed=TEXTS), 0, 2),
)


def compact(value: object, escaped: bool = False) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=escaped)


@given(IRS)
def test_every_ir_can_be_written(admitted: Admits, ir: IR) -> None:
    assert admitted(ROOT, compact(ir.model_dump(mode="json")))


TEXT = {
    "nothing": "",
    "quotes": 'a "quoted" word',
    "backslashes": r"\d+\\",
    "white space": "line\nbreak\ttab",
    "control": "\x00\x1f",
    "punctuation": "'`{}[],:/",
    "accents": "naïve déjà-vu",
    "CJK": "日本語の例",
    "emoji": "👍👩‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "مرحبا שלום",
    "combining": "e\u0301 n\u0303 Z\u0351\u036b",
    "the last characters": "\uffff\U0010ffff",
    "writing direction": "a\u202eb\u2066c",
}


@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT)
def test_every_text_can_be_written_and_is_read_back(admitted: Admits, text: str, ir: IR) -> None:
    changed = ir.model_copy(update={"intent": Intent(summary=text, rationale="r", asks_for="function")})
    written = compact(changed.model_dump(mode="json"))
    assert admitted(ROOT, written)
    assert IR.model_validate_json(written).intent.summary == text


@pytest.mark.parametrize("text", [t for t in TEXT.values() if max(t, default="") <= "\uffff" and len(t) < 8], ids=ascii)
def test_a_text_can_be_written_in_escapes_too(admitted: Admits, text: str, ir: IR) -> None:
    changed = ir.model_copy(update={"intent": Intent(summary=text, rationale="r", asks_for="function")})
    assert admitted(ROOT, compact(changed.model_dump(mode="json"), escaped=True))


# What it refuses


def without(ir: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in ir.items() if key not in keys}


def with_(ir: dict[str, Any], part: str, **fields: object) -> dict[str, Any]:
    return {**ir, part: {**ir[part], **fields}}


Change = Callable[[dict[str, Any]], object]
REFUSED: dict[str, Change] = {
    "a key is missing": lambda ir: without(ir, "holes"),
    "an inner key is missing": lambda ir: {**ir, "intent": {"summary": "s"}},
    "keys change places": lambda ir: {"signature": ir["signature"], **ir},
    "inner keys change places": lambda ir: {**ir, "intent": {"rationale": "r", "summary": "s", "asks_for": "function"}},
    "a key too many": lambda ir: {**ir, "more": 1},
    "an inner key too many": lambda ir: with_(ir, "effects", more=1),
    "a word that is not in the list": lambda ir: with_(ir, "effects", imports=["os"]),
    "an empty word of a list": lambda ir: with_(ir, "effects", raises=[""]),
    "a text for a truth value": lambda ir: with_(ir, "effects", pure="true"),
    "a number for a truth value": lambda ir: with_(ir, "effects", pure=1),
    "null for a text": lambda ir: with_(ir, "intent", summary=None),
    "a name that begins with a digit": lambda ir: with_(ir, "signature", name="2f"),
    "a name with a blank": lambda ir: with_(ir, "signature", name="f f"),
    "a name beyond ASCII": lambda ir: with_(ir, "signature", name="größe"),
    "an empty name": lambda ir: with_(ir, "signature", name=""),
    "a name of 49 letters": lambda ir: with_(ir, "signature", name="f" * 49),
    "a text of one token more than its budget": lambda ir: with_(ir, "intent", summary="x" * 49),
    "6 examples": lambda ir: {**ir, "examples": ir["examples"][:1] * 6},
    "1 example": lambda ir: {**ir, "examples": ir["examples"][:1]},
    "no example": lambda ir: {**ir, "examples": []},
    "7 parameters": lambda ir: with_(ir, "signature", parameters=ir["signature"]["parameters"] * 7),
    "6 assertions": lambda ir: {**ir, "assertions": ir["assertions"] * 6},
    "3 holes": lambda ir: {**ir, "holes": [{"question": "?", "options": ["a", "b"], "assumed": "a"}] * 3},
    "a hole with one option": lambda ir: {**ir, "holes": [{"question": "?", "options": ["a"], "assumed": "a"}]},
    "3 effects": lambda ir: with_(ir, "effects", allowed=["stdout"] * 3),
    "a list": lambda ir: [ir],
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_what_is_no_ir_cannot_be_written(admitted: Admits, change: Change, ir: IR) -> None:
    assert not admitted(ROOT, compact(change(ir.model_dump(mode="json"))))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", "{ "), (":", ": "), (",", ", "), (",", ",\n"), ("}", " }"), ("[", "[\t"), ("Double", "Double\n"),
        ("Double", "Dou\tble"), ("Double", "\x01"), ("Double", "\x7f"), ("Double", "\\x41"),
        ("Double", "\\ud800"), ("Double", "\\uDFFF"), ("Double", "\\u12"), ("Double", '"'), ("Double", "\\"),
        ('"intent"', '"Intent"'), ("true", "True"), ("null", "None"), ('"', "'"),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_not_our_json_cannot_be_written(admitted: Admits, old: str, new: str, ir: IR) -> None:
    text = compact(ir.model_dump(mode="json"))
    assert admitted(ROOT, text)
    assert not admitted(ROOT, text.replace(old, new, 1))


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "{}{}", "```json\n{}\n```"], ids=repr)
def test_nothing_can_be_written_around_an_ir(admitted: Admits, around: str, ir: IR) -> None:
    assert not admitted(ROOT, around.replace("{}", compact(ir.model_dump(mode="json"))))
