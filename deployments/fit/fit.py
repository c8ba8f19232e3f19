"""The decision: a model, on so many GPUs of a kind, with a KV cache for so many requests."""

from dataclasses import dataclass

from deployments.fit.gpus import Gpu
from deployments.fit.precision import BF16, Precision
from deployments.fit.shapes import Shape
from deployments.settings import CodeSettings, EngineSettings

RUNTIME_BYTES = 1_434 * 2**20
"""Taken by CUDA's context, its libraries and the allocator beside weights and KV cache.

Fitted to one measurement: SGLang 0.5.23 on an H100 had about 148,000 tokens of KV cache beside Qwen3-Coder-30B-A3B in
bf16, with `memory_fraction: 0.9`.
"""
MEMORY_FRACTION = 0.9
"""Of the rest, for weights and KV cache, as in cluster/serve.yaml; what remains is for activations and CUDA graphs.

Where a config says none, SGLang takes less: 0.83 on an H100, 0.68 on an A10G (arg_groups/memory_hook.py).
"""
CONTEXT_TOKENS = EngineSettings().context_tokens
CONCURRENT = CodeSettings().n
"""As many as a user's request has variations."""
FP8_CAPABILITY = 8.9
"""From there on SGLang computes in fp8 (layers/quantization/fp8_utils.py, `can_auto_enable_marlin_fp8`)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A deployment that somebody thinks of."""

    gpu: Gpu
    tensor_parallel: int = 1
    precision: Precision = BF16
    context_tokens: int = CONTEXT_TOKENS
    concurrent: int = CONCURRENT
    memory_fraction: float = MEMORY_FRACTION
    kv_bytes: int | None = None
    """Of one number in the KV cache. Default: as the weights that are not quantised."""

    @property
    def wanted_tokens(self) -> int:
        return self.context_tokens * self.concurrent

    @property
    def usd_per_hour(self) -> float:
        return self.gpu.usd_per_hour * self.tensor_parallel

    @property
    def where(self) -> str:
        """`one A10G` or `4 A10G`."""
        return f"{'one' if self.tensor_parallel == 1 else self.tensor_parallel} {self.gpu.name}"


@dataclass(frozen=True, slots=True)
class Fit:
    """All bytes are of one GPU; GPUs of one deployment hold equal parts."""

    memory_bytes: int
    weights_bytes: int
    reserve_bytes: int
    """For CUDA, activations and CUDA graphs."""
    kv_bytes_per_token: int
    cache_tokens: int
    """That the KV cache has room for; 0 if the weights leave none."""
    requests: int
    """Of the plan's context length, at once."""
    fits: bool
    why: str
    """One sentence: what fits, or what is missing."""
    note: str = ""
    """What is worth knowing besides."""


def fit(shape: Shape, plan: Plan) -> Fit:
    """Raises `UnusableTensorParallel` where that many GPUs cannot share the model.

    As SGLang has it (mem_cache/kv_cache_configurator.py, `_profile_available_bytes`): `mem_fraction_static` of what is
    free before the weights are loaded is for weights and KV cache, and the cache has what the weights leave.
    """
    tp = plan.tensor_parallel
    shape.require_shareable(tp, plan.precision.block if tp > 1 else 1)
    memory = plan.gpu.memory_bytes
    static = int((memory - RUNTIME_BYTES) * plan.memory_fraction)
    weights = plan.precision.weights_bytes(shape, tp)
    per_token = shape.kv_per_token(tp) * (plan.kv_bytes or plan.precision.plain_bytes)
    tokens = max(0, (static - weights) // per_token)
    return Fit(
        memory_bytes=memory,
        weights_bytes=weights,
        reserve_bytes=memory - static,
        kv_bytes_per_token=per_token,
        cache_tokens=tokens,
        requests=tokens // plan.context_tokens,
        fits=tokens >= plan.wanted_tokens,
        why=_why(plan, weights, static, tokens),
        note=_note(plan),
    )


def _why(plan: Plan, weights_bytes: int, static_bytes: int, cache_tokens: int) -> str:
    gpu = plan.gpu
    if weights_bytes >= static_bytes:
        shared = "" if plan.tensor_parallel == 1 else f" on each of {plan.tensor_parallel} GPUs"
        return (
            f"needs {gb(weights_bytes)} for weights{shared}, and one {gpu.name} has {gb(gpu.memory_bytes)}, of which "
            f"{gb(max(0, static_bytes))} can hold weights and KV cache"
        )
    room = f"room for {cache_tokens:,} tokens of KV cache"
    wanted = f"{plan.wanted_tokens:,} ({plan.concurrent} at once of {plan.context_tokens:,})"
    return f"{room}, and needs {wanted}" if cache_tokens < plan.wanted_tokens else f"{room}; needs {wanted}"


def _note(plan: Plan) -> str:
    if plan.precision.name == "fp8" and plan.gpu.capability < FP8_CAPABILITY:
        return f"{plan.gpu.name} cannot compute in fp8: SGLang keeps the weights so and computes in 16 bits (Marlin)"
    return ""


def gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
