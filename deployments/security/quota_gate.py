"""ASGI middleware: a request beyond its caller's quota is answered 429 before its body is read."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.api.problems import QUOTA_EXCEEDED, response
from deployments.security.access import need, path_of
from deployments.security.audit_log import audit
from deployments.security.keys import Caller
from deployments.security.quotas import Quotas


class QuotaGate:
    """Stands within `Access`. What needs no scope, or `admin`, is free."""

    def __init__(self, app: ASGIApp, quotas: Quotas) -> None:
        self._app = app
        self._quotas = quotas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or need(path_of(scope)) in (None, "admin"):
            await self._app(scope, receive, send)
            return
        caller: Caller = scope["state"]["caller"]
        refusal = await self._quotas.enter(caller)
        if refusal:
            audit("quota", refusal.detail)
            scope["state"]["over_quota"] = True
            headers = {**await self._quotas.headers(caller), "Retry-After": str(refusal.retry_after_s)}
            await response(QUOTA_EXCEEDED, refusal.detail, path_of(scope), headers=headers)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(await self._quotas.headers(caller))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._quotas.leave(caller)
