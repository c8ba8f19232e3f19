"""Jobs while every process is killed, again and again: what was accepted, and what became of it.

Two ingresses share one SQLite file, or a Postgres. A client posts jobs, each again by the same idempotency key until it
hears that it is accepted, and looks at results in between. Meanwhile kill -9 comes for both ingresses,
or one, at random times.
"""

import asyncio
import contextlib
import random
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from schemas import Job, JobResult

_ITEMS = 5
_LEASE_S = 0.5
_START_S = 60.0
_END_S = 120.0
_PAUSE_S = 0.05


@dataclass
class Ingress:
    database: str
    log: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        given = ["--database", self.database, "--port", self.port, "--log", self.log]
        command = [sys.executable, "-m", "deployments.bench.jobs_server", *given, "--lease-s", _LEASE_S]
        self.process = subprocess.Popen([str(word) for word in command])

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@dataclass
class Kept:
    """What a client knows of a job that was accepted."""

    job_id: str
    items: int
    seen: dict[int, str] = field(default_factory=dict)
    """The results by index, as they were seen first."""
    changed: int = 0
    """Results that were another at a later look, or came twice in one."""
    whole: bool = False

    def look(self, job: Job, lines: list[str]) -> None:
        times = Counter(JobResult.model_validate_json(line).index for line in lines)
        self.changed += sum(count - 1 for count in times.values())
        for line in lines:
            index = JobResult.model_validate_json(line).index
            self.changed += self.seen.setdefault(index, line) != line
        self.whole = job.ended_at is not None

    def row(self, attempts: Counter[str]) -> dict[str, Any]:
        wrong = sum(JobResult.model_validate_json(line).response is None for line in self.seen.values())
        began = sum(attempts[f"{self.job_id} {index}"] for index in range(self.items))
        lost = self.items - len(self.seen)
        return {"items": self.items, "lost": lost, "changed": self.changed, "failed": wrong, "attempts": began}


class Siege:
    def __init__(self, folder: Path, *, seed: int, database: str | None = None) -> None:
        """`database`: an empty one, by the URL of its Postgres. Default: SQLite in the folder."""
        self._random = random.Random(seed)
        self._log = folder / "attempts"
        kept = database or str(folder / "jobs.sqlite")
        self._ingresses = [Ingress(kept, self._log, _free_port()) for _ in range(2)]
        self._kept: list[Kept] = []
        self._names: dict[str, str] = {}
        self._posting = True
        self.kills = 0
        self.strays = 0
        """Jobs that are there and were never told to be accepted, such as one made twice."""

    async def run(self, kills: int, on_kill: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
        """A row a job."""
        for ingress in self._ingresses:
            ingress.start()
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                await self._up(client)
                posting = asyncio.create_task(self._post(client))
                for _ in range(kills):
                    await self._kill(client)
                    on_kill()
                # Not cancelled: a job that is accepted just then would be nobody's.
                self._posting = False
                await posting
                await self._finish(client)
        finally:
            for ingress in self._ingresses:
                ingress.kill()
        attempts = Counter(self._log.read_text(encoding="utf-8").splitlines())
        return [kept.row(self._renamed(attempts)) for kept in self._kept]

    def _renamed(self, attempts: Counter[str]) -> Counter[str]:
        """By the id of the job: a prompt says the idempotency key, since it is made before the job."""
        named: Counter[str] = Counter()
        for prompt, count in attempts.items():
            key, _, index = prompt.partition(" ")
            named[f"{self._names.get(key, key)} {index}"] += count
        return named

    async def _up(self, client: httpx.AsyncClient) -> None:
        async with asyncio.timeout(_START_S):
            for ingress in self._ingresses:
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        await client.get(f"http://127.0.0.1:{ingress.port}/healthz")
                        break
                    await asyncio.sleep(_PAUSE_S)

    async def _kill(self, client: httpx.AsyncClient) -> None:
        """Both at once, or one; then they start again."""
        await asyncio.sleep(self._random.uniform(0.05, 1.5))
        victims = self._random.choice([self._ingresses, self._ingresses, self._ingresses[:1], self._ingresses[1:]])
        for ingress in victims:
            ingress.kill()
        self.kills += 1
        for ingress in victims:
            ingress.start()
        await self._up(client)

    async def _post(self, client: httpx.AsyncClient) -> None:
        while self._posting:
            key = f"k{len(self._kept)}"
            body = {"requests": [{"prompt": f"{key} {index}"} for index in range(_ITEMS)]}
            answer = await self._answer(client, "POST", "/v1/jobs", json=body, headers={"idempotency-key": key})
            job = Job.model_validate_json(answer.content)
            self._names[key] = job.id
            self._kept.append(Kept(job.id, _ITEMS))
            await self._look(client, self._random.choice(self._kept))
            await asyncio.sleep(self._random.uniform(0, 4 * _PAUSE_S))

    async def _look(self, client: httpx.AsyncClient, kept: Kept) -> None:
        """First the job, then its results: if it had ended, they are all there."""
        job = await self._answer(client, "GET", f"/v1/jobs/{kept.job_id}")
        results = await self._answer(client, "GET", f"/v1/jobs/{kept.job_id}/results")
        kept.look(Job.model_validate_json(job.content), results.text.splitlines())

    async def _answer(self, client: httpx.AsyncClient, method: str, path: str, **given: Any) -> httpx.Response:
        """From whichever ingress is there, however often it takes."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                ingress = self._random.choice(self._ingresses)
                answer = await client.request(method, f"http://127.0.0.1:{ingress.port}{path}", **given)
                if answer.status_code < 400:
                    return answer
                if answer.status_code not in (409, 503):
                    raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            await asyncio.sleep(_PAUSE_S)

    async def _finish(self, client: httpx.AsyncClient) -> None:
        """Until every job has ended, or it is clear that one does not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                for kept in self._kept:
                    while not kept.whole:
                        await self._look(client, kept)
        known = {kept.job_id for kept in self._kept}
        self.strays = len(await self._all(client) - known)

    async def _all(self, client: httpx.AsyncClient) -> set[str]:
        found: list[str] = []
        while True:
            before = f"&before={found[-1]}" if found else ""
            answer = await self._answer(client, "GET", f"/v1/jobs?limit=100{before}")
            page = [job["id"] for job in answer.json()["jobs"]]
            if not page:
                return set(found)
            found += page


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
