"""A network between client and service that can be made bad: it passes on what comes, later or not at all."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PIECE_BYTES = 2**16


@dataclass
class Relay:
    url: str
    """Of the service."""
    delay_s: float = 0.0
    """Of each piece, in each direction."""
    broken_share: float = 0.0
    """Of the pieces that end their connection, as packets do that are lost for good."""
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    @property
    def cut(self) -> bool:
        return not self._open.is_set()

    @cut.setter
    def cut(self, cut: bool) -> None:
        """While it is, nothing goes through, and nobody is told."""
        if cut:
            self._open.clear()
        else:
            self._open.set()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address to ask at in place of the service's."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = urlsplit(self.url)
        # Cancelled it is only at the end of a run, when nobody waits for it: that is no error.
        with contextlib.suppress(OSError, asyncio.CancelledError), contextlib.closing(writer):
            far_reader, far_writer = await asyncio.open_connection(at.hostname, at.port)
            with contextlib.closing(far_writer):
                ways = [asyncio.create_task(self._pass(reader, far_writer))]
                ways.append(asyncio.create_task(self._pass(far_reader, writer)))
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE_BYTES):
                await asyncio.sleep(self.delay_s)
                await self._open.wait()
                if self.chance.random() < self.broken_share:
                    return
                writer.write(piece)
                await writer.drain()
