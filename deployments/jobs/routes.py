"""`/v1/jobs`: many requests at once, answered later."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from deployments.jobs.address import AddressRefused, parse
from deployments.jobs.attempt import Doer
from deployments.jobs.idempotency import idempotent, nonce_of
from deployments.jobs.service import Jobs
from deployments.jobs.store import NewJob
from deployments.jobs.stored import stored
from deployments.security.audit_log import audit
from deployments.security.callers import current_caller
from lift_sys.errors import SpecificationInvalid
from schemas import Job, JobList, JobRequest, JobResult, Problem

_PAGE = 100
_JSONL = "application/jsonl"
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 404, 409, 410, 422, 429, 503)
}
"""Those of these routes, and those of idempotency keys."""
Id = Annotated[str, Path(max_length=64)]


def add_jobs(api: FastAPI, jobs: Jobs, lifting: Doer) -> None:
    """The routes, the workers behind them, and idempotency keys for every POST that is added from here on."""
    api.router.route_class = idempotent(jobs.keys, jobs.settings.lease_s)

    def working(app: FastAPI) -> AbstractAsyncContextManager[None]:
        return jobs.working(lifting)

    api.include_router(_router(jobs, working))


def _router(jobs: Jobs, working: Any) -> APIRouter:
    router = APIRouter(
        prefix="/v1/jobs",
        lifespan=working,
        responses=_ERRORS,
        route_class=idempotent(jobs.keys, jobs.settings.lease_s),
    )

    @router.post("", status_code=202)
    async def submit(body: JobRequest, request: Request, response: Response) -> Job:
        """Accept the requests. They are kept from now on, and done by whichever ingress has room."""
        _check(jobs, body)
        items = [one.model_dump_json(exclude_defaults=True) for one in body.requests]
        # A second attempt with the same idempotency key makes the same job.
        new = NewJob(nonce_of(request) or uuid.uuid4().hex, current_caller().name, items, body.webhook)
        await stored(jobs.store.accept, new)
        audit("job.accepted", new.id)
        jobs.wake()
        response.headers["location"] = f"/v1/jobs/{new.id}"
        return await stored(jobs.store.job, new.owner, new.id)

    @router.get("")
    async def listed(
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        before: Annotated[str | None, Query(max_length=64)] = None,
    ) -> JobList:
        """Your jobs, the newest first; `before` names the last one that you have seen."""
        return JobList(jobs=await stored(jobs.store.jobs, current_caller().name, limit, before))

    @router.get("/{job_id}")
    async def job(job_id: Id) -> Job:
        return await stored(jobs.store.job, current_caller().name, job_id)

    @router.get("/{job_id}/results", response_class=StreamingResponse, responses=_lines())
    async def results(job_id: Id, after: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1) -> StreamingResponse:
        """What is there by now, by the index of the request; `after` skips until behind an index."""
        await stored(jobs.store.job, current_caller().name, job_id)
        return StreamingResponse(_results(jobs, job_id, after), media_type=_JSONL)

    @router.delete("/{job_id}")
    async def cancel(job_id: Id) -> Job:
        """Stop what is not done yet. What is done stays; a job that has ended stays as it is."""
        cancelled = await stored(jobs.store.cancel, current_caller().name, job_id)
        jobs.drop(job_id)
        return cancelled

    return router


def _lines() -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": "One JobResult a line.", "content": {_JSONL: {"schema": JobResult.model_json_schema()}}}
    }


async def _results(jobs: Jobs, job_id: str, after: int) -> AsyncIterator[str]:
    while page := await stored(jobs.store.results, job_id, after, _PAGE):
        for _, line in page:
            yield f"{line}\n"
        after = page[-1][0]


def _check(jobs: Jobs, body: JobRequest) -> None:
    most = jobs.settings.most_items
    if len(body.requests) > most:
        raise SpecificationInvalid("requests", f"{len(body.requests)} of them; a job has at most {most}")
    if body.webhook is None:
        return
    if not jobs.signers:
        raise SpecificationInvalid("webhook", "this deployment has no secret to sign one with, and sends none")
    try:
        parse(body.webhook, private=jobs.settings.webhook_private)
    except AddressRefused as error:
        raise SpecificationInvalid("webhook", str(error)) from None
