"""What an ingress tells of streams and of items of jobs, from real ones."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.api.streams import Stream, Streams
from deployments.jobs.service import Jobs
from deployments.jobs.store import NewJob
from deployments.kept import watch_kept
from deployments.metrics import Metric
from deployments.settings import JobsSettings
from lift_sys.pipeline import Watch
from schemas import LiftResponse, Problem

pytestmark = pytest.mark.anyio


async def test_streams_and_items_are_told_by_their_state(tmp_path: Path) -> None:
    told: dict[str, float] = {}

    def tell(metric: Metric, amount: float, /, **labels: str) -> None:
        metric.check(labels)
        told[f"{metric.name} {labels['state']}"] = amount

    streams = Streams(kept_s=60, most=9)
    for index, work in enumerate((fails, waits, waits)):
        streams.add("ann", str(index), Stream(work, lambda error: Problem(title="no", status=500, detail="no")))
    jobs = Jobs(JobsSettings(database=str(tmp_path / "jobs.sqlite")), {})
    jobs.store.accept(NewJob("a", "ann", ["{}", "{}", "{}"], None))
    jobs.store.take("lift", 1)
    watching = asyncio.create_task(watch_kept(streams, jobs, tell))
    await until(lambda: "lift_job_items queued" in told)
    watching.cancel()
    assert told == {
        "lift_streams working": 2,
        "lift_streams ended": 1,
        "lift_job_items queued": 2,
        "lift_job_items running": 1,
    }
    for index in range(3):
        streams.cancel("ann", str(index))


async def fails(watch: Watch) -> LiftResponse:
    raise RuntimeError("at once")


async def waits(watch: Watch) -> LiftResponse:
    await asyncio.sleep(60)
    raise AssertionError("it is cancelled before")


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)
