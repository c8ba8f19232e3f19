"""Who is let in, and for what: one table of paths, and the middleware that holds to it before a body is read."""

import contextlib
import ipaddress
import uuid
from datetime import UTC, datetime
from typing import Literal

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.api.problems import FORBIDDEN, UNAUTHENTICATED, response
from deployments.security.audit_log import audit
from deployments.security.callers import called_by
from deployments.security.key_file import KeyFile
from deployments.security.keys import ANYBODY, NOBODY, STRANGER, Caller
from deployments.security.keys import Scope as KeyScope

NEEDS: dict[str, KeyScope | None] = {
    "/": None,
    "/assets": None,
    "/docs": None,
    "/redoc": None,
    "/openapi.json": None,
    "/healthz": None,
    "/readyz": None,
    "/problems": None,
    "/v1/schemas": None,
    "/v1/lift": "lift",
    "/v1/validate": "validate",
    "/v1/jobs": "jobs",
    "/v1/chat": "lift",
    "/v1/models": "lift",
    "/admin": "admin",
}
"""By the beginning of a path. Open are only those with none."""
Need = KeyScope | Literal["any"] | None
"""`any`: whoever has a key may, such as be told that there is nothing."""

_ONLY_HERE = "without api.keys_file the service serves its own machine only (or all, with api.allow_anonymous: true)"
_REQUEST_ID = "X-Request-ID"
REALM = 'Bearer realm="lift-sys"'


def need(path: str) -> Need:
    """The scope that a request of this path must have."""
    if path == "/":
        return NEEDS[path]
    parts = path.split("/")
    beginnings = ("/".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((NEEDS[one] for one in beginnings if one in NEEDS and one != "/"), "any")


class Access:
    """ASGI middleware: sets `scope["state"]["caller"]` and the request's id, or answers 401 or 403.

    The id is in the header `X-Request-ID` of every answer: Serve writes it there; where there is no Serve, this does.
    """

    def __init__(self, app: ASGIApp, keys: KeyFile | None, allow_anonymous: bool) -> None:
        self._app = app
        self._keys = keys
        self._allow_anonymous = allow_anonymous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller, request, needed = self._caller(scope), _request_id(scope), need(path_of(scope))
        scope.setdefault("state", {}).update(caller=caller, request_id=request)
        sending = send if _is_numbered(scope) else _with_id(send, request)
        with called_by(caller, request):
            if needed is None or needed in caller.scopes or (needed == "any" and caller.scopes):
                await self._app(scope, receive, sending)
            else:
                await self._refusal(scope, caller, needed)(scope, receive, sending)

    def _caller(self, scope: Scope) -> Caller:
        if self._keys:
            return self._keys.keys().caller(_bearer(scope), datetime.now(UTC)) or NOBODY
        if self._allow_anonymous:
            return STRANGER
        return ANYBODY if _is_local(scope) else NOBODY

    def _refusal(self, scope: Scope, caller: Caller, needed: Need) -> JSONResponse:
        if caller.scopes:
            audit("denied", why=f"lacks the scope {needed}")
            detail = f"this needs the scope {needed!r}, which the caller does not have"
            challenge = f'{REALM}, error="insufficient_scope", scope="{needed}"'
            return response(FORBIDDEN, detail, path_of(scope), headers={"WWW-Authenticate": challenge})
        audit("denied", why="no valid key")
        challenge = REALM + (', error="invalid_token"' if _bearer(scope) else "")
        detail = UNAUTHENTICATED.words.example if self._keys else _ONLY_HERE
        return response(UNAUTHENTICATED, detail, path_of(scope), headers={"WWW-Authenticate": challenge})


def path_of(scope: Scope) -> str:
    """As the routes see it: without where Serve has put the application."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _is_numbered(scope: Scope) -> bool:
    return _REQUEST_ID in Headers(scope=scope)


def _with_id(send: Send, request_id: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[_REQUEST_ID] = request_id
        await send(message)

    return sending


def _request_id(scope: Scope) -> str:
    """Serve gives each request one, and tells it to the client; a client may choose it, as a UUID."""
    sent = Headers(scope=scope).get(_REQUEST_ID, "")
    with contextlib.suppress(ValueError):
        if str(uuid.UUID(sent)) == sent:
            return sent
    return uuid.uuid4().hex


def _bearer(scope: Scope) -> str:
    """The key that was sent; none where there are two, of which a proxy could see the other one."""
    sent = Headers(scope=scope).getlist("authorization")
    scheme, _, key = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    return key.strip() if scheme.lower() == "bearer" else ""


def _is_local(scope: Scope) -> bool:
    """Whether the client is on this machine, as far as the address tells. One that is no address is no network's."""
    host = (scope.get("client") or ("",))[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
