"""How each request ended, seen from outermost: also one that fits no schema, or whose client hung up."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.metrics import REQUESTS, Outcome, Route, Tell

ROUTES: dict[str, Route] = {"/v1/lift": "lift", "/v1/chat/completions": "lift", "/v1/validate": "validate"}
OUTCOME = "outcome"
"""In a request's state: how it ended, of a response whose status was sent before that was known."""
_OUTCOMES: dict[int, Outcome] = {
    429: "overloaded",
    502: "unusable",
    503: "unavailable",
    504: "late",
}


class RequestMeter:
    """Counts the requests of these routes. Probes and descriptions are nobody's work.

    A caller beyond its quota is refused as one without a key is: the service itself is not overloaded.
    """

    def __init__(self, app: ASGIApp, tell: Tell) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = ROUTES.get(scope.get("path", ""))
        if route is None:
            await self._app(scope, receive, send)
            return
        outcome: Outcome = "failed"
        state = scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            nonlocal outcome
            if message["type"] == "http.response.start":
                over_quota = scope.get("state", {}).get("over_quota", False)
                outcome = "refused" if over_quota else outcome_of(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            self._tell(REQUESTS, 1, route=route, outcome=state.get(OUTCOME, outcome))


def outcome_of(status: int) -> Outcome:
    if status < 400:
        return "answered"
    return _OUTCOMES.get(status, "refused" if status < 500 else "failed")
