"""Imported by the server that an engine's processes are forked from: four fifths of what SGLang takes to import."""

from contextlib import suppress
from importlib import import_module

from deployments.imports import without_collector

_LIBRARIES = [
    "torch._inductor.compile_fx", "torch.distributed.tensor", "torchvision", "transformers.modeling_utils",
    "scipy.optimize", "openai.types.responses", "compressed_tensors", "xgrammar", "fastapi", "aiohttp",
]  # fmt: skip

with without_collector():
    for name in _LIBRARIES:
        with suppress(ImportError):  # what is missing here, SGLang will say
            import_module(name)
