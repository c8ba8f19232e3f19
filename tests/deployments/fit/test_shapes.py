"""What a config.json says: parameters as the models' own pages count them, and how GPUs share them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deployments.fit.errors import UnknownArchitecture, UnusableTensorParallel
from deployments.fit.shapes import Shape, shape_of


def config(architecture: str, **keys: Any) -> dict[str, Any]:
    return {"architectures": [architecture], **keys}


def sizes(hidden: int, layers: int, heads: int, kv_heads: int, mlp: int, vocabulary: int) -> dict[str, int]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": mlp,
        "vocab_size": vocabulary,
    }


LLAMA_8B = config("LlamaForCausalLM", **sizes(4_096, 32, 32, 8, 14_336, 128_256))
MISTRAL_7B = config("MistralForCausalLM", **sizes(4_096, 32, 32, 8, 14_336, 32_768))
QWEN25_15B = config("Qwen2ForCausalLM", **sizes(1_536, 28, 12, 2, 8_960, 151_936), tie_word_embeddings=True)
QWEN25_7B = config("Qwen2ForCausalLM", **sizes(3_584, 28, 28, 4, 18_944, 152_064))
QWEN3_4B = config("Qwen3ForCausalLM", **sizes(2_560, 36, 32, 8, 9_728, 151_936), head_dim=128, tie_word_embeddings=True)
ANY = some.sampled_from([LLAMA_8B, MISTRAL_7B, QWEN25_15B, QWEN25_7B, QWEN3_4B]).map(shape_of)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (LLAMA_8B, 8_030_261_248),
        (MISTRAL_7B, 7_248_023_552),
        (QWEN25_15B, 1_543_714_304),
        (QWEN25_7B, 7_615_616_512),
        (QWEN3_4B, 4_022_468_096),
    ],
    ids=lambda value: value["architectures"][0] if isinstance(value, dict) else str(value),
)
def test_a_dense_model_has_as_many_parameters_as_its_checkpoint(model: dict[str, Any], parameters: int) -> None:
    assert shape_of(model).parameters == parameters


def test_all_experts_are_counted(moe: Shape) -> None:
    assert moe.parameters == 30_532_122_624


def test_tied_embeddings_are_counted_once(small_config: dict[str, Any]) -> None:
    tied, untied = shape_of(small_config), shape_of({**small_config, "tie_word_embeddings": False})
    assert tied.parameters == 494_032_768
    assert untied.parameters - tied.parameters == tied.vocabulary * tied.hidden


def test_attention_biases_are_those_that_the_config_asks_for() -> None:
    more = shape_of({**LLAMA_8B, "attention_bias": True}).parameters - shape_of(LLAMA_8B).parameters
    assert more == 32 * (4_096 + 2 * 1_024 + 4_096)


@pytest.mark.parametrize(("tp", "heads"), [(1, 4), (2, 2), (4, 1), (8, 1)])
def test_kv_heads_are_shared_and_then_repeated(moe: Shape, tp: int, heads: int) -> None:
    assert moe.kv_per_token(tp) == 2 * 48 * heads * 128


@given(shape=ANY, tp=some.sampled_from([2, 4]))
def test_shared_among_gpus_each_has_less_and_together_they_have_no_less(shape: Shape, tp: int) -> None:
    whole, part = shape.linear(1) + shape.other(1), shape.linear(tp) + shape.other(tp)
    assert part < whole <= part * tp


def test_a_vocabulary_is_padded_until_it_can_be_shared(small_config: dict[str, Any]) -> None:
    odd, even = (shape_of({**small_config, "vocab_size": size}) for size in (65, 128))
    assert odd.other(2) == even.other(2)


@pytest.mark.parametrize(
    ("tp", "block", "why"),
    [
        (3, 1, "tp 3 does not divide the 32 attention heads"),
        (5, 1, "tp 5"),
        (4, 128, "MLP width 768 in blocks of 128"),
    ],
)
def test_an_unusable_tp_is_refused_by_name(moe: Shape, tp: int, block: int, why: str) -> None:
    with pytest.raises(UnusableTensorParallel, match=why):
        moe.require_shareable(tp, block)


def test_a_tp_that_fits_neither_heads_nor_kv_heads_is_refused() -> None:
    with pytest.raises(UnusableTensorParallel, match="the 3 KV heads"):
        shape_of(config("LlamaForCausalLM", **sizes(768, 2, 12, 3, 1_024, 1_024))).require_shareable(2)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({}, "the architecture none"),
        ({"architectures": ["MambaForCausalLM"]}, "MambaForCausalLM is not known here; known are Llama"),
        ({"architectures": ["Qwen2ForCausalLM"], "hidden_size": 0}, "hidden_size, num_hidden_layers"),
        ({**QWEN3_4B, "architectures": ["Qwen3MoeForCausalLM"]}, "lacks or misstates num_experts"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(broken: dict[str, Any], named: str) -> None:
    with pytest.raises(UnknownArchitecture, match=named):
        shape_of(broken)
