"""One engine's cold start in a process of its own, phase by phase; then what it holds, and how soon it wakes.

`python -m deployments.bench.start CONFIG CHANGE NAPS LAUNCHED` prints one `Start` as JSON; `lift bench start` runs it.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.cli.bench.arguments import read_settings
from deployments.engines import import_sglang
from deployments.grammars import grammars_of
from deployments.settings import Settings
from lift_sys.ir_stage import ir_chat
from schemas import LiftRequest, Sampling
from schemas.wire import Wire

if TYPE_CHECKING:
    from deployments.sglang_engine import SGLangEngine

_REQUEST = LiftRequest(prompt="Reverse a text: reverse('abc') == 'cba'")
_FIRST_TOKEN = Sampling(max_tokens=1)


class Nap(Wire):
    """An engine that gave its memory back, and took it again. Seconds."""

    pause_s: float
    resume_s: float
    first_token_s: float
    """After the resume: `resume_s` and this are the time to wake."""


class Start(Wire):
    """Seconds from the launch of the process to the first token, in order; what `engine_s` was spent on beside them."""

    imports_s: float
    """The interpreter, our modules and SGLang, in the process that holds the engine."""
    engine_s: float
    grammars_s: float
    """Every grammar compiled, and the prefix of the IR call in the cache."""
    first_token_s: float
    total_s: float
    engine_parts_s: dict[str, float]
    memory: dict[str, float]
    """GiB of one GPU, and the `tokens` that its KV cache has room for."""
    naps: tuple[Nap, ...] = ()


def main(config: str, change: str, naps: str, launched: str) -> None:
    settings = read_settings(Path(config), change)
    row = asyncio.run(measure(settings, int(naps), float(launched)))
    sys.stdout.write(row.model_dump_json() + "\n")


async def measure(settings: Settings, naps: int, launched: float) -> Start:
    """`launched`: when this process was, in seconds since the epoch. Naps need SGLang's `enable_memory_saver`."""
    engine_type = import_sglang(settings.engine)
    imported = time.time()
    engine = engine_type(settings.engine, grammars_of(settings))
    try:
        up = time.time()
        await engine.warm_up([ir_chat(LiftRequest(prompt="Warm up"))])
        warm = time.time()
        await engine.generate([ir_chat(_REQUEST)], _FIRST_TOKEN, "")
        done = time.time()
        return Start(
            imports_s=_seconds(launched, imported),
            engine_s=_seconds(imported, up),
            grammars_s=_seconds(up, warm),
            first_token_s=_seconds(warm, done),
            total_s=_seconds(launched, done),
            engine_parts_s={part: round(seconds, 3) for part, seconds in engine.startup_s().items()},
            memory=await engine.memory(),
            naps=tuple([await _nap(engine) for _ in range(naps)]),
        )
    finally:
        engine.shutdown()


async def _nap(engine: "SGLangEngine") -> Nap:
    begun = time.time()
    await engine.pause()
    paused = time.time()
    await engine.resume()
    resumed = time.time()
    await engine.generate([ir_chat(_REQUEST)], _FIRST_TOKEN, "")
    return Nap(
        pause_s=_seconds(begun, paused),
        resume_s=_seconds(paused, resumed),
        first_token_s=_seconds(resumed, time.time()),
    )


def _seconds(begun: float, ended: float) -> float:
    return round(ended - begun, 3)


if __name__ == "__main__":
    main(*sys.argv[1:])
