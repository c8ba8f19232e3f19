"""A client that asks again, with the same idempotency key, until it has an answer or its patience ends."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import httpx

from loadtest.chaos.questions import question, what_is_wrong
from loadtest.chaos.rows import BROKEN, Asked
from schemas import Job, JobRequest, JobResult, LiftResponse
from schemas.wire import Wire

_ATTEMPT_S = 60.0
_PATIENCE_S = 90.0
"""After which no further attempt is made, nor is it looked for the end of a job."""
_PAUSE_S = 0.5
"""Between attempts, where the answer does not say with `Retry-After` when to come again."""
_AGAIN = {BROKEN, 409, 429, 500, 502, 503, 504}
_ITEMS = 2
"""Of a job."""


def open_client(url: str, api_key: str | None) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
    return httpx.AsyncClient(base_url=url, timeout=_ATTEMPT_S, limits=limits, headers=headers, trust_env=False)


@dataclass
class Attempts:
    """At one POST."""

    client: httpx.AsyncClient
    path: str
    body: Wire
    key: str
    statuses: list[int] = field(default_factory=list)

    async def answer(self) -> httpx.Response | None:
        """The first that is not to be asked for again; None where there is none in time."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            answer = await self._one()
            self.statuses.append(answer.status_code if answer else BROKEN)
            if self.statuses[-1] not in _AGAIN:
                return answer
            await asyncio.sleep(float(answer.headers.get("retry-after", _PAUSE_S)) if answer else _PAUSE_S)
        return None

    async def _one(self) -> httpx.Response | None:
        headers = {"idempotency-key": self.key, "content-type": "application/json"}
        content = self.body.model_dump_json(exclude_none=True)
        try:
            return await self.client.post(self.path, content=content, headers=headers)
        except httpx.TransportError:
            return None


@dataclass(frozen=True)
class Stranger:
    """Asks what is due, and keeps a row of it."""

    client: httpx.AsyncClient
    salt: str
    """Of its keys, which no other run may have."""
    begun: float
    """On the monotonic clock."""
    keep: Callable[[Asked], None]

    async def ask(self, number: int, due_s: float) -> None:
        posted = self._attempts("/v1/lift", question(number), number)
        answer = await posted.answer()
        wrong = None
        if answer and answer.status_code == httpx.codes.OK:
            wrong = what_is_wrong(number, LiftResponse.model_validate_json(answer.content))
        ended = answer is not None and answer.status_code == httpx.codes.OK
        self.keep(self._row("lift", number, due_s, self._since(due_s), posted, ended=ended, wrong=wrong))

    async def order(self, number: int, due_s: float) -> None:
        body = JobRequest(requests=tuple(question(number + index) for index in range(_ITEMS)))
        posted = self._attempts("/v1/jobs", body, number)
        answer = await posted.answer()
        latency_s = self._since(due_s)
        ended, wrong = False, None
        if answer and answer.status_code == httpx.codes.ACCEPTED:
            ended, wrong = await self._end(Job.model_validate_json(answer.content).id, number)
        self.keep(self._row("job", number, due_s, latency_s, posted, ended=ended, wrong=wrong))

    async def _end(self, job_id: str, number: int) -> tuple[bool, str | None]:
        """Whether the job has ended, and what is wrong with its results."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            try:
                answer = await self.client.get(f"/v1/jobs/{job_id}")
                if answer.is_success and Job.model_validate_json(answer.content).ended_at:
                    answer = await self.client.get(f"/v1/jobs/{job_id}/results")
                    if answer.is_success:
                        return True, _wrong_results(answer.text, number)
            except httpx.TransportError:
                pass
            await asyncio.sleep(_PAUSE_S)
        return False, None

    def _attempts(self, path: str, body: Wire, number: int) -> Attempts:
        return Attempts(self.client, path, body, f"{self.salt}-{number}")

    def _since(self, due_s: float) -> float:
        return round(time.monotonic() - self.begun - due_s, 3)

    def _row(
        self, kind: Literal["lift", "job"], number: int, due_s: float, latency_s: float, posted: Attempts, *,
        ended: bool, wrong: str | None,
    ) -> Asked:  # fmt: skip
        statuses = tuple(posted.statuses)
        return Asked(
            number=number, kind=kind, due_s=round(due_s, 3), latency_s=latency_s, statuses=statuses, ended=ended,
            wrong=wrong,
        )  # fmt: skip


def _wrong_results(text: str, number: int) -> str | None:
    results = [JobResult.model_validate_json(line) for line in text.splitlines()]
    if [result.index for result in results] != list(range(_ITEMS)):
        return f"results {[result.index for result in results]} of a job of {_ITEMS}"
    for result in results:
        if result.response is None:
            return f"a job's item ended with {result.problem.status if result.problem else 'nothing'}"
        if wrong := what_is_wrong(number + result.index, result.response):
            return wrong
    return None
