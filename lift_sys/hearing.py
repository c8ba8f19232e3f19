"""Who hears of a text while it is being written.

Within a process the listener is known to all that a request calls, as a context variable. Where nobody listens nothing
is told, and nothing is done for it. Between processes a call that is listened to is a generator: see `aloud`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from schemas.engine import Piece

Hear = Callable[[Piece], None]
Result = TypeVar("Result")

_EVERY_S = 0.05
"""A call of another process costs more than a token: pieces are told together, and sooner than an eye notices."""

_listener: ContextVar[Hear | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(hear: Hear) -> Iterator[None]:
    """What is called within, and asks for one completion at a time, tells `hear` of its text.

    Whoever writes it anew, after a failure or elsewhere, begins with a piece that `begins`.
    """
    token = _listener.set(hear)
    try:
        yield
    finally:
        _listener.reset(token)


def listener() -> Hear | None:
    return _listener.get()


async def aloud(work: Coroutine[Any, Any, Result]) -> AsyncGenerator[Piece | Result, None]:
    """What the work tells of while it goes on, and then its result. Closing the generator cancels the work."""
    pieces: list[Piece] = []
    with heard_by(pieces.append):
        task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_EVERY_S)
            if pieces:
                yield joined(pieces)
                pieces.clear()
        yield task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


def joined(pieces: Sequence[Piece]) -> Piece:
    """Needs one piece at least. What came before a beginning is void."""
    begun = max((index for index, piece in enumerate(pieces) if piece.begins), default=0)
    return Piece(text="".join(piece.text for piece in pieces[begun:]), begins=pieces[begun].begins)
