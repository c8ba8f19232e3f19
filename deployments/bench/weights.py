"""Random weights of a Qwen3-MoE model in its true size, as the hub has them: to measure how long loading takes.

Names and shapes are those of the published checkpoints (https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct).
"""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

Tensors = dict[str, tuple[int, ...]]
"""Shapes by name."""

_SHARD_BYTES = 4 * 10**9
_BYTES = 2
"""Of a number in bf16."""


def shapes(config: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What a checkpoint of this config.json holds, in order."""
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for layer in range(config["num_hidden_layers"]):
        for name, shape in _layer(config):
            yield f"model.layers.{layer}.{name}.weight", shape
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (vocabulary, hidden)


def _layer(config: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    hidden, head, inner = config["hidden_size"], config["head_dim"], config["moe_intermediate_size"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    yield from (("input_layernorm", (hidden,)), ("post_attention_layernorm", (hidden,)))
    yield from (("self_attn.q_proj", (queries, hidden)), ("self_attn.o_proj", (hidden, queries)))
    yield from (("self_attn.k_proj", (keys, hidden)), ("self_attn.v_proj", (keys, hidden)))
    yield from (("self_attn.q_norm", (head,)), ("self_attn.k_norm", (head,)))
    yield "mlp.gate", (config["num_experts"], hidden)
    for expert in range(config["num_experts"]):
        yield f"mlp.experts.{expert}.gate_proj", (inner, hidden)
        yield f"mlp.experts.{expert}.up_proj", (inner, hidden)
        yield f"mlp.experts.{expert}.down_proj", (hidden, inner)


def shards(tensors: Iterator[tuple[str, tuple[int, ...]]], shard_bytes: int = _SHARD_BYTES) -> list[Tensors]:
    """The tensors in files of about that size, in order."""
    all_of_them = list(tensors)
    ends = accumulate(prod(shape) * _BYTES for _, shape in all_of_them)
    files: dict[int, Tensors] = {}
    for (name, shape), end in zip(all_of_them, ends, strict=True):
        files.setdefault((end - 1) // shard_bytes, {})[name] = shape
    return list(files.values())


def write(model: Path, to: Path, on_shard: Callable[[], None] = lambda: None) -> int:
    """Copy a folder's config and tokenizer, and write weights beside them. Returns their bytes.

    Every tensor is cut from the same random numbers, which take part in no measurement.
    """
    import torch
    from safetensors.torch import save_file

    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    shutil.copytree(model, to, ignore=shutil.ignore_patterns("*.safetensors*"), dirs_exist_ok=True)
    files = shards(shapes(config))
    largest = max(prod(shape) for file in files for shape in file.values())
    noise = torch.empty(largest, dtype=torch.bfloat16).normal_(std=0.02)
    names = [f"model-{place + 1:05}-of-{len(files):05}.safetensors" for place in range(len(files))]

    def one(name: str, tensors: Tensors) -> None:
        cut = {key: noise[: prod(shape)].reshape(shape).clone() for key, shape in tensors.items()}
        save_file(cut, to / name, metadata={"format": "pt"})
        on_shard()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, names, files))
    total = sum(prod(shape) * _BYTES for file in files for shape in file.values())
    where = {key: name for name, file in zip(names, files, strict=True) for key in file}
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (to / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return total
