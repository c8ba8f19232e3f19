"""Requests that tell of themselves while they are worked on, and what they told, for a client that lost its connection.

The work of a request whose client went away goes on for `kept_s`, since only then is there something to resume; then it
is cancelled, down to the engine and the jail. What a finished request told is kept as long.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from deployments.tracing import only_trace
from lift_sys.errors import RequestCancelled
from lift_sys.pipeline import Watch
from schemas import LiftResponse, Problem
from schemas.events import Answer, Event, Failed

Work = Callable[[Watch], Awaitable[LiftResponse]]
Explain = Callable[[Exception], Problem]
Key = tuple[str, str]
"""Who asked, and the request's id."""


class Stream:
    """The events of one request, from a task of its own. Begins at once."""

    def __init__(self, work: Work, explain: Explain) -> None:
        self._explain = explain
        self._events: list[Event] = []
        self._news = asyncio.Event()
        # Serve and Ray cancel whatever a request has called, as soon as its client is gone: they must not know whose
        # calls these are.
        self._task = asyncio.create_task(self._run(work), context=only_trace())
        self._task.add_done_callback(lambda _: self._tell_readers())

    @property
    def last(self) -> Event | None:
        return self._events[-1] if self._events else None

    @property
    def working(self) -> bool:
        return not self._task.done()

    @property
    def told(self) -> int:
        """How many events."""
        return len(self._events)

    async def begun(self) -> None:
        """Returns with the first event. Raises what ended the work before one."""
        while not self._events and not self._task.done():
            await self._news.wait()
        if not self._events:
            self._task.result()

    async def read(self, after: int, *, silence_s: float) -> AsyncIterator[tuple[int, Event] | None]:
        """Every event after that number, with its own; they count from 1. None for every `silence_s` without one."""
        for index in itertools.count(after):
            while index >= len(self._events):
                if self._task.done():
                    return
                if not await self._has_news(silence_s):
                    yield None
            yield index + 1, self._events[index]

    def abort(self) -> None:
        self._task.cancel()

    def cancel(self) -> None:
        """As `abort`, and whoever reads is told so. What has ended stays as it is."""
        if self.working:
            self._tell(Failed(problem=self._explain(RequestCancelled("the request was cancelled"))))
            self.abort()

    async def _run(self, work: Work) -> None:
        try:
            response = await work(self._tell)
        except Exception as error:
            if not self._events:
                raise
            self._tell(Failed(problem=self._explain(error)))
        else:
            self._tell(Answer(response=response))

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._tell_readers()

    def _tell_readers(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _has_news(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


class Streams:
    """Those that can be read, by the request's id and by who asked."""

    def __init__(self, kept_s: float, most: int) -> None:
        self._kept_s = kept_s
        self._most = most
        self._streams: dict[Key, Stream] = {}
        self._readers: dict[Key, int] = {}
        self._leaving: dict[Key, asyncio.TimerHandle] = {}

    def add(self, owner: str, request_id: str, stream: Stream) -> None:
        """Where there are too many, those go first that nobody reads, the longest unread before the others."""
        for key in list(self._leaving)[: max(0, len(self._streams) + 1 - self._most)]:
            self._leaving[key].cancel()
            self._drop(key)
        if former := self.find(owner, request_id):
            former.abort()
        self._streams[owner, request_id] = stream
        self._leave((owner, request_id))

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def working(self) -> int:
        """How many have not ended."""
        return sum(stream.working for stream in self._streams.values())

    def cancel(self, owner: str, request_id: str) -> bool:
        """Whether there is such a stream. Its events, of which that is the last one, can still be read."""
        stream = self.find(owner, request_id)
        if stream:
            stream.cancel()
        return stream is not None

    def find(self, owner: str, request_id: str) -> Stream | None:
        return self._streams.get((owner, request_id))

    @contextlib.contextmanager
    def reading(self, owner: str, request_id: str) -> Iterator[None]:
        """A stream is kept while somebody reads it, and for `kept_s` more."""
        key = owner, request_id
        self._readers[key] = self._readers.get(key, 0) + 1
        if key in self._leaving:
            self._leaving.pop(key).cancel()
        try:
            yield
        finally:
            self._readers[key] -= 1
            if not self._readers[key]:
                del self._readers[key]
                self._leave(key)

    def _leave(self, key: Key) -> None:
        if key in self._leaving:
            self._leaving[key].cancel()
        self._leaving[key] = asyncio.get_running_loop().call_later(self._kept_s, self._drop, key)

    def _drop(self, key: Key) -> None:
        del self._leaving[key]
        # A reader who came just as it was dropped leaves it once more.
        if stream := self._streams.pop(key, None):
            stream.abort()
