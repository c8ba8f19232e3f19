"""Refuse a body that is too long before it is read whole, one that does not end in time, and headers without end."""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.api.problems import HEADERS_TOO_LARGE, response


class BodyLimit:
    """ASGI middleware. Counts what arrives, since a client may state no length or a wrong one."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, body_timeout_s: float) -> None:
        self._app = app
        self._max = max_body_bytes
        self._timeout_s = body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen, more = 0, True
        until = time.monotonic() + self._timeout_s

        async def counted() -> Message:
            nonlocal seen, more
            message = await (self._in_time(receive, until) if more else receive())
            more = message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > self._max:
                raise HTTPException(413, f"the body is longer than {self._max} bytes")
            return message

        await self._app(scope, counted, send)

    async def _in_time(self, receive: Receive, until: float) -> Message:
        """A client that sends a byte now and then would else hold a place of the ingress for as long as it likes."""
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await receive()
        except TimeoutError:
            raise HTTPException(408, f"the body did not come within {self._timeout_s:g} s") from None


class HeaderLimit:
    """ASGI middleware. Ray Serve's own proxy has no limit on headers, and hands on ten megabytes of them."""

    def __init__(self, app: ASGIApp, max_header_bytes: int) -> None:
        self._app = app
        self._max = max_header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if sum(len(name) + len(value) for name, value in scope.get("headers", ())) > self._max:
            detail = f"the headers are longer than {self._max} bytes"
            await response(HEADERS_TOO_LARGE, detail, scope["path"])(scope, receive, send)
        else:
            await self._app(scope, receive, send)
