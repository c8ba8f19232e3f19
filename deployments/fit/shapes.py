"""What a config.json says of a model: how many weights one GPU holds, and how much a token takes in its KV cache.

The rules are those of SGLang 0.5.23: which layers there are from models/llama.py, qwen2.py, qwen3.py and qwen3_moe.py;
what tensor parallelism shares and what it repeats from layers/linear.py and layers/vocab_parallel_embedding.py; the KV
cache from model_executor/pool_configurator.py (`_compute_cell_size`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from deployments.fit.errors import UnknownArchitecture, UnusableTensorParallel

_VOCABULARY_PADDING = 64
"""`DEFAULT_VOCAB_PADDING_SIZE` of layers/vocab_parallel_embedding.py."""
_Count = Annotated[int, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class _Family:
    """What the code of a model class says, and its config.json does not."""

    qkv_bias: bool | None = None
    """None: as `attention_bias` says."""
    output_bias: bool | None = None
    qk_norm: bool = False
    experts: bool = False
    head_dim: int | None = None
    """Where the config.json has none; None: the hidden size over the heads."""


_FAMILIES = {
    "LlamaForCausalLM": _Family(),
    "MistralForCausalLM": _Family(qkv_bias=False, output_bias=False),
    "Qwen2ForCausalLM": _Family(qkv_bias=True, output_bias=False),
    "Qwen3ForCausalLM": _Family(qk_norm=True, head_dim=128),
    "Qwen3MoeForCausalLM": _Family(qk_norm=True, experts=True),
}


class _Config(BaseModel):
    """The keys of a config.json that matter here."""

    hidden_size: _Count
    num_hidden_layers: _Count
    num_attention_heads: _Count
    num_key_value_heads: _Count | None = None
    head_dim: _Count | None = None
    vocab_size: _Count
    intermediate_size: _Count
    tie_word_embeddings: bool = False
    attention_bias: bool = False


class _ExpertsConfig(_Config):
    """Every layer has experts: so does SGLang build it, whatever `mlp_only_layers` says."""

    num_experts: _Count
    moe_intermediate_size: _Count


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder. Sizes are counted in numbers, not in bytes: those are `precision`'s."""

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    mlps: int
    """Of a layer: its experts, or one."""
    mlp_width: int
    tied: bool
    """Whether the embeddings are the output layer too."""
    qkv_bias: bool
    output_bias: bool
    qk_norm: bool

    @property
    def parameters(self) -> int:
        """Of the whole model, exactly as a checkpoint has them."""
        padding = self._vocabulary(1) - self.vocabulary
        return self.linear(1) + self.other(1) - padding * self.hidden * (1 if self.tied else 2)

    def linear(self, tp: int) -> int:
        """Weights of attention, MLPs and all experts on one of `tp` GPUs: what a quantisation makes smaller."""
        queries = self._query_width(tp)
        attention = self.hidden * (queries + 2 * self._kv_width(tp)) + queries * self.hidden
        mlps = self.mlps * 3 * self.hidden * (self.mlp_width // tp)
        return self.layers * (attention + mlps)

    def other(self, tp: int) -> int:
        """Embeddings and output layer on one of `tp` GPUs; and router, norms and biases, of which each has most."""
        embeddings = self._vocabulary(tp) // tp * self.hidden * (1 if self.tied else 2)
        router = self.mlps * self.hidden if self.mlps > 1 else 0
        norms = 2 * self.hidden + 2 * self.head_dim * self.qk_norm
        biases = self.qkv_bias * (self._query_width(tp) + 2 * self._kv_width(tp)) + self.output_bias * self.hidden
        return embeddings + self.layers * (router + norms + biases) + self.hidden

    def kv_per_token(self, tp: int) -> int:
        """Numbers that a token takes in the KV cache of one of `tp` GPUs: keys and values of every layer."""
        return 2 * self.layers * self._kv_width(tp)

    def require_shareable(self, tp: int, block: int = 1) -> None:
        """Raises `UnusableTensorParallel` where `tp` GPUs cannot share heads or MLPs, in whole blocks of weights."""
        if self.heads % tp:
            raise UnusableTensorParallel(f"tp {tp} does not divide the {self.heads} attention heads of this model")
        if self.kv_heads % tp and tp % self.kv_heads:
            raise UnusableTensorParallel(f"tp {tp} neither divides the {self.kv_heads} KV heads nor is divided by them")
        if self.mlp_width % (tp * block):
            blocks = f" in blocks of {block}, in which its weights are quantised" if block > 1 else ""
            raise UnusableTensorParallel(f"tp {tp} does not divide this model's MLP width {self.mlp_width}{blocks}")

    def _query_width(self, tp: int) -> int:
        return self.heads // tp * self.head_dim

    def _kv_width(self, tp: int) -> int:
        """With fewer KV heads than GPUs, each GPU has one, and several have the same."""
        return max(1, self.kv_heads // tp) * self.head_dim

    def _vocabulary(self, tp: int) -> int:
        """Padded, so that it can be shared."""
        padded = _rounded_up(self.vocabulary, _VOCABULARY_PADDING)
        return padded if padded % tp == 0 else _rounded_up(self.vocabulary, _VOCABULARY_PADDING * tp)


def read(file: Path) -> Mapping[str, Any]:
    """A config.json. Raises `UnknownArchitecture` if it is none."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnknownArchitecture(f"{file} cannot be read: {error}") from None
    if not isinstance(config, dict):
        raise UnknownArchitecture(f"{file} is no JSON object")
    return config


def shape_of(config: Mapping[str, Any]) -> Shape:
    """Raises `UnknownArchitecture`, which names the class or the keys that it does not understand."""
    name = ", ".join(map(str, config.get("architectures") or ["none"]))
    family = _FAMILIES.get(name)
    if family is None:
        raise UnknownArchitecture(f"the architecture {name} is not known here; known are {', '.join(_FAMILIES)}")
    try:
        read = (_ExpertsConfig if family.experts else _Config).model_validate(config)
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise UnknownArchitecture(f"the config.json of this {name} lacks or misstates {keys}") from None
    return _shape(name, family, read)


def _shape(name: str, family: _Family, read: _Config) -> Shape:
    bias = read.attention_bias
    return Shape(
        architecture=name,
        layers=read.num_hidden_layers,
        hidden=read.hidden_size,
        heads=read.num_attention_heads,
        kv_heads=read.num_key_value_heads or read.num_attention_heads,
        head_dim=read.head_dim or family.head_dim or read.hidden_size // read.num_attention_heads,
        vocabulary=read.vocab_size,
        mlps=read.num_experts if isinstance(read, _ExpertsConfig) else 1,
        mlp_width=read.moe_intermediate_size if isinstance(read, _ExpertsConfig) else read.intermediate_size,
        tied=read.tie_word_embeddings,
        qkv_bias=bias if family.qkv_bias is None else family.qkv_bias,
        output_bias=bias if family.output_bias is None else family.output_bias,
        qk_norm=family.qk_norm,
    )


def _rounded_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
