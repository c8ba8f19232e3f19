"""What the executor and its client say to each other: frames of a length, a header in JSON, and a body of bytes."""

import asyncio
import json
import socket
import struct
from typing import Any, NamedTuple

_LENGTHS = struct.Struct("!II")
MOST_HEADER_BYTES = 64 * 2**10
MOST_BODY_BYTES = 32 * 2**20


class BrokenFrame(ValueError):
    """What came is no frame, or a larger one than either side sends."""


class Frame(NamedTuple):
    header: dict[str, Any]
    body: bytes = b""


def pack(frame: Frame) -> bytes:
    """Raises `BrokenFrame` for a frame that the other side would refuse."""
    header = json.dumps(frame.header).encode()
    _require_small(len(header), len(frame.body))
    return _LENGTHS.pack(len(header), len(frame.body)) + header + frame.body


async def read(stream: asyncio.StreamReader) -> Frame | None:
    """The next frame; None at the end. Raises `BrokenFrame`."""
    try:
        lengths = _lengths(await stream.readexactly(_LENGTHS.size))
        return _unpack(await stream.readexactly(sum(lengths)), lengths[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def receive(stream: socket.socket) -> Frame | None:
    """The same of a socket that waits."""
    try:
        lengths = _lengths(_exactly(stream, _LENGTHS.size))
        return _unpack(_exactly(stream, sum(lengths)), lengths[0])
    except (EOFError, OSError):
        return None


def _exactly(stream: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        part = stream.recv(min(size - len(got), 2**20))
        if not part:
            raise EOFError
        got += part
    return bytes(got)


def _lengths(text: bytes) -> tuple[int, int]:
    header, body = _LENGTHS.unpack(text)
    _require_small(header, body)
    return header, body


def _require_small(header: int, body: int) -> None:
    if header > MOST_HEADER_BYTES or body > MOST_BODY_BYTES:
        raise BrokenFrame(f"a header of {header} bytes and a body of {body}")


def _unpack(text: bytes, header_bytes: int) -> Frame:
    try:
        header = json.loads(text[:header_bytes])
    except (ValueError, RecursionError) as error:
        raise BrokenFrame(str(error)) from None
    if not isinstance(header, dict):
        raise BrokenFrame("the header is no object")
    return Frame(header, text[header_bytes:])
