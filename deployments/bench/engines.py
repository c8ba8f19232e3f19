"""Several engines with the same batches, in turn: what a setting such as speculation brings with our own grammars.

Each engine has a process of its own, since SGLang takes a process for itself. They share a GPU when all fit.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from deployments.grammars import grammars_of
from deployments.settings import Settings
from lift_sys.grammar.code_frame import CODE
from lift_sys.ir_stage import IR_GRAMMAR
from schemas import LiftRequest, Sampling
from schemas.wire import Wire


class Batch(Wire):
    """Of one engine: so many requests at once, half of them IRs and half code, each to its own end."""

    engine: str
    concurrency: int
    repeat: int
    seconds: float
    tokens: int

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.seconds


class Told(Wire):
    """What an engine says of itself after its batches."""

    engine: str
    memory: dict[str, float]
    accept_length: float | None
    """Tokens a step with speculation."""


def compare(
    engines: Mapping[str, Settings],
    sizes: Sequence[int],
    *,
    requests: Sequence[LiftRequest],
    repeats: int,
    temperature: float,
    apart: bool,
    on_row: Callable[[Batch], None],
) -> tuple[list[Batch], list[Told]]:
    """Batches of every engine in turn, or with `apart` one engine after the other, where they do not fit together.

    Each engine is asked `requests` in the same order, from their beginning again when they are at their end. One that
    speculates by what it wrote before gains from every repetition.
    """
    rows: list[Batch] = []
    told: list[Told] = []
    for together in [[name] for name in engines] if apart else [list(engines)]:
        with ExitStack() as stack:
            pipes = {name: stack.enter_context(_started(engines[name], requests)) for name in together}
            for pipe in pipes.values():
                _heard(pipe)  # until all are warm: a start beside a batch would slow it
            for size in sizes:
                for repeat in range(-1, repeats):
                    for name, pipe in pipes.items():
                        pipe.send((size, temperature))
                        seconds, tokens = _heard(pipe)
                        row = Batch(
                            engine=name, concurrency=size, repeat=repeat, seconds=round(seconds, 4), tokens=tokens
                        )
                        if repeat >= 0:
                            rows.append(row)
                            on_row(row)
            for name, pipe in pipes.items():
                pipe.send(None)
                memory, accept_length = _heard(pipe)
                told.append(Told(engine=name, memory=memory, accept_length=accept_length))
    return rows, told


def _heard(pipe: Connection) -> Any:
    """Raises `RuntimeError` when the engine's process ended."""
    try:
        return pipe.recv()
    except EOFError:
        raise RuntimeError("an engine ended; its log says why") from None


@contextmanager
def _started(settings: Settings, requests: Sequence[LiftRequest]) -> Iterator[Connection]:
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(settings, requests, theirs))
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join(60)
        process.kill()


def _serve(settings: Settings, requests: Sequence[LiftRequest], pipe: Connection) -> None:
    asyncio.run(_run(settings, requests, pipe))


async def _run(settings: Settings, requests: Sequence[LiftRequest], pipe: Connection) -> None:
    """Batches as they are asked for, until `None` or the end of the pipe."""
    from deployments.bench.engine import chats
    from deployments.engines import sglang_engine

    both = [chat for pair in zip(chats(IR_GRAMMAR, requests), chats(CODE, requests), strict=True) for chat in pair]
    asked = cycle(both)
    with sglang_engine(settings.engine, grammars_of(settings)) as engine:
        await engine.warm_up(both[:1])
        pipe.send("warm")
        while wanted := await asyncio.to_thread(pipe.recv):
            size, temperature = wanted
            limits = {"ir": settings.ir.max_tokens, "code": settings.code.max_tokens}
            begun = time.monotonic()
            answers = await asyncio.gather(
                *(
                    engine.generate([chat], Sampling(temperature=temperature, max_tokens=limits[chat.grammar]), "")
                    for chat in islice(asked, size)
                )
            )
            pipe.send((time.monotonic() - begun, sum(c.completion_tokens for answer in answers for c in answer)))
        pipe.send((await engine.memory(), await engine.accept_length()))


def speedups(rows: Sequence[Batch], engine: str, over: str, size: int) -> list[float]:
    """Tokens a second of one engine over those of another, one a repeat."""
    at = {(row.engine, row.repeat): row.tokens_per_s for row in rows if row.concurrency == size}
    repeats = sorted({repeat for _, repeat in at})
    return [round(at[engine, repeat] / at[over, repeat], 4) for repeat in repeats]
