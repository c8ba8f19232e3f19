"""The guard: objectives that Prometheus watches, asked for beside the policy, which never waits for them.

Ray 2.60's own `PrometheusQueryMixin` reads an answer of any length, follows redirects and has no limit on the time of a
whole answer. What is asked here is bounded in all three, and what is not a plain number counts as not known.
"""

import asyncio
import logging
import math
import threading
import time
import weakref
from typing import Annotated, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lift_sys.scaling.load import is_sound

_MOST_BYTES = 2**16
_QUERY_PATH = "/api/v1/query"
logger = logging.getLogger("ray.serve")


class GuardSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    address: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$")]
    """Of Prometheus, such as `http://127.0.0.1:9090`."""
    queries: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=2_000)]], Field(min_length=1, max_length=16)
    ]
    """PromQL by a name of your choice. Each gives a multiple of what its objective allows; the worst counts.

    No data means that nothing is known. Where it should mean that all is well, end the query with `or vector(0)`.
    """
    every_s: Annotated[float, Field(ge=0.2, le=300)] = 5.0
    limit_s: Annotated[float, Field(ge=0.1, le=60)] = 3.0
    """Of one query."""
    stale_after_s: Annotated[float, Field(ge=1, le=600)] = 20.0


class Unusable(ValueError):
    """An answer that says nothing of an objective, and why."""


class _Sample(BaseModel):
    value: tuple[float, float]


class _Vector(BaseModel):
    resultType: Literal["vector"]
    result: list[_Sample]


class _Scalar(BaseModel):
    resultType: Literal["scalar"]
    result: tuple[float, float]


class _Answer(BaseModel):
    status: Literal["success"]
    data: Annotated[_Vector | _Scalar, Field(discriminator="resultType")]

    def numbers(self) -> list[float]:
        match self.data:
            case _Vector(result=samples):
                return [sample.value[1] for sample in samples]
            case _Scalar(result=(_, number)):
                return [number]


async def ask(address: str, query: str, limit_s: float) -> float:
    """The largest number of the answer. Raises `Unusable`."""
    try:
        async with asyncio.timeout(limit_s):
            body = await _body(address + _QUERY_PATH, query)
        numbers = _Answer.model_validate_json(body).numbers()
    except TimeoutError:
        raise Unusable(f"no answer within {limit_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unusable(f"{type(error).__name__}: {error}") from None
    except ValidationError:
        raise Unusable(f"not an answer of Prometheus: {body[:80]!r}") from None
    if not numbers:
        raise Unusable("no data")
    if wrong := [number for number in numbers if not is_sound(number)]:
        raise Unusable(f"{wrong[0]} is no multiple of an objective")
    return max(numbers)


async def _body(url: str, query: str) -> bytes:
    """Unpacks nothing: a small answer could become a large one."""
    # Of the system's proxies none is meant for this.
    async with (
        httpx.AsyncClient(follow_redirects=False, timeout=None, trust_env=False) as client,
        client.stream("GET", url, params={"query": query}, headers={"accept-encoding": "identity"}) as answer,
    ):
        if answer.status_code != 200:
            raise Unusable(f"status {answer.status_code}")
        body = b""
        async for piece in answer.aiter_raw(4_096):
            body += piece
            if len(body) > _MOST_BYTES:
                raise Unusable(f"more than {_MOST_BYTES} bytes")
        return body


class Readings:
    """What the queries last gave. Written by one thread, read by another."""

    def __init__(self, settings: GuardSettings) -> None:
        self.settings = settings
        self.stopped = threading.Event()
        self._known: dict[str, tuple[float, float]] = {}
        self._troubles: dict[str, str] = {}

    def worst(self) -> float:
        """NaN as long as one of them is not known."""
        now = time.monotonic()
        known = dict(self._known)
        fresh = [value for value, at_s in known.values() if now - at_s <= self.settings.stale_after_s]
        return max(fresh) if len(fresh) == len(self.settings.queries) else math.nan

    def keep(self) -> None:
        """Ask again and again, until stopped."""
        while not self.stopped.is_set():
            asyncio.run(self.ask_all())
            self.stopped.wait(self.settings.every_s)

    async def ask_all(self) -> None:
        await asyncio.gather(*(self._ask(name, query) for name, query in self.settings.queries.items()))

    async def _ask(self, name: str, query: str) -> None:
        try:
            value = await ask(self.settings.address, query, self.settings.limit_s)
        except Unusable as trouble:
            self._known.pop(name, None)
            self._tell(name, str(trouble))
        else:
            self._known[name] = (value, time.monotonic())
            self._tell(name, "")

    def _tell(self, name: str, trouble: str) -> None:
        """Once for each change: a Prometheus that is away for a night is not news every five seconds."""
        if self._troubles.get(name, "") == trouble:
            return
        self._troubles[name] = trouble
        where = f"guard {name} at {self.settings.address}"
        if trouble:
            logger.warning("%s is not known, so no replica goes: %s", where, trouble)
        else:
            logger.info("%s is known again", where)


class Guard:
    """Keeps readings fresh in a thread of its own, as long as this object lives."""

    def __init__(self, settings: GuardSettings) -> None:
        self._readings = Readings(settings)
        threading.Thread(target=self._readings.keep, name="lift-guard", daemon=True).start()
        weakref.finalize(self, self._readings.stopped.set)

    def worst(self) -> float:
        return self._readings.worst()
