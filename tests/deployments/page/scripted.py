"""The page's routes beside a `/v1/lift` that tells what a test wrote: nothing is left to chance."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from deployments.page.routes import add_page
from tests.deployments.page.story import Event, events, response

_START_S = 10
_ARRIVES_S = 0.2
"""What a browser has received and not yet read, it forgets when the line is cut."""


class Broken(Exception):
    """The line is cut in the middle of an answer."""


class Script:
    def __init__(self) -> None:
        self.events: Sequence[Event] = events(response())
        self.refusals: list[Response] = []
        """Answered first, one a request."""
        self.breaks_after: int | None = None
        """How many events come before the line is cut; the others come to whoever asks for them."""
        self.holds_after: int | None = None
        """How many events come before nothing more does."""
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.resumed: list[str | None] = []
        self.hung_up = threading.Event()
        self.cancelled = threading.Event()

    async def lift(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("authorization"))
        if self.refusals:
            return self.refusals.pop(0)
        return StreamingResponse(self._told(0, self.breaks_after), media_type="text/event-stream")

    async def resume(self, request: Request) -> Response:
        last = request.headers.get("last-event-id")
        self.resumed.append(last)
        return StreamingResponse(self._told(int(last or 0), None), media_type="text/event-stream")

    async def cancel(self, request_id: str) -> Response:
        if request_id == self.events[0][1]["request_id"]:
            self.cancelled.set()
        return Response(status_code=204)

    async def _told(self, begin: int, cut: int | None) -> AsyncIterator[str]:
        yield ": awake\n\n"
        for number, (name, data) in enumerate(self.events[begin:], begin + 1):
            yield f"id: {number}\nevent: {name}\ndata: {json.dumps({'event': name, **data})}\n\n"
            await asyncio.sleep(0)
            if number == cut:
                await asyncio.sleep(_ARRIVES_S)
                raise Broken
            if number == self.holds_after:
                await self._hold()

    async def _hold(self) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.hung_up.set()
            raise


def problem(status: int, title: str, detail: str, **members: Any) -> Response:
    retry = {"retry-after": "7"} if status in (429, 503) else {}
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": [], **members}
    return JSONResponse(content, status, retry, media_type="application/problem+json")


@contextlib.contextmanager
def running(script: Script) -> Iterator[str]:
    """The address of a server that follows the script, as it is when it is asked."""
    api = FastAPI()
    add_page(api, usd_per_hour=3.43)
    api.post("/v1/lift")(script.lift)
    api.get("/v1/lift/{request_id}/events")(script.resume)
    api.delete("/v1/lift/{request_id}")(script.cancel)
    with socket.create_server(("127.0.0.1", 0)) as door:
        server = uvicorn.Server(uvicorn.Config(api, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            until = time.monotonic() + _START_S
            while not server.started and time.monotonic() < until:
                time.sleep(0.02)
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
