"""The grammars in the real XGrammar: they admit what our schemas admit, refuse the rest, and end."""

import functools
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import xgrammar
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from lift_sys.code_stage import grammar_of
from lift_sys.grammar import Unenforceable, code_grammar, fenced_source, json_grammar
from schemas import IR, Assertion, Effects, Example, Hole, Intent, Parameter, Signature
from schemas.ir import Effect, ErrorName, Kind, Module
from schemas.wire import Identifier, Text, Wire

STOP = 256
TOKENS = [
    *(bytes([b]) for b in range(256)),
    b"<stop>",
    b'"}',
    b'","',
    b'":"',
    b"\\u00",
    b"]}",
    b"    ",
    b"``",
    b"\n```",
]
"""Every byte, the end, and tokens that reach over the borders of rules as those of real vocabularies do."""
CODE_BUDGET = 50
FENCES = b"```python\n", b"\n```"
REST_OF_A_CHARACTER = 5
"""A budget may end within an escape of six bytes, or a character of four: what then must follow is still written."""


@functools.cache
def compiler() -> Any:
    return xgrammar.GrammarCompiler(xgrammar.TokenizerInfo(TOKENS, stop_token_ids=[STOP]))


@functools.cache
def compiled(grammar: str) -> Any:
    return compiler().compile_grammar(xgrammar.Grammar.from_ebnf(grammar))


def admits(grammar: str, text: str) -> bool:
    matcher = xgrammar.GrammarMatcher(compiled(grammar))
    return bool(matcher.accept_string(text) and matcher.is_completed())


Choose = Callable[[list[int]], int]


def walk(grammar: str, choose: Choose) -> list[bytes]:
    """The tokens of one text, each chosen among all that the grammar admits, until it ends."""
    matcher = xgrammar.GrammarMatcher(compiled(grammar))
    mask = xgrammar.allocate_token_bitmask(1, len(TOKENS))
    written: list[bytes] = []
    while True:
        matcher.fill_next_token_bitmask(mask)
        bits = int.from_bytes(mask.numpy().tobytes(), "little")
        token = choose([i for i in range(len(TOKENS)) if bits >> i & 1])
        if token == STOP:
            return written
        assert matcher.accept_token(token)
        written.append(TOKENS[token])
        assert len(written) < 20_000, "the grammar lets a writer go on and on"


def at_random(seed: int) -> Choose:
    return random.Random(seed).choice


def never_willing_to_end(seed: int) -> Choose:
    """Closes nothing and stops at nothing for as long as there is anything else to write."""
    rng = random.Random(seed)
    endings = {i for i, token in enumerate(TOKENS) if token[:1] in b'"]}' or token.startswith(b"\n``") or i == STOP}
    return lambda admitted: rng.choice([i for i in admitted if i not in endings] or admitted)


WRITERS = [
    pytest.param(kind, seed, id=f"{kind.__name__}-{seed}")
    for kind in (at_random, never_willing_to_end)
    for seed in range(5)
]


# What the grammar of the IR admits

TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=12)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,47}", fullmatch=True)


def several(inner: st.SearchStrategy[Any], least: int, most: int) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=least, max_size=most).map(tuple)


def one_of(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(literal.__args__)


def field_of(model: type[Wire], name: str) -> st.SearchStrategy[Any]:
    return one_of(model.model_fields[name].annotation)


IRS = st.builds(
    IR,
    intent=st.builds(Intent, summary=TEXTS, rationale=TEXTS),
    signature=st.builds(
        Signature,
        name=NAMES,
        parameters=several(
            st.builds(Parameter, name=NAMES, type=TEXTS, kind=one_of(Kind), default=st.none() | TEXTS), 0, 8
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
        6,
    ),
    assertions=several(
        st.builds(Assertion, kind=field_of(Assertion, "kind"), expr=TEXTS, origin=field_of(Assertion, "origin")),
        0,
        8,
    ),
    effects=st.builds(
        Effects,
        pure=st.booleans(),
        allowed=several(one_of(Effect), 0, 2),
        raises=several(one_of(ErrorName), 0, 4),
        imports=several(one_of(Module), 0, 4),
    ),
    holes=several(st.builds(Hole, question=TEXTS, options=several(TEXTS, 2, 4), assumed=TEXTS), 0, 4),
)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


@given(IRS)
def test_every_ir_can_be_written(ir: IR) -> None:
    assert admits(json_grammar(IR), compact(ir.model_dump(mode="json")))


@pytest.mark.parametrize(
    "text",
    ["", 'a "quoted" word', "back\\slash", "line\nbreak\ttab", "\x00\x1f", "é 日本", "x" * 2_000, "/", "'`{}[],:"],
    ids=["empty", "quotes", "backslash", "white space", "control", "other scripts", "long", "slash", "punctuation"],
)
def test_every_text_can_be_written(text: str, ir: IR) -> None:
    changed = ir.model_copy(update={"intent": Intent(summary=text, rationale=text)})
    assert admits(json_grammar(IR), compact(changed.model_dump(mode="json")))


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
    "inner keys change places": lambda ir: {**ir, "intent": {"rationale": "r", "summary": "s"}},
    "a key too many": lambda ir: {**ir, "more": 1},
    "an inner key too many": lambda ir: with_(ir, "effects", more=1),
    "a word that is not in the list": lambda ir: with_(ir, "effects", imports=["os"]),
    "an empty word of a list": lambda ir: with_(ir, "effects", raises=[""]),
    "a text for a truth value": lambda ir: with_(ir, "effects", pure="true"),
    "a number for a truth value": lambda ir: with_(ir, "effects", pure=1),
    "null for a text": lambda ir: with_(ir, "intent", summary=None),
    "a name that begins with a digit": lambda ir: with_(ir, "signature", name="2f"),
    "a name with a blank": lambda ir: with_(ir, "signature", name="f f"),
    "an empty name": lambda ir: with_(ir, "signature", name=""),
    "a name of 49 letters": lambda ir: with_(ir, "signature", name="f" * 49),
    "7 examples": lambda ir: {**ir, "examples": ir["examples"][:1] * 7},
    "1 example": lambda ir: {**ir, "examples": ir["examples"][:1]},
    "no example": lambda ir: {**ir, "examples": []},
    "9 parameters": lambda ir: with_(ir, "signature", parameters=ir["signature"]["parameters"] * 9),
    "9 assertions": lambda ir: {**ir, "assertions": ir["assertions"] * 9},
    "5 holes": lambda ir: {**ir, "holes": [{"question": "?", "options": ["a", "b"], "assumed": "a"}] * 5},
    "a hole with one option": lambda ir: {**ir, "holes": [{"question": "?", "options": ["a"], "assumed": "a"}]},
    "3 effects": lambda ir: with_(ir, "effects", allowed=["stdout"] * 3),
    "a list": lambda ir: [ir],
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_what_is_no_ir_cannot_be_written(change: Change, ir: IR) -> None:
    assert not admits(json_grammar(IR), compact(change(ir.model_dump(mode="json"))))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", "{ "), (":", ": "), (",", ", "), (",", ",\n"), ("}", " }"), ("[", "[\t"), ("Double", "Double\n"),
        ("Double", "Dou\tble"), ("Double", "\x01"), ("Double", "\x7f"), ("Double", "é"), ("Double", "\\x41"),
        ("Double", "\\ud800"), ("Double", "\\uDFFF"), ("Double", "\\u12"), ("Double", '"'), ("Double", "\\"),
        ('"intent"', '"Intent"'), ("true", "True"), ("null", "None"), ('"', "'"),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_not_our_json_cannot_be_written(old: str, new: str, ir: IR) -> None:
    text = compact(ir.model_dump(mode="json"))
    assert admits(json_grammar(IR), text)
    assert not admits(json_grammar(IR), text.replace(old, new, 1))


@pytest.mark.parametrize("around", [" {}", "{} ", "{}\n", "{}{}", "```json\n{}\n```"], ids=repr)
def test_nothing_can_be_written_around_an_ir(around: str, ir: IR) -> None:
    assert not admits(json_grammar(IR), around.replace("{}", compact(ir.model_dump(mode="json"))))


# How it ends


def test_xgrammar_has_nothing_to_warn_of(capfd: pytest.CaptureFixture[str]) -> None:
    for grammar in (json_grammar(IR), code_grammar(CODE_BUDGET)):
        compiler().compile_grammar(xgrammar.Grammar.from_ebnf(grammar))
    assert capfd.readouterr() == ("", "")


def test_no_bound_on_a_length_reaches_xgrammar() -> None:
    assert re.findall("(?i)(?:min|max)_?length", json_grammar(IR)) == []
    assert len(re.findall(r"^text_\d+\[max_tokens=\d+\] ::= Regex", json_grammar(IR), re.MULTILINE)) == 4


def budgets(value: object, schema: dict[str, Any]) -> list[tuple[str, int]]:
    """Every text in a value that has a budget, and the budget."""
    schema = IR.model_json_schema()["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, list):
        return [found for item in value for found in budgets(item, schema["items"])]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in budgets(item, schema["properties"][key])]
    schema = schema["anyOf"][0] if "anyOf" in schema else schema
    return [(value, schema["x-max-tokens"])] if isinstance(value, str) and "x-max-tokens" in schema else []


@pytest.mark.parametrize(("writer", "seed"), WRITERS)
def test_whatever_is_written_is_an_ir_within_its_budgets(writer: Callable[[int], Choose], seed: int) -> None:
    written = walk(json_grammar(IR), writer(seed))
    text = b"".join(written).decode()
    IR.model_validate_json(text)
    found = budgets(json.loads(text), IR.model_json_schema())
    assert len(found) >= 8
    for string, budget in found:
        assert len(string) <= budget * 4 + REST_OF_A_CHARACTER  # a token of this vocabulary has at most four characters


def test_a_text_of_single_bytes_takes_no_more_tokens_than_its_budget() -> None:
    rng = random.Random(0)
    letters = [i for i, token in enumerate(TOKENS) if token.isalpha()]
    text = b"".join(walk(json_grammar(IR), lambda ids: rng.choice([i for i in ids if i in letters] or ids)))
    assert len(json.loads(text)["intent"]["summary"]) == 48


# Code

PROGRAMS = {
    "one line": "x = 1",
    "other scripts": "def f(s: str) -> str:\n    return s + 'é 日本 👍'  # ünïcödé",
    "empty lines and tabs": "def f():\n\n\treturn 1\n\n\nf()\n",
    "backticks within lines": "def f():\n    '''`x` and ```y```'''\n    return '```'",
    "nothing": "",
    **{path.name: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[2].glob("lift_sys/*.py"))},
}
NOT_FENCED = {
    "no fence": "x = 1",
    "another language": "```js\nx = 1\n```",
    "words before": "Here you are:\n```python\nx = 1\n```",
    "words behind": "```python\nx = 1\n```\nDone.",
    "a line break behind": "```python\nx = 1\n```\n",
    "never closed": "```python\nx = 1\n",
    "closed twice": "```python\nx = 1\n```\n```",
    "a fence within": "```python\nx = 1\n```\ny = 2\n```",
    "a line that begins with a backtick": "```python\n`x`\n```",
    "a carriage return": "```python\nx = 1\r\n```",
    "a NUL": "```python\nx = '\0'\n```",
    "a form feed": "```python\nx = 1\f\n```",
}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_can_be_written_and_is_read_back(source: str) -> None:
    text = f"```python\n{source}\n```"
    assert admits(code_grammar(CODE_BUDGET), text)
    assert fenced_source(text) == source


@pytest.mark.parametrize("text", NOT_FENCED.values(), ids=NOT_FENCED)
def test_what_is_not_one_fenced_block_cannot_be_written(text: str) -> None:
    assert not admits(code_grammar(CODE_BUDGET), text)


@pytest.mark.parametrize(("writer", "seed"), WRITERS)
def test_whatever_code_is_written_ends_at_the_fence_and_within_the_budget(
    writer: Callable[[int], Choose], seed: int
) -> None:
    written = walk(code_grammar(CODE_BUDGET), writer(seed))
    text = b"".join(written)
    opening, closing = FENCES
    assert text.startswith(opening)
    assert text.endswith(closing)
    body = text[len(opening) : -len(closing)]
    assert not any(line.startswith(b"`") for line in body.split(b"\n"))
    assert len(written) <= CODE_BUDGET + len(opening) + len(closing) + REST_OF_A_CHARACTER


def test_the_fences_are_within_what_the_code_stage_may_spend() -> None:
    assert "body[max_tokens=84]" in grammar_of(100)


@pytest.mark.parametrize(
    ("text", "source"),
    [("```python\nx = 1", "x = 1"), ("```python\nx = 1\n", "x = 1"), ("x = 1", "x = 1"), ("", "")],
    ids=["cut in the body", "cut before the fence", "no fence", "nothing"],
)
def test_text_that_was_cut_is_still_read(text: str, source: str) -> None:
    assert fenced_source(text) == source


# Schemas that no grammar of ours enforces

Short = Annotated[str, Text(max_tokens=8)]


class PlainText(Wire):
    inner: str


class OnlyALength(Wire):
    inner: Annotated[str, Field(max_length=8)]


class PatternAndLength(Wire):
    inner: Annotated[str, Field(pattern="^a*$", max_length=8)]


class OptionalKey(Wire):
    inner: Short = ""


class AnyKey(Wire):
    inner: dict[str, Short]


class OpenObject(Wire, extra="allow"):
    inner: Short


class Endless(Wire):
    inner: tuple[Short, ...]


class OnlyALeast(Wire):
    inner: Annotated[tuple[Short, ...], Field(min_length=2)]


class Pair(Wire):
    inner: tuple[Short, Short]


class Unique(Wire):
    inner: Annotated[frozenset[Short], Field(max_length=3)]


class Fraction(Wire):
    inner: float


class Bounded(Wire):
    inner: Annotated[int, Field(ge=0, le=9)]


class Anything(Wire):
    inner: Any


class OneWord(Wire):
    inner: Literal["only"]


class Below(Wire):
    inner: Annotated[tuple[PlainText, ...], Field(max_length=2)]


class Tree(Wire):
    children: Annotated[tuple["Tree", ...], Field(max_length=2)]


class Forest(Wire):
    trees: Annotated[tuple[Tree, ...], Field(max_length=2)]


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (PlainText, "root.inner"),
        (OnlyALength, "root.inner"),
        (PatternAndLength, "root.inner"),
        (OptionalKey, "root"),
        (AnyKey, "root.inner"),
        (OpenObject, "root"),
        (Endless, "root.inner"),
        (OnlyALeast, "root.inner"),
        (Pair, "root.inner"),
        (Unique, "root.inner"),
        (Fraction, "root.inner"),
        (Bounded, "root.inner"),
        (Anything, "root.inner"),
        (OneWord, "root.inner"),
        (Below, "PlainText.inner"),
        (Tree, "Tree"),
        (Forest, "Tree"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_schema_that_cannot_be_enforced_is_refused_by_the_name_of_its_field(model: type[Wire], where: str) -> None:
    with pytest.raises(Unenforceable) as refusal:
        json_grammar(model)
    assert refusal.value.args[0] == where


class Item(Wire):
    name: Identifier
    note: Short | None
    tags: Annotated[tuple[Literal["a", "b"], ...], Field(min_length=1, max_length=1)]


@pytest.mark.parametrize(
    ("text", "admitted"),
    [
        ('{"name":"x","note":null,"tags":["a"]}', True),
        ('{"name":"x","note":"n","tags":["b"]}', True),
        ('{"name":"x","note":null,"tags":[]}', False),
        ('{"name":"x","note":null,"tags":["a","b"]}', False),
        ('{"name":"x","note":null,"tags":["c"]}', False),
    ],
)
def test_a_list_of_exactly_one_is_enforced(text: str, admitted: bool) -> None:
    assert admits(json_grammar(Item), text) is admitted
