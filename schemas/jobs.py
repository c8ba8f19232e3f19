"""Work that is accepted now and done later."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from schemas.api import LiftRequest, LiftResponse, Problem
from schemas.wire import Wire

MOST_ITEMS = 10_000
JobId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Url = Annotated[str, Field(max_length=2_000, pattern="^https?://[^\\s]+$")]


class JobRequest(Wire):
    requests: Annotated[tuple[LiftRequest, ...], Field(min_length=1, max_length=MOST_ITEMS)]
    webhook: Url | None = None
    """Told when the job has ended, signed as https://www.standardwebhooks.com says."""


class JobCounts(Wire):
    queued: int = 0
    running: int = 0
    done: int = 0
    """Answered, with whatever verdict."""
    failed: int = 0
    """Ended with a problem."""
    cancelled: int = 0
    """Ended by the client before they were done. They have no result."""


class Job(Wire):
    id: JobId
    status: Literal["queued", "running", "done", "cancelled"]
    """`done`: every item was answered or has failed. `cancelled`: not all were, and none will be any more."""
    counts: JobCounts
    made_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    kept_until: AwareDatetime | None = None
    """When the results of a job that has ended are forgotten."""
    webhook: Literal["waiting", "told", "failed"] | None = None
    """Null where nobody is to be told. `failed`: the address did not take it, at every attempt."""


class JobList(Wire):
    jobs: tuple[Job, ...]
    """The newest first."""


class JobResult(Wire):
    """One line of the results: an answer, or why there is none."""

    index: int
    """Of the request in the job, from 0."""
    response: LiftResponse | None = None
    problem: Problem | None = None


class JobEnded(Wire):
    """What a webhook is told."""

    type: Literal["job.ended"] = "job.ended"
    timestamp: AwareDatetime
    data: Job
