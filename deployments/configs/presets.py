"""Which model on which GPUs. What all configs have in common stands in cluster/serve.yaml, and only there.

None of them has run on its card yet. That each fits is arithmetic (`deployments.fit`), held by a test; prefill speeds
are guesses, a third or less of what the card's peak allows, so that the autoscaler rather adds a replica too many.
"""

from dataclasses import dataclass
from typing import Any

_MOE = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
_DENSE = "Qwen/Qwen2.5-Coder-7B-Instruct"


@dataclass(frozen=True, slots=True)
class Pool:
    """An engine, and how many replicas of it there may be."""

    model: str
    gpu: str
    """A name both of Ray's accelerators and of cluster/gpus.yaml."""
    context_tokens: int
    max_running_requests: int
    prefill_tokens_per_s: int
    """Of one replica."""
    tensor_parallel: int = 1
    most_replicas: int = 4

    @property
    def settings(self) -> dict[str, Any]:
        """As `EngineSettings` wants them."""
        plain = self.model in (_MOE, _DENSE)
        return {
            "model": self.model,
            "device": "cuda",
            "gpu": self.gpu,
            "tensor_parallel": self.tensor_parallel,
            # Quantised weights say themselves what they are, and what is computed in is SGLang's choice then.
            "dtype": "bfloat16" if plain else "auto",
            # Measured on one GPU, with such weights.
            "load_format": "fastsafetensors" if plain and self.tensor_parallel == 1 else "auto",
            "context_tokens": self.context_tokens,
            "memory_fraction": 0.9,
            "max_running_requests": self.max_running_requests,
        }


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    says: str
    """Of its amounts, for a comment."""
    main: Pool
    admitted_tokens: int
    """By each of the two ingresses, of requests that are inside at once."""
    fallback: Pool | None = None
    short_tokens: int = 0
    """Prompts up to so many go to the fallback first."""

    @property
    def pools(self) -> tuple[Pool, ...]:
        return (self.main, self.fallback) if self.fallback else (self.main,)


_A10G = Pool(_DENSE, "A10G", context_tokens=8_192, max_running_requests=32, prefill_tokens_per_s=1_500)
_A100 = Pool(_MOE, "A100-80G", context_tokens=16_384, max_running_requests=96, prefill_tokens_per_s=8_000)

PRESETS = (
    Preset(
        "a10g",
        "One A10G (24 GB) a replica: Qwen2.5-Coder-7B-Instruct in bf16. 15.2 GB of weights leave 5.1 GB for the KV "
        "cache, 90,000 tokens: eleven requests of the whole context, or 32 of usual length.",
        _A10G,
        admitted_tokens=32_768,
    ),
    Preset(
        "a10g-30b-4bit",
        "One A10G (24 GB) a replica: Qwen3-Coder-30B-A3B-Instruct with 4-bit weights. Any AWQ checkpoint of it, put "
        "into that folder on every A10G node. 16.8 GB of weights leave 3.6 GB for the KV cache, 36,000 tokens: four "
        "requests of the whole context, as many as a first wave has variations.",
        Pool(
            "/models/Qwen3-Coder-30B-A3B-Instruct-AWQ",
            "A10G",
            context_tokens=8_192,
            max_running_requests=16,
            prefill_tokens_per_s=1_500,
        ),
        admitted_tokens=12_288,
    ),
    Preset(
        "a10g-tp4",
        "Four A10G of one node (g5.12xlarge) a replica: Qwen3-Coder-30B-A3B-Instruct in bf16. Each holds 15.3 GB of "
        "weights and 24 KB of every token; the KV cache has room for 200,000. The cards talk over PCIe, which slows "
        "each layer; a node with one A100-80G costs less.",
        Pool(
            _MOE,
            "A10G",
            context_tokens=16_384,
            max_running_requests=64,
            prefill_tokens_per_s=3_000,
            tensor_parallel=4,
            most_replicas=2,
        ),
        admitted_tokens=65_536,
    ),
    Preset(
        "a100",
        "One A100-80G a replica: Qwen3-Coder-30B-A3B-Instruct in bf16, as in serve.yaml, on the nodes of that kind in "
        "a cluster. 61 GB of weights leave 14 GB for the KV cache, 144,000 tokens.",
        _A100,
        admitted_tokens=65_536,
    ),
    Preset(
        "a100-40g",
        "Two A100-40G of one node a replica: Qwen3-Coder-30B-A3B-Instruct as FP8. One card would hold the 31 GB of "
        "weights and hardly a KV cache; two have room for 440,000 tokens. An A100 cannot compute in fp8: SGLang keeps "
        "the weights so and computes in 16 bits.",
        Pool(
            f"{_MOE}-FP8",
            "A100-40G",
            context_tokens=16_384,
            max_running_requests=128,
            prefill_tokens_per_s=8_000,
            tensor_parallel=2,
        ),
        admitted_tokens=131_072,
    ),
    Preset(
        "mixed",
        "Two pools, chosen by the length of a call's prompt: up to fallback.short_tokens, which the samples of the IR "
        "call are part of, Qwen2.5-Coder-7B-Instruct on A10G writes, as in serve.a10g.yaml; else "
        "Qwen3-Coder-30B-A3B-Instruct on A100-80G, as in serve.a100.yaml. Where a pool is away, too slow or full (its "
        "max_queued_requests, of each stage), the other one takes over what its context holds. An answer says which "
        "model wrote it.",
        _A100,
        admitted_tokens=65_536,
        fallback=_A10G,
        short_tokens=1_500,
    ),
)
