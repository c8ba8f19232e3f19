"""How weights are stored, and so how many bytes they take.

A quantisation is of the linear layers only. Embeddings, output layer, norms and the router of a mixture of experts stay
as they are: `get_quant_method` of SGLang's layers/quantization/fp8.py, awq/awq.py and gptq/gptq.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from deployments.fit.errors import UnknownQuantization
from deployments.fit.shapes import Shape


@dataclass(frozen=True, slots=True)
class Precision:
    name: str
    weight_bits: int
    """Of one weight of a linear layer."""
    block: int = 1
    """So many weights in a row have a scale of their own, and cannot be shared among GPUs."""
    block_rows: int = 1
    scale_bits: int = 0
    """Of one block, its zero point included."""
    plain_bytes: int = 2
    """Of a number that is not quantised, in the weights and in the KV cache."""

    @property
    def quantised(self) -> bool:
        return self.scale_bits > 0

    def weights_bytes(self, shape: Shape, tp: int = 1) -> int:
        """Of one of `tp` GPUs."""
        linear = shape.linear(tp)
        scales = linear * self.scale_bits // (self.block * self.block_rows)
        return (linear * self.weight_bits + scales) // 8 + shape.other(tp) * self.plain_bytes


BF16 = Precision("bf16", 16)
FLOAT32 = Precision("float32", 32, plain_bytes=4)
FP8 = Precision("fp8", 8, block=128, block_rows=128, scale_bits=32)
"""As Qwen's FP8 checkpoints are: a float32 scale for each square of 128 by 128."""
_GROUPS_OF_4_BITS = Precision("", 4, block=128, scale_bits=16 + 4)
"""As AWQ and GPTQ checkpoints mostly are: a group of 128 has a 16-bit scale and a 4-bit zero point."""

QUANTISED: Mapping[str, Precision] = {
    "fp8": FP8,
    "awq": replace(_GROUPS_OF_4_BITS, name="awq"),
    "gptq": replace(_GROUPS_OF_4_BITS, name="gptq"),
}
_KERNELS = {"awq_marlin": "awq", "gptq_marlin": "gptq"}
"""SGLang's names for another way to compute with the same weights."""


def precision_of(config: Mapping[str, Any], asked: str | None = None) -> Precision:
    """What the weights are stored as, by the config.json and by what is asked for.

    Raises `UnknownQuantization`, also where the two contradict each other.
    """
    stored = _stored(config.get("quantization_config"))
    if asked is None:
        return stored
    wanted = _named(asked)
    if stored.quantised and stored.name != wanted.name:
        raise UnknownQuantization(f"the weights of this model are {stored.name} already, and cannot be had as {asked}")
    return stored if stored.quantised else wanted


def _named(name: str) -> Precision:
    if found := QUANTISED.get(_KERNELS.get(name, name)):
        return found
    near = get_close_matches(name, [*QUANTISED, *_KERNELS], n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise UnknownQuantization(f"no quantisation is called {name!r} here. {hint}Known are {', '.join(QUANTISED)}")


def _stored(said: Mapping[str, Any] | None) -> Precision:
    """By a config.json's `quantization_config`, whose bits and groups may be other than the usual ones."""
    if not said:
        return BF16
    usual = _named(str(said.get("quant_method")))
    if usual is FP8:
        return FP8
    if mixed := [key for key in ("lm_head", "dynamic") if said.get(key)]:
        raise UnknownQuantization(f"{usual.name} weights with {', '.join(mixed)} are not known here")
    bits, group = said.get("bits", usual.weight_bits), said.get("group_size", usual.block)
    if bits not in (2, 3, 4, 8) or not isinstance(group, int) or group < 1:
        raise UnknownQuantization(f"{usual.name} weights of {bits} bits in groups of {group} are not known here")
    return replace(usual, weight_bits=bits, block=group, scale_bits=16 + bits)
