"""Products of bf16 matrices on a processor that has no instructions for them.

There torch multiplies them number by number: a prompt took four to five times as long as in fp32. A copy of the weights
in fp32 would double their memory, so it is made for each product anew. That pays from some forty rows on; a step of
decoding has fewer, and is quicker in bf16.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Linear = Callable[..., Tensor]

_FEWEST_ROWS = 40
_MOST_WEIGHTS = 2**26
"""A larger copy, as of an output layer, would be a quarter of a gigabyte and more."""


def hasten() -> None:
    """Replace `torch.nn.functional.linear` in this process, where the processor cannot multiply bf16."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        functional.linear = in_fp32(functional.linear)


def in_fp32(linear: Linear) -> Linear:
    """`linear`, with many rows of bf16 multiplied in fp32. Shapes and types of what comes out are the same."""

    def multiply(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not _is_quicker(rows, weight):
            return linear(rows, weight, bias)
        return linear(rows.float(), weight.float(), None if bias is None else bias.float()).to(rows.dtype)

    return multiply


def _is_quicker(rows: Tensor, weight: Tensor) -> bool:
    return (
        rows.dtype == weight.dtype == torch.bfloat16
        and rows.device.type == "cpu"
        and rows.numel() >= _FEWEST_ROWS * rows.shape[-1]
        and weight.numel() <= _MOST_WEIGHTS
    )
