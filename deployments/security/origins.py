"""What a browser is held to: headers of every answer, the names a service goes by, and whose pages may call it."""

import ipaddress
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.api.problems import HEADERS, MISDIRECTED, response
from deployments.security.access import path_of

ALLOWED_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID")
EXPOSED_HEADERS = ("Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-ID")


class SafeHeaders:
    """ASGI middleware: gives every answer the headers that it has not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)


class HostCheck:
    """ASGI middleware: answers 421 where the header `Host` names another service.

    A page of the Internet whose name leads to 127.0.0.1 (DNS rebinding) would else speak to the service of its reader.
    """

    def __init__(self, app: ASGIApp, is_ours: Callable[[str], bool]) -> None:
        self._app = app
        self._is_ours = is_ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            name = _name(Headers(scope=scope).get("host", ""))
            if not self._is_ours(name):
                await response(MISDIRECTED, f"this service is not {name[:253]!r}", path_of(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_near(name: str) -> bool:
    """Whether nobody on the Internet can own the name: it is an address, or has no dot."""
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return "." not in name or name.endswith(".localhost")


def _name(host: str) -> str:
    """Without the port, and without the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
