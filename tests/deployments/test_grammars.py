"""The closed set of grammars, held against a tokenizer before any weights are loaded."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from deployments.grammars import grammars_of, require_all_fit
from deployments.settings import Settings
from lift_sys.grammar.bound import BoundExceeded


def settings(**args: Any) -> Settings:
    return Settings.model_validate(args)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tokenizer with a token for each byte and an end."""
    return tokenizer(tmp_path, [])


def tokenizer(folder: Path, more: list[str]) -> Path:
    tokens = [*sorted(ByteLevel.alphabet()), "<end>", *more]
    made = Tokenizer(BPE({token: i for i, token in enumerate(tokens)}, []))
    made.decoder = decoders.ByteLevel()
    made.save(str(folder / "tokenizer.json"))
    config = {"vocab_size": len(tokens), "eos_token_id": tokens.index("<end>")}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ({}, ["ir", "code"]),
        ({"code": {"plan_tokens": 64, "mix": {"planned": 1}}}, ["ir", "code", "planned_code"]),
    ],
)
def test_an_engine_holds_a_grammar_for_each_way_to_answer(args: dict[str, Any], names: list[str]) -> None:
    assert [grammar.name for grammar in grammars_of(settings(**args))] == names


def test_the_defaults_fit(folder: Path) -> None:
    require_all_fit(grammars_of(Settings()), folder, Settings().engine.context_tokens)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"ir": {"max_tokens": 2_000}}, r"ir\.max_tokens is 2000, and an answer can take 3500 tokens"),
        ({"engine": {"context_tokens": 3_500}}, "no room for a prompt"),
        ({"code": {"max_tokens": 8_192}}, r"code\.max_tokens is 8192, which leaves no room"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_setting(folder: Path, args: dict[str, Any], why: str) -> None:
    given = settings(**args)
    with pytest.raises(BoundExceeded, match=why):
        require_all_fit(grammars_of(given), folder, given.engine.context_tokens)


def test_a_tokenizer_with_longer_tokens_than_the_schemas_lengths_allow_for_is_refused(tmp_path: Path) -> None:
    folder = tokenizer(tmp_path, ["x" * 129])
    with pytest.raises(BoundExceeded, match="spells 129 bytes"):
        require_all_fit(grammars_of(Settings()), folder, 8_192)
