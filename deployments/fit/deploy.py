"""The check at a deploy, before weights are loaded. It refuses what cannot work, and nothing that could."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deployments.fit.errors import DoesNotFit, FitProblem
from deployments.fit.fit import gb
from deployments.fit.gpus import installed_bytes
from deployments.fit.precision import BF16, FLOAT32, precision_of
from deployments.fit.shapes import read, shape_of
from deployments.settings import EngineSettings

LEAST_RESERVE_BYTES = 512 * 2**20
"""CUDA's context with its libraries alone takes about as much."""
_MOVES_WEIGHTS = ("cpu_offload", "offload_", "pp_size", "kt_", "torchao_", "json_model_override_args")
"""How those of SGLang's own arguments begin by which weights lie elsewhere, or are others."""
_WHOLE_KV = ("auto", "bf16", "bfloat16")

_Need = tuple[str, int, int]
"""What for, how many bytes of one GPU, and how many there are for it."""

logger = logging.getLogger(__name__)


def require_fits(settings: EngineSettings, folder: Path, gpu_memory_bytes: int | None = None) -> None:
    """Raises `DoesNotFit` if weights and one request are more than the GPU's memory. For an engine on a CPU: nothing.

    Where that cannot be told, by this model or of this machine, it logs a warning and lets the deploy go on. Default of
    the memory: that of the largest GPU here.
    """
    if settings.device != "cuda":
        return
    memory_bytes = gpu_memory_bytes or installed_bytes()
    if memory_bytes is None:
        logger.warning("not checked whether %s fits: the driver names no GPU's memory", settings.model)
        return
    try:
        needs = list(_needs(settings, read(folder / "config.json"), memory_bytes))
    except FitProblem as problem:
        logger.warning("not checked whether %s fits: %s", settings.model, problem)
        return
    for purpose, needed_bytes, there_bytes in needs:
        if needed_bytes > there_bytes:
            each = "each GPU" if settings.tensor_parallel > 1 else "the GPU"
            raise DoesNotFit(
                f"{settings.model} needs {gb(needed_bytes)} {purpose}, and {each} has {gb(there_bytes)} for that. "
                f"`lift fit {settings.model} --gpu …` names what fits"
            )


def _needs(settings: EngineSettings, config: Mapping[str, Any], memory_bytes: int) -> Iterator[_Need]:
    if moved := [name for name in settings.sglang if name.startswith(_MOVES_WEIGHTS)]:
        raise FitProblem(f"engine.sglang has {', '.join(moved)}")
    shape, tp = shape_of(config), settings.tensor_parallel
    shape.require_shareable(tp)
    stored = FLOAT32 if settings.dtype == "float32" else BF16
    asked = precision_of(config, settings.quantization)
    precision = asked if asked.quantised else stored
    weights_bytes = precision.weights_bytes(shape, tp)
    kv_bytes = precision.plain_bytes if settings.sglang.get("kv_cache_dtype", "auto") in _WHOLE_KV else 0
    tokens = min(settings.context_tokens, settings.max_cached_tokens or settings.context_tokens)
    there_bytes = memory_bytes - LEAST_RESERVE_BYTES
    if asked.name == "fp8" and not config.get("quantization_config"):
        # model_loader/loader.py loads all, then quantises.
        yield "for the weights until they are fp8", stored.weights_bytes(shape, tp), there_bytes
    if settings.memory_fraction:
        yield "for weights, within memory_fraction", weights_bytes, int(memory_bytes * settings.memory_fraction)
    cache_bytes = tokens * shape.kv_per_token(tp) * kv_bytes
    yield f"for weights and {tokens} tokens of KV cache", weights_bytes + cache_bytes, there_bytes
