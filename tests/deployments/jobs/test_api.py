"""`/v1/jobs` and idempotency keys over ASGI, with a scripted service behind them."""

import asyncio
import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.api.routes import Service, make_api
from deployments.bench.jobs_server import Script
from deployments.jobs.database import connect
from deployments.jobs.service import Jobs
from deployments.jobs.sql_jobs import SqlJobs, Terms
from deployments.settings import ApiSettings, JobsSettings
from lift_sys import errors
from lift_sys.pipeline import Watch
from schemas import Job, JobResult, LiftRequest, LiftResponse
from tests.deployments.api.test_routes import is_problem

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TWO = {"requests": [{"prompt": "a"}, {"prompt": "b"}]}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Backend:
    """Lifts as the script does, or as a test says for a prompt: with errors, one after the other, or never."""

    def __init__(self, log: Path) -> None:
        self.script = Script(0.0, log)
        self.failures: dict[str, list[Exception]] = {}
        self.absent: tuple[str, ...] = ()
        self.unknown = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.began: list[str] = []
        self.cancelled: list[str] = []

    async def lift(self, request: LiftRequest, request_id: str, watch: Watch) -> LiftResponse:
        self.began.append(request.prompt)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(request.prompt)
            raise
        if failures := self.failures.get(request.prompt):
            raise failures.pop(0)
        return await self.script.lift(request, request_id, watch)

    async def missing(self) -> tuple[str, ...]:
        if self.unknown:
            raise RuntimeError("the controller restarts")
        return self.absent


@pytest.fixture
async def backend(tmp_path: Path) -> Backend:
    return Backend(tmp_path / "log")


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    settings = JobsSettings(
        database=str(tmp_path / "jobs.sqlite"),
        concurrency=2,
        lease_s=1,
        most_items=3,
        most_queued=4,
        most_attempts=2,
        webhook_secret_env="SECRET",
    )
    return Jobs(settings, {"SECRET": SECRET})


@pytest.fixture
async def client(backend: Backend, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    service = Service(backend.lift, backend.script.validate, backend.missing)
    api = make_api(service, ApiSettings(max_body_bytes=50_000), jobs=jobs)
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with api.router.lifespan_context(api), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


async def submitted(client: httpx.AsyncClient, *prompts: str, **more: Any) -> Job:
    body = {"requests": [{"prompt": prompt} for prompt in prompts], **more}
    answer = await client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return Job.model_validate(answer.json())


async def until(client: httpx.AsyncClient, job: Job, holds: Callable[[Job], bool]) -> Job:
    for _ in range(200):
        job = Job.model_validate((await client.get(f"/v1/jobs/{job.id}")).json())
        if holds(job):
            return job
        await asyncio.sleep(0.05)
    pytest.fail(f"it did not come to that: {job}")


async def ended(client: httpx.AsyncClient, job: Job) -> Job:
    return await until(client, job, lambda job: job.ended_at is not None)


async def results(client: httpx.AsyncClient, job: Job, **params: int) -> list[JobResult]:
    answer = await client.get(f"/v1/jobs/{job.id}/results", params=params)
    assert answer.headers["content-type"].startswith("application/jsonl")
    return [JobResult.model_validate_json(line) for line in answer.text.splitlines()]


async def test_a_job_is_accepted_done_and_answered_line_by_line(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/jobs", json={"requests": [{"prompt": p} for p in "abc"]})
    assert answer.status_code == 202
    job = Job.model_validate(answer.json())
    assert answer.headers["location"] == f"/v1/jobs/{job.id}"
    job = await ended(client, job)
    assert (job.status, job.counts.done) == ("done", 3)
    assert job.kept_until is not None
    lines = await results(client, job)
    assert [line.index for line in lines] == [0, 1, 2]
    assert all(line.response is not None for line in lines)
    assert [line.index for line in await results(client, job, after=1)] == [2]
    listed = (await client.get("/v1/jobs", params={"limit": 1})).json()["jobs"]
    assert [one["id"] for one in listed] == [job.id]


@pytest.mark.parametrize(
    ("error", "status", "attempts"),
    [
        (errors.NoFunction("It asks for a poem."), 422, 1),
        (errors.OutputInvalid("no IR"), 502, 1),
        (errors.EngineUnavailable("no replica"), 503, 2),
        (RuntimeError("the secret is 42"), 500, 2),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_an_item_that_fails_ends_with_its_problem_and_the_others_go_on(
    client: httpx.AsyncClient, backend: Backend, error: Exception, status: int, attempts: int
) -> None:
    backend.failures["bad"] = [error] * 9
    job = await ended(client, await submitted(client, "bad", "good"))
    assert (job.status, job.counts.done, job.counts.failed) == ("done", 1, 1)
    bad, good = await results(client, job)
    assert bad.problem is not None
    assert bad.problem.status == status
    assert "42" not in bad.problem.detail
    assert good.response is not None
    assert backend.began.count("bad") == attempts


async def test_an_overload_is_waited_out(client: httpx.AsyncClient, backend: Backend) -> None:
    """As often as it takes: two attempts may fail here, and these do not count."""
    backend.failures["a"] = [errors.Overloaded("the queues are full")] * 3
    job = await ended(client, await submitted(client, "a"))
    assert job.counts.done == 1


@pytest.mark.parametrize("unknown", [False, True])
async def test_nothing_is_begun_while_a_part_is_missing(
    client: httpx.AsyncClient, backend: Backend, unknown: bool
) -> None:
    backend.absent, backend.unknown = ("Engine",), unknown
    job = await submitted(client, "a")
    await asyncio.sleep(0.3)
    assert backend.began == []
    backend.absent, backend.unknown = (), False
    assert (await ended(client, job)).counts.done == 1


async def test_cancelling_stops_the_work(client: httpx.AsyncClient, backend: Backend) -> None:
    backend.gate.clear()
    job = await submitted(client, "a", "b", "c")
    await until(client, job, lambda job: job.counts.running == 2)
    answer = await client.delete(f"/v1/jobs/{job.id}")
    assert answer.json()["status"] == "cancelled"
    await asyncio.sleep(0.1)
    assert sorted(backend.cancelled) == ["a", "b"]
    assert sorted(backend.began) == ["a", "b"], "the third is not begun"
    assert await results(client, job) == []
    assert (await client.delete(f"/v1/jobs/{job.id}")).json() == answer.json()


async def test_another_ingress_stops_work_for_a_job_that_was_cancelled_here(
    client: httpx.AsyncClient, backend: Backend, jobs: Jobs
) -> None:
    backend.gate.clear()
    job = await submitted(client, "a")
    await until(client, job, lambda job: job.counts.running == 1)
    jobs.store.cancel("anonymous", job.id)
    await asyncio.sleep(0.6)
    assert backend.cancelled == ["a"]


async def test_what_is_in_work_when_an_ingress_stops_is_put_back(
    backend: Backend, jobs: Jobs, client: httpx.AsyncClient
) -> None:
    backend.gate.clear()
    api = make_api(Service(backend.lift, backend.script.validate, backend.missing), ApiSettings(), jobs=jobs)
    async with api.router.lifespan_context(api):
        job = await submitted(client, "a", "b", "c")
        await until(client, job, lambda job: job.counts.running == 3)
    backend.gate.set()
    job = await ended(client, job)
    assert job.counts.done == 3


REQUEST = {"prompt": "a"}
BAD: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 422, "body"),
    ("no JSON", b"{", 422, "body"),
    ("no requests", b"{}", 422, "requests"),
    ("none of them", b'{"requests": []}', 422, "requests"),
    ("one that is wrong", b'{"requests": [{"prompt": "a"}, {"prompt": ""}]}', 422, "requests.1.prompt"),
    ("more than a job may have", json.dumps({"requests": [REQUEST] * 4}).encode(), 422, "requests"),
    ("a huge body", b'{"requests": [{"prompt": "' + b"a" * 60_000, 413, "body"),
    ("an unknown field", b'{"requests": [{"prompt": "a"}], "hook": 1}', 422, "hook"),
    ("a webhook of another scheme", json.dumps({**TWO, "webhook": "ftp://a.example/"}).encode(), 422, "webhook"),
    ("a webhook that is too long", json.dumps({**TWO, "webhook": "https://a/" + "a" * 2_000}).encode(), 422, "webhook"),
    ("a webhook with a password", json.dumps({**TWO, "webhook": "https://u:p@a.example/"}).encode(), 422, "webhook"),
    ("a webhook on this machine", json.dumps({**TWO, "webhook": "http://127.0.0.1:1/"}).encode(), 422, "webhook"),
    ("a webhook on a cloud's own", json.dumps({**TWO, "webhook": "http://169.254.169.254/"}).encode(), 422, "webhook"),
    (
        "a webhook in IPv6 for IPv4",
        json.dumps({**TWO, "webhook": "http://[::ffff:10.0.0.1]/"}).encode(),
        422,
        "webhook",
    ),
]


@pytest.mark.parametrize(("body", "status", "field"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
async def test_a_bad_job_is_refused_by_the_name_of_its_field(
    client: httpx.AsyncClient, body: bytes, status: int, field: str
) -> None:
    answer = await client.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
    problem = is_problem(answer, status)
    assert field in [error["field"] for error in problem["errors"]]
    assert (await client.get("/v1/jobs")).json() == {"jobs": []}


async def test_more_than_may_wait_is_a_429(client: httpx.AsyncClient, backend: Backend) -> None:
    backend.absent = ("Engine",)
    await submitted(client, "a", "b", "c")
    answer = await client.post("/v1/jobs", json=TWO)
    assert "3 items wait already" in is_problem(answer, 429)["detail"]
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/jobs/" + "0" * 32, 404),
        ("GET", "/v1/jobs/nothing/results", 404),
        ("DELETE", "/v1/jobs/nothing", 404),
        ("GET", "/v1/jobs/" + "a" * 100, 422),
        ("GET", "/v1/jobs?limit=0", 422),
        ("GET", "/v1/jobs?limit=1000", 422),
        ("GET", "/v1/jobs?before=nothing", 404),
        ("PUT", "/v1/jobs", 405),
    ],
)
async def test_what_is_not_there_is_a_problem(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    is_problem(await client.request(method, path), status)


async def test_a_job_whose_time_is_over_is_gone(client: httpx.AsyncClient, jobs: Jobs) -> None:
    job = await ended(client, await submitted(client, "a"))
    keep_s = jobs.settings.keep_s
    engine = connect(str(jobs.settings.database))
    SqlJobs(engine, Terms(keep_s=keep_s), lambda: time.time() + keep_s + 1).sweep()
    engine.dispose()
    for path in (f"/v1/jobs/{job.id}", f"/v1/jobs/{job.id}/results"):
        is_problem(await client.get(path), 410)


@pytest.mark.parametrize("path", ["/v1/lift", "/v1/jobs"])
async def test_a_request_that_is_sent_again_is_answered_as_the_first_time(
    client: httpx.AsyncClient, backend: Backend, path: str
) -> None:
    body = TWO if path == "/v1/jobs" else REQUEST
    first, second, quoted = [
        await client.post(path, json=body, headers={"idempotency-key": key}) for key in ("k", "k", '"k"')
    ]
    assert first.status_code in (200, 202)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.content == quoted.content, "with the quotes of a structured field it is the same key"
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert first.headers.get("location") == second.headers.get("location")
    if path == "/v1/jobs":
        assert len((await client.get("/v1/jobs")).json()["jobs"]) == 1
    else:
        assert backend.began == ["a"]


async def test_a_key_of_another_request_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "k"}
    await client.post("/v1/lift", json=REQUEST, headers=headers)
    for path, body in (("/v1/lift", {"prompt": "other"}), ("/v1/jobs", TWO)):
        problem = is_problem(await client.post(path, json=body, headers=headers), 422)
        assert "Idempotency-Key" in problem["detail"]


async def test_a_key_whose_request_is_at_work_is_a_409_even_beyond_its_lease(
    client: httpx.AsyncClient, backend: Backend
) -> None:
    backend.gate.clear()
    headers = {"idempotency-key": "k"}
    first = asyncio.create_task(client.post("/v1/lift", json=REQUEST, headers=headers))
    await asyncio.sleep(1.4)
    answer = await client.post("/v1/lift", json=REQUEST, headers=headers)
    is_problem(answer, 409)
    assert int(answer.headers["retry-after"]) > 0
    backend.gate.set()
    assert (await first).status_code == 200
    assert (await client.post("/v1/lift", json=REQUEST, headers=headers)).content == (await first).content


async def test_a_failure_that_may_pass_frees_the_key_and_a_final_one_is_kept(
    client: httpx.AsyncClient, backend: Backend
) -> None:
    backend.failures = {"a": [errors.Overloaded("full")], "poem": [errors.NoFunction("a poem")]}
    seen = {
        prompt: [
            (await client.post("/v1/lift", json={"prompt": prompt}, headers={"idempotency-key": prompt})).status_code
            for _ in range(2)
        ]
        for prompt in ("a", "poem")
    }
    assert seen == {"a": [429, 200], "poem": [422, 422]}
    assert backend.began == ["a", "a", "poem"]


async def test_an_answer_that_cannot_be_kept_is_none_and_the_request_can_be_sent_again(
    client: httpx.AsyncClient, backend: Backend, tmp_path: Path
) -> None:
    backend.gate.clear()
    headers = {"idempotency-key": "k"}
    first = asyncio.create_task(client.post("/v1/lift", json=REQUEST, headers=headers))
    await asyncio.sleep(0.2)
    with contextlib.closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as database:
        database.execute("CREATE TRIGGER no_room BEFORE UPDATE ON lift_keys BEGIN SELECT RAISE(ABORT, 'full'); END")
        backend.gate.set()
        is_problem(await first, 503)
        database.execute("DROP TRIGGER no_room")
    await asyncio.sleep(1.1)
    assert (await client.post("/v1/lift", json=REQUEST, headers=headers)).status_code == 200, "beyond the lease"


async def test_a_client_that_hangs_up_frees_the_key(client: httpx.AsyncClient, backend: Backend) -> None:
    backend.gate.clear()
    headers = {"idempotency-key": "k"}
    first = asyncio.create_task(client.post("/v1/lift", json=REQUEST, headers=headers))
    await asyncio.sleep(0.2)
    first.cancel()
    await asyncio.wait({first})
    backend.gate.set()
    assert (await client.post("/v1/lift", json=REQUEST, headers=headers)).status_code == 200


async def test_a_client_that_hangs_up_while_its_key_is_written_down_frees_it(
    client: httpx.AsyncClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, gone = threading.Event(), threading.Event()
    reserve = jobs.keys.reserve

    def slow_disk(*args: Any) -> Any:
        reserved = reserve(*args)
        written.set()
        assert gone.wait(10)
        return reserved

    headers = {"idempotency-key": "k"}
    with monkeypatch.context() as patch:
        patch.setattr(jobs.keys, "reserve", slow_disk)
        first = asyncio.create_task(client.post("/v1/lift", json=REQUEST, headers=headers))
        assert await asyncio.to_thread(written.wait, 10)
        first.cancel()
        await asyncio.sleep(0)
        gone.set()
        await asyncio.wait({first})
    assert first.cancelled()
    assert (await client.post("/v1/lift", json=REQUEST, headers=headers)).status_code == 200


@pytest.mark.parametrize("keys", [[""], ["a" * 256], ["a b"], ['"'], ["ä".encode()], ["a", "b"]])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, backend: Backend, keys: list[Any]) -> None:
    headers = [("idempotency-key", key) for key in keys]
    answer = await client.post("/v1/lift", json=REQUEST, headers=headers)
    assert "Idempotency-Key" in is_problem(answer, 400)["detail"]
    assert backend.began == []


async def test_the_description_tells_of_jobs_and_keys(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/results"} <= set(paths)
    for path in ("/v1/lift", "/v1/jobs"):
        assert "Idempotency-Key" in [one["name"] for one in paths[path]["post"]["parameters"]]


async def test_a_database_that_is_away_is_a_503_and_what_was_accepted_is_done_later(
    client: httpx.AsyncClient, jobs: Jobs, tmp_path: Path, backend: Backend
) -> None:
    backend.absent = ("Engine",)
    job = await submitted(client, "a")
    file = tmp_path / "jobs.sqlite"
    jobs.store._engine.dispose()
    away = file.rename(tmp_path / "away.sqlite")
    file.mkdir()
    is_problem(await client.get(f"/v1/jobs/{job.id}"), 503)
    backend.absent = ()
    file.rmdir()
    away.rename(file)
    assert (await ended(client, job)).counts.done == 1
