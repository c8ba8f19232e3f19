"""Requests to an endpoint, one by one, and what came of each."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from jsonschema import Draft202012Validator

from lift_sys.client import AsyncClient, ServiceProblem
from lift_sys.evaluation.tasks import tasks18
from schemas import LiftRequest, LiftResponse, ValidateRequest

Fault = Literal["refused", "foreign", "unreachable", "tls", "silent", "broken"]
"""A problem of the service's own words; an answer that no lift-sys gives; no connection; no trust in its certificate;
no answer in time; a connection that broke."""
_FINAL: tuple[Fault, ...] = ("foreign", "unreachable", "tls")
_GRACE_S = 2.0
"""For the service to say itself that the time is over."""
_IN_A_ROW = 3
"""So many without an answer, and no other is asked for."""
_UNAUTHORISED = (401, 403)
_PROMPTS = [task.prompt for task in tasks18()]


@dataclass(frozen=True)
class Sample:
    seconds: float
    response: LiftResponse | None = None
    fault: Fault | None = None
    said: str = ""
    status: int | None = None
    """Of HTTP, where the service refused."""
    invalid: tuple[str, ...] = ()
    """What of the answer is not valid under the service's own schemas."""

    @property
    def ends_it(self) -> bool:
        """The next one would fare no better."""
        return self.fault in _FINAL or self.status in _UNAUTHORISED


@dataclass
class Asked:
    """All that was asked, as far as it came."""

    samples: list[Sample] = field(default_factory=list)
    validated: list[Sample] = field(default_factory=list)
    """Requests to validate the code of an answer."""
    broke_off: str | None = None
    """Why not everything was asked for."""

    def add(self, sample: Sample) -> None:
        self.samples.append(sample)
        last = self.samples[-_IN_A_ROW:]
        if sample.ends_it:
            self.broke_off = sample.said
        elif len(last) == _IN_A_ROW and all(one.response is None for one in last):
            self.broke_off = f"{_IN_A_ROW} requests in a row had no answer; the last: {sample.said}"


class Endpoint:
    """A service at an address, asked with a limit of seconds for each answer."""

    def __init__(self, client: AsyncClient, schemas: dict[str, dict[str, Any]], timeout_s: float) -> None:
        self._client = client
        self._judges = {name: Draft202012Validator(schema) for name, schema in schemas.items()}
        self._timeout_s = timeout_s

    async def lift(self, number: int) -> Sample:
        request = LiftRequest(prompt=_PROMPTS[number % len(_PROMPTS)], timeout_s=self._timeout_s)
        begun = time.monotonic()
        try:
            response = await self._in_time(self._client.lift(request))
        except (ServiceProblem, httpx.HTTPError, TimeoutError) as error:
            return failed(error, time.monotonic() - begun, self._timeout_s)
        return Sample(time.monotonic() - begun, response, invalid=tuple(self._faults(response)))

    async def validate(self, response: LiftResponse) -> Sample:
        request = ValidateRequest(code=response.code.source, ir=response.ir, timeout_s=self._timeout_s)
        begun = time.monotonic()
        try:
            await self._in_time(self._client.validate(request))
        except (ServiceProblem, httpx.HTTPError, TimeoutError) as error:
            return failed(error, time.monotonic() - begun, self._timeout_s)
        return Sample(time.monotonic() - begun, response)

    async def _in_time(self, answer: Awaitable[Any]) -> Any:
        async with asyncio.timeout(self._timeout_s + _GRACE_S):
            return await answer

    def _faults(self, response: LiftResponse) -> list[str]:
        values = {"ir": response.ir, "code": response.code}
        return [
            f"{name}: {error.message:.200}"
            for name, judge in self._judges.items()
            for error in judge.iter_errors(values[name].model_dump(mode="json"))
        ]


def failed(error: Exception, seconds: float, timeout_s: float) -> Sample:
    match error:
        case ServiceProblem():
            fault: Fault = "foreign" if error.problem.title == "No answer of lift-sys" else "refused"
            return Sample(seconds, fault=fault, said=str(error), status=error.problem.status)
        case TimeoutError() | httpx.ReadTimeout():
            return Sample(seconds, fault="silent", said=f"no answer within {timeout_s:g} s")
        case httpx.ConnectError() if _is_tls(error):
            return Sample(seconds, fault="tls", said=f"its certificate or TLS is not to be trusted: {error}")
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return Sample(seconds, fault="unreachable", said=f"no connection: {error}")
        case _:
            return Sample(seconds, fault="broken", said=f"the connection broke: {type(error).__name__}: {error}")


def _is_tls(error: BaseException | None) -> bool:
    """The words of ssl are wrapped by httpx."""
    while error:
        if isinstance(error, ssl.SSLError) or "SSL" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


async def ask(
    endpoint: Endpoint, requests: int, at_once: int, asked: Asked, on_sample: Callable[[Sample], None]
) -> None:
    """What came is in `asked` at any time. The code of each answer is then brought for validation."""
    numbers = iter(range(requests))

    async def one_by_one() -> None:
        for number in numbers:
            if asked.broke_off:
                return
            sample = await endpoint.lift(number)
            asked.add(sample)
            if sample.response:
                asked.validated.append(await endpoint.validate(sample.response))
            on_sample(sample)

    await asyncio.gather(*(one_by_one() for _ in range(at_once)))
