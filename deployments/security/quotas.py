"""What each caller may use: requests a minute, tokens of the model a day, requests at once.

Windows are kept by the library `limits`, in memory or in a Redis that several ingresses share. Requests at once are
held by each ingress for itself: a shared count would keep what an ingress that died had counted.
"""

import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from deployments.log import logger
from deployments.security.callers import current_caller
from deployments.security.keys import Caller, Quota
from schemas import LiftResponse

P = ParamSpec("P")
_REDIS: dict[str, float | str | bool] = {
    "implementation": "redispy",
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
}
_AT_ONCE_RETRY_S = 1


@dataclass(frozen=True)
class Refusal:
    detail: str
    retry_after_s: int


@dataclass(frozen=True)
class Window:
    """One limit of a caller, and the window in which it counts."""

    name: str
    unit: str
    item: RateLimitItem
    limiter: RateLimiter

    async def left(self, caller: str) -> tuple[int, int]:
        """What is left, and the seconds until there is more."""
        stats = await self.limiter.get_window_stats(self.item, caller)
        return max(0, stats.remaining), max(1, math.ceil(stats.reset_time - time.time()))


class Quotas:
    def __init__(self, default: Quota, store: str) -> None:
        """`store`: `memory://`, or the URL of a Redis."""
        options = {} if store == "memory://" else _REDIS
        kept = storage_from_string(f"async+{store}", wrap_exceptions=True, **options)
        assert isinstance(kept, Storage)
        self._default = default
        self._requests = MovingWindowRateLimiter(kept)
        self._tokens = FixedWindowRateLimiter(kept)
        self._at_once: Counter[str] = Counter()

    async def enter(self, caller: Caller) -> Refusal | None:
        """Let a request in, which must then `leave`; or say why not."""
        most = self._of(caller).concurrent
        if most and self._at_once[caller.name] >= most:
            return Refusal(f"more than {most} requests at once; one that ends makes room", _AT_ONCE_RETRY_S)
        # Counted before anything is waited for, so that no two take one place.
        self._at_once[caller.name] += 1
        try:
            refusal = await self._refused(caller)
        except StorageError as error:
            logger.error("quotas are not counted: their store failed: %s", type(error.storage_error).__name__)
            refusal = None
        if refusal:
            self.leave(caller)
        return refusal

    def leave(self, caller: Caller) -> None:
        self._at_once[caller.name] -= 1
        self._at_once += Counter()  # forgets who has none

    async def spend(self, caller: Caller, tokens: int) -> None:
        """Count what an answer took. It may go beyond what was left: then nothing is let in until the day is over."""
        for window in self._windows(caller):
            if window.unit == "tokens" and tokens:
                try:
                    await window.limiter.hit(window.item, caller.name, cost=tokens)
                except StorageError as error:
                    logger.error("%d tokens are not counted: %s", tokens, type(error.storage_error).__name__)

    async def headers(self, caller: Caller) -> dict[str, str]:
        """What is allowed and what is left: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/."""
        windows = self._windows(caller)
        try:
            left = [(window, *await window.left(caller.name)) for window in windows]
        except StorageError:
            return {}
        most = self._of(caller).concurrent
        policies = [f'"{w.name}";q={w.item.amount};w={w.item.get_expiry()};qu="{w.unit}"' for w in windows]
        now = [f'"{window.name}";r={remaining};t={reset_s}' for window, remaining, reset_s in left]
        if most:
            policies.append(f'"concurrent";q={most};qu="concurrent-requests"')
            now.append(f'"concurrent";r={max(0, most - self._at_once[caller.name])}')
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(now)} if policies else {}

    def at_once(self, caller: Caller) -> int:
        return self._at_once[caller.name]

    async def left(self, caller: Caller) -> dict[str, int]:
        """By the name of the limit."""
        return {window.name: (await window.left(caller.name))[0] for window in self._windows(caller)}

    def _of(self, caller: Caller) -> Quota:
        return caller.quota.over(self._default)

    def _windows(self, caller: Caller) -> list[Window]:
        quota, found = self._of(caller), []
        if quota.requests_per_minute:
            item: RateLimitItem = RateLimitItemPerMinute(quota.requests_per_minute, namespace="lift/requests")
            found.append(Window("minute", "requests", item, self._requests))
        if quota.tokens_per_day:
            item = RateLimitItemPerDay(quota.tokens_per_day, namespace="lift/tokens")
            found.append(Window("day", "tokens", item, self._tokens))
        return found

    async def _refused(self, caller: Caller) -> Refusal | None:
        # Tokens first: asking for them counts nothing.
        for window in reversed(self._windows(caller)):
            asked = window.limiter.hit if window.unit == "requests" else window.limiter.test
            if not await asked(window.item, caller.name):
                _, reset_s = await window.left(caller.name)
                detail = f"more than {window.item.amount} {window.unit} a {window.name}; more in {reset_s} s"
                return Refusal(detail, reset_s)
        return None


def charged(lift: Callable[P, Awaitable[LiftResponse]], quotas: Quotas) -> Callable[P, Awaitable[LiftResponse]]:
    """As `lift`, and the answer's tokens count against the quota of who calls."""

    async def lift_and_charge(*args: P.args, **kwargs: P.kwargs) -> LiftResponse:
        response = await lift(*args, **kwargs)
        await quotas.spend(current_caller(), tokens_of(response))
        return response

    return lift_and_charge


def tokens_of(response: LiftResponse) -> int:
    """Of the model: read and written, in all attempts. What a prefix cache had is read too."""
    return sum(report.prompt_tokens + report.completion_tokens for report in response.stages)
