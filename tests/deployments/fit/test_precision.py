"""How many bytes weights take as they are stored."""

from typing import Any

import pytest

from deployments.fit.errors import UnknownQuantization
from deployments.fit.precision import BF16, FP8, QUANTISED, precision_of
from deployments.fit.shapes import Shape


@pytest.mark.parametrize(("asked", "gigabytes"), [(None, 61.1), ("fp8", 31.2), ("awq", 16.8), ("gptq_marlin", 16.8)])
def test_the_30b_model_has_the_size_of_its_checkpoints(
    moe: Shape, moe_config: dict[str, Any], asked: str | None, gigabytes: float
) -> None:
    assert round(precision_of(moe_config, asked).weights_bytes(moe) / 1e9, 1) == gigabytes


@pytest.mark.parametrize("name", QUANTISED)
def test_what_is_no_linear_layer_stays_as_it_is(moe: Shape, name: str) -> None:
    precision = QUANTISED[name]
    scales_bytes = moe.linear(1) * precision.scale_bits // (precision.block * precision.block_rows) // 8
    linear_bytes = moe.linear(1) * precision.weight_bits // 8
    assert precision.weights_bytes(moe) - linear_bytes - scales_bytes == 2 * moe.other(1)


@pytest.mark.parametrize(
    ("stored", "bits", "block"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, 8, 128),
        ({"quant_method": "awq", "bits": 4, "group_size": 64}, 4, 64),
        ({"quant_method": "gptq", "bits": 8, "group_size": 32}, 8, 32),
    ],
)
def test_weights_that_are_quantised_say_how(stored: dict[str, Any], bits: int, block: int) -> None:
    found = precision_of({"quantization_config": stored})
    assert (found.name, found.weight_bits, found.block) == (stored["quant_method"], bits, block)


def test_weights_that_say_nothing_are_bf16() -> None:
    assert precision_of({}) is BF16


def test_what_is_asked_for_may_be_what_the_weights_are() -> None:
    assert precision_of({"quantization_config": {"quant_method": "fp8"}}, "fp8") is FP8


@pytest.mark.parametrize(
    ("stored", "asked", "named"),
    [
        (None, "fp9", "'fp9' here. Did you mean fp8"),
        (None, "marlin", "Known are fp8, awq, gptq"),
        ({"quant_method": "compressed-tensors"}, None, "compressed-tensors"),
        ({"quant_method": "awq", "bits": 5}, None, "awq weights of 5 bits"),
        ({"quant_method": "gptq", "lm_head": True}, None, "gptq weights with lm_head"),
        ({"quant_method": "awq", "group_size": -1}, None, "groups of -1"),
        ({"quant_method": "fp8"}, "awq", "are fp8 already, and cannot be had as awq"),
    ],
)
def test_an_unknown_quantisation_is_refused_by_name(
    stored: dict[str, Any] | None, asked: str | None, named: str
) -> None:
    with pytest.raises(UnknownQuantization, match=named):
        precision_of({"quantization_config": stored}, asked)
