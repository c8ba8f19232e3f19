"""`Idempotency-Key`: a POST that is sent again is answered as the first time, and done once.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ says what is answered: 400 to a key that is
none, 409 while the first request is at work, 422 to another request with the same key.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from deployments.jobs.store import Answer, KeyStore, Reserved
from deployments.jobs.stored import stored
from deployments.security.callers import current_caller
from lift_sys.errors import KeyInvalid, LiftError, StoreUnavailable

Keep = Callable[[Answer], Awaitable[None]]

_HEADER = "idempotency-key"
_KEY = re.compile(r'"([\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
"""With the quotes of a structured field, as the draft says, or without, as most clients send it."""
_KEPT_HEADERS = ("content-type", "location")
_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same key, this request is done once, and answered as the first time.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 257},
}


def nonce_of(request: Request) -> str | None:
    """The same at every attempt at the request of one idempotency key. None without a key."""
    nonce: str | None = getattr(request.state, "nonce", None)
    return nonce


def idempotent(keys: KeyStore, lease_s: float) -> type[APIRoute]:
    """The class of routes that know keys. Within a route, so that every error is a problem as others are."""

    class IdempotentRoute(APIRoute):
        def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
            if "POST" in (options.get("methods") or ()):
                options["openapi_extra"] = {**(options.get("openapi_extra") or {}), "parameters": [_PARAMETER]}
            super().__init__(path, endpoint, **options)

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            key = _key(request) if request.method == "POST" else None
            if key is None:
                await super().handle(scope, receive, send)
                return
            try:
                body = await request.body()
            except ClientDisconnect:
                return
            reserved = await _reserved(keys, key, _fingerprint(scope, body))
            if isinstance(reserved, Answer):
                await _replay(reserved)(scope, receive, send)
                return
            request.state.nonce = reserved.nonce
            async with _held(keys, reserved.lease, lease_s / 4) as keep:
                recorded = _Recorded(send, keep)
                await super().handle(scope, _again(body, receive), recorded)
            if recorded.unkept:
                raise recorded.unkept

    return IdempotentRoute


async def _reserved(keys: KeyStore, key: str, fingerprint: str) -> Reserved | Answer:
    """A client that hangs up meanwhile leaves the key free: its next attempt does not wait for the lease's end."""
    reserving = asyncio.create_task(stored(keys.reserve, current_caller().name, key, fingerprint))
    try:
        return await asyncio.shield(reserving)
    except asyncio.CancelledError:
        with contextlib.suppress(LiftError):
            reserved = await reserving
            if isinstance(reserved, Reserved):
                await stored(keys.give_up, reserved.lease)
        raise


@contextlib.asynccontextmanager
async def _held(keys: KeyStore, lease: str, every_s: float) -> AsyncIterator[Keep]:
    """The key is this request's until the end. Then it has its answer, or is free for another attempt."""
    holding = asyncio.create_task(_hold(keys, lease, every_s))

    async def keep(answer: Answer) -> None:
        await stored(keys.answer, lease, answer)

    try:
        yield keep
    finally:
        holding.cancel()
        with contextlib.suppress(StoreUnavailable):
            await stored(keys.give_up, lease)


class _Recorded:
    """Keeps a final answer that goes by, before its last piece goes out: no client has seen one that is not kept.

    Its start waits for its first piece. So of an answer in one piece that cannot be kept nothing has gone out.
    """

    def __init__(self, send: Send, keep: Keep) -> None:
        self._send = send
        self._keep = keep
        self._start: Message = {}
        self._pieces: list[bytes] = []
        self.unkept: StoreUnavailable | None = None
        """Why nothing was sent. Raised from here, it would be taken for an error after the answer had begun."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] == "http.response.body" and not await self._can_go(message):
            return
        await self._send(message)

    async def _can_go(self, message: Message) -> bool:
        self._pieces.append(message.get("body", b""))
        status = self._start["status"]
        if not message.get("more_body", False) and _is_final(status):
            try:
                await self._keep(Answer(status, _kept(self._start), b"".join(self._pieces)))
            except StoreUnavailable as error:
                if len(self._pieces) > 1:
                    raise
                self.unkept = error
                return False
        if len(self._pieces) == 1:
            await self._send(self._start)
        return True


def _kept(start: Message) -> dict[str, str]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    return {name: headers[name] for name in _KEPT_HEADERS if name in headers}


async def _hold(keys: KeyStore, lease: str, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        with contextlib.suppress(StoreUnavailable):
            await stored(keys.hold, lease)


def _key(request: Request) -> str | None:
    given = request.headers.getlist(_HEADER)
    if not given:
        return None
    found = _KEY.fullmatch(given[0]) if len(given) == 1 else None
    if found is None:
        raise KeyInvalid("Idempotency-Key: one of 1 to 255 visible ASCII characters is wanted")
    return found[1] or found[2]


def _fingerprint(scope: Scope, body: bytes) -> str:
    target = scope["path"].encode() + b"?" + scope.get("query_string", b"")
    return hashlib.sha256(target + b"\0" + body).hexdigest()


def _is_final(status: int) -> bool:
    return status < 400 or status == 422


def _replay(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {**answer.headers, "idempotent-replayed": "true"})


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more; then what comes after it, such as the client's hanging up."""
    sent = False

    async def receiving() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
