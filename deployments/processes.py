"""The processes that SGLang starts: what they are told of this machine, and a head start.

SGLang spawns its scheduler when its own imports are through, and the new process imports the same libraries once more:
half of an engine's start. With `head_start` a server imports them beside us, and the scheduler is forked from that.
"""

import json
import multiprocessing
import os
from collections.abc import Callable
from importlib.util import find_spec
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from deployments.settings import EngineSettings

_EXPECTED_TOKENS = 1_024
"""What SGLang sets aside of the KV cache for an answer that it admits. Its limit is a worst case, and no forecast."""


def begin(settings: EngineSettings) -> None:
    """To be called before SGLang is imported. A second time it changes nothing."""
    os.environ.setdefault("SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION", str(_EXPECTED_TOKENS))
    if settings.device == "cpu":
        os.environ["SGLANG_USE_CPU_ENGINE"] = "1"
        # Ray has set it to the replica's `num_cpus`.
        os.environ["OMP_NUM_THREADS"] = str(settings.threads or os.cpu_count() or 1)
    # A replica that starts again finds its weights in the page cache; fastsafetensors would read past it, from a disk.
    os.environ.setdefault("FASTSAFETENSORS_ODIRECT", "0")
    if settings.sglang.get("enable_weights_cpu_backup"):
        # The weights' copy on the host stays when the engine wakes. To give it back takes longer than the copying, and
        # the next pause would have to pin that memory anew.
        os.environ.setdefault("TMS_RETAIN_CPU_BACKUP", "1")
    if may_fork(settings):
        # Libraries look for GPUs as they are imported. A fork of one that asked CUDA itself could use none.
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
        multiprocessing.set_forkserver_preload(["deployments.preloaded"])
        forkserver.ensure_running()


def skip_other_models(folder: Path) -> None:
    """SGLang imports all that it has, 250, to know their names. Skip those that are not in the model's config."""
    [package] = getattr(find_spec("sglang"), "submodule_search_locations", None) or [""]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in Path(package, "srt", "models").glob("*.py")}
    wanted = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures", [])
    needed = {module for module, text in texts.items() for name in wanted if f"class {name}(" in text}
    if needed:
        os.environ.setdefault("SGLANG_DISABLED_MODEL_ARCHS", ",".join(sorted(texts.keys() - needed)))


def may_fork(settings: EngineSettings) -> bool:
    """SGLang's memory saver comes into a process by LD_PRELOAD, so that process must be a new one."""
    return settings.head_start and not settings.sglang.get("enable_memory_saver")


class InThisEnvironment:
    """A function that another process is to call with the environment variables that this one has by then.

    They are set before the function's module is imported: SGLang reads some as it is.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _call_in, (_Variables(), self._function)


class _Variables:
    def __reduce__(self) -> tuple[Any, ...]:
        return _set, (dict(os.environ),)


def _set(variables: dict[str, str]) -> None:
    os.environ.update(variables)


def _call_in(variables: None, function: Callable[..., Any]) -> Callable[..., Any]:
    """`variables` are set by being unpickled first."""
    return function
