"""Crowds of clients that misbehave."""

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from schemas import LiftRequest

if TYPE_CHECKING:
    from loadtest.chaos.faults import Scene

_HANG_UPS, _SLOW = 300, 100
_READ_S = 0.05
_SLOW_S, _SLOW_BYTES = 5.0, 1


async def hang_up(scene: "Scene") -> None:
    """All at once: each sends a whole request, and leaves before it can be answered."""

    async def one() -> None:
        with contextlib.suppress(OSError):
            _, writer = await _connected(scene.url)
            writer.write(_request())
            await writer.drain()
            await asyncio.sleep(_READ_S)
            writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(_HANG_UPS)))


async def dawdle(scene: "Scene") -> None:
    """Each sends its body byte by byte, and is gone before its end."""

    async def one() -> None:
        with contextlib.suppress(OSError):
            _, writer = await _connected(scene.url)
            head, _, body = _request().partition(b"\r\n\r\n")
            writer.write(head + b"\r\n\r\n")
            for at in range(int(_SLOW_S / _READ_S)):
                writer.write(body[at : at + _SLOW_BYTES])
                await writer.drain()
                await asyncio.sleep(_READ_S)
            writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(_SLOW)))


async def _connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    at = urlsplit(url)
    return await asyncio.open_connection(at.hostname, at.port)


def _request() -> bytes:
    body = LiftRequest(prompt="Double a number: double(2) == 4. " + "Take your time. " * 20)
    content = body.model_dump_json(exclude_none=True).encode()
    head = (
        f"POST /v1/lift HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(content)}"
    )
    return head.encode() + b"\r\n\r\n" + content
