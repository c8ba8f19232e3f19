"""Jobs in a database. Every method is one transaction; what must not happen twice is a compare-and-set in it."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, or_, select, update

from deployments.jobs.database import jobs, keys, reading, work
from deployments.jobs.store import Kind, NewJob, Taken
from lift_sys.errors import JobExpired, JobUnknown, Overloaded
from schemas.jobs import Job, JobCounts

Clock = Callable[[], float]

_OPEN = work.c.state.in_(("queued", "running"))
_ITEMS = work.c.kind == "lift"
_WEBHOOK = {"done": "told", "failed": "failed"}


@dataclass(frozen=True)
class Terms:
    lease_s: float = 30.0
    keep_s: float = 604_800.0
    most_queued: int = 100_000


class SqlJobs:
    """A JobStore. `clock` gives seconds since 1970."""

    def __init__(self, engine: Engine, terms: Terms, clock: Clock = time.time) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._terms = terms
        self._clock = clock

    def load(self) -> dict[str, int]:
        """Items of all jobs that wait, and that are in work."""
        states = ("queued", "running")
        counted = select(work.c.state, func.count()).where(_ITEMS, work.c.state.in_(states)).group_by(work.c.state)
        with self._reading.begin() as connection:
            found = {str(state): int(count) for state, count in connection.execute(counted)}
        return dict.fromkeys(states, 0) | found

    def accept(self, job: NewJob) -> bool:
        with self._engine.begin() as connection:
            if connection.scalar(select(jobs.c.id).where(jobs.c.id == job.id)):
                return False
            waiting = connection.scalar(select(func.count()).where(_ITEMS, work.c.state == "queued")) or 0
            if waiting + len(job.items) > self._terms.most_queued:
                raise Overloaded(f"{waiting} items wait already; {self._terms.most_queued} may")
            now = self._clock()
            made = {"id": job.id, "owner": job.owner, "made_at": now, "webhook": job.webhook}
            connection.execute(insert(jobs), made)
            connection.execute(
                insert(work),
                [
                    {"job_id": job.id, "kind": "lift", "item": index, "body": body, "due_at": now}
                    for index, body in enumerate(job.items)
                ],
            )
        return True

    def job(self, owner: str, job_id: str) -> Job:
        with self._reading.begin() as connection:
            return self._job(connection, owner, job_id)

    def jobs(self, owner: str, limit: int, before: str | None = None) -> tuple[Job, ...]:
        newest = select(jobs).where(jobs.c.owner == owner, ~jobs.c.expired)
        with self._reading.begin() as connection:
            if before is not None:
                last = self._row(connection, owner, before)
                newest = newest.where(
                    or_(jobs.c.made_at < last.made_at, and_(jobs.c.made_at == last.made_at, jobs.c.id < last.id))
                )
            found = connection.execute(newest.order_by(jobs.c.made_at.desc(), jobs.c.id.desc()).limit(limit)).all()
            return self._told(connection, found)

    def results(self, job_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        ended = select(work.c.item, work.c.result).where(
            work.c.job_id == job_id, _ITEMS, work.c.item > after, work.c.result.is_not(None)
        )
        with self._reading.begin() as connection:
            return [(row.item, row.result) for row in connection.execute(ended.order_by(work.c.item).limit(limit))]

    def cancel(self, owner: str, job_id: str) -> Job:
        with self._engine.begin() as connection:
            row = self._row(connection, owner, job_id, lock=True)
            if row.ended_at is None:
                undone = update(work).where(work.c.job_id == job_id, _ITEMS, _OPEN)
                connection.execute(undone.values(state="cancelled", lease=None))
                self._end(connection, row, cancelled=True)
            return self._job(connection, owner, job_id)

    def take(self, kind: Kind, most: int) -> list[Taken]:
        now = self._clock()
        free = (
            select(work, jobs.c.owner)
            .join(jobs, jobs.c.id == work.c.job_id)
            .where(work.c.kind == kind, _OPEN, work.c.due_at <= now)
            .order_by(work.c.due_at, work.c.job_id, work.c.item)
            .limit(most)
            .with_for_update(skip_locked=True, of=work)
        )
        with self._engine.begin() as connection:
            return [self._lease(connection, row, now) for row in connection.execute(free).all()]

    def _lease(self, connection: Connection, row: Any, now: float) -> Taken:
        lease = uuid.uuid4().hex
        at = update(work).where(work.c.job_id == row.job_id, work.c.kind == row.kind, work.c.item == row.item)
        attempt = row.attempts + 1
        until = now + self._terms.lease_s
        connection.execute(at.values(state="running", lease=lease, attempts=attempt, due_at=until))
        return Taken(lease, row.job_id, row.owner, row.item, row.body, attempt)

    def renew(self, leases: Sequence[str]) -> set[str]:
        held = work.c.lease.in_(leases)
        with self._engine.begin() as connection:
            connection.execute(update(work).where(held).values(due_at=self._clock() + self._terms.lease_s))
            return set(connection.scalars(select(work.c.lease).where(held)))

    def finish(self, lease: str, result: str, *, ok: bool) -> bool:
        with self._engine.begin() as connection:
            # The job first: of two last items at once, one must see that the other is done.
            held = select(work.c.job_id).where(work.c.lease == lease).scalar_subquery()
            row = connection.execute(select(jobs).where(jobs.c.id == held).with_for_update()).one_or_none()
            ended = {"state": "done" if ok else "failed", "lease": None, "result": result}
            written = connection.execute(update(work).where(work.c.lease == lease).values(ended)).rowcount
            if row is None or not written:
                return False
            if not connection.scalar(select(func.count()).where(work.c.job_id == row.id, _ITEMS, _OPEN)):
                self._end(connection, row)
        return True

    def put_back(self, lease: str, wait_s: float, *, counts: bool) -> bool:
        attempts = work.c.attempts if counts else work.c.attempts - 1
        back = {"state": "queued", "lease": None, "due_at": self._clock() + wait_s, "attempts": attempts}
        with self._engine.begin() as connection:
            return connection.execute(update(work).where(work.c.lease == lease).values(back)).rowcount == 1

    def sweep(self) -> None:
        """Results go after `keep_s`; that there was such a job is known for as long again."""
        now, keep_s = self._clock(), self._terms.keep_s
        old = select(jobs.c.id).where(jobs.c.ended_at < now - keep_s, ~jobs.c.expired)
        with self._engine.begin() as connection:
            connection.execute(delete(work).where(work.c.job_id.in_(old)))
            connection.execute(update(jobs).where(jobs.c.id.in_(old)).values(expired=True))
            connection.execute(delete(jobs).where(jobs.c.expired, jobs.c.ended_at < now - 2 * keep_s))
            connection.execute(delete(keys).where(keys.c.kept_until < now, keys.c.lease_until < now))

    def _end(self, connection: Connection, row: Any, *, cancelled: bool = False) -> None:
        """Needs the job's row to be locked. Whoever is to be told of the end is told once: it ends only once."""
        now = self._clock()
        open_still = and_(jobs.c.id == row.id, jobs.c.ended_at.is_(None))
        ended = connection.execute(update(jobs).where(open_still).values(ended_at=now, cancelled=cancelled)).rowcount
        if ended and row.webhook:
            told = {"job_id": row.id, "kind": "webhook", "item": 0, "body": row.webhook, "due_at": now}
            connection.execute(insert(work), told)

    def _row(self, connection: Connection, owner: str, job_id: str, *, lock: bool = False) -> Any:
        wanted = select(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner)
        row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
        if row is None:
            raise JobUnknown(f"there is no job {job_id!r} of yours")
        if row.expired:
            raise JobExpired(f"the results of job {job_id!r} were kept for {self._terms.keep_s:g} s after its end")
        return row

    def _job(self, connection: Connection, owner: str, job_id: str) -> Job:
        return self._told(connection, [self._row(connection, owner, job_id)])[0]

    def _told(self, connection: Connection, rows: Sequence[Any]) -> tuple[Job, ...]:
        ours: ColumnElement[bool] = work.c.job_id.in_([row.id for row in rows])
        counted = select(work.c.job_id, work.c.kind, work.c.state, func.count()).where(ours)
        counts: dict[str, dict[str, int]] = {row.id: {} for row in rows}
        webhooks: dict[str, str] = {}
        for job_id, kind, state, number in connection.execute(
            counted.group_by(work.c.job_id, work.c.kind, work.c.state)
        ):
            if kind == "webhook":
                webhooks[job_id] = state
            else:
                counts[job_id][state] = number
        return tuple(self._shown(row, JobCounts(**counts[row.id]), webhooks.get(row.id, "")) for row in rows)

    def _shown(self, row: Any, counts: JobCounts, webhook: str) -> Job:
        begun = counts.running or counts.done or counts.failed
        open_as = "running" if begun else "queued"
        ended_as = "cancelled" if row.cancelled else "done"
        return Job.model_validate(
            {
                "id": row.id,
                "status": open_as if row.ended_at is None else ended_as,
                "counts": counts,
                "made_at": _when(row.made_at),
                "ended_at": None if row.ended_at is None else _when(row.ended_at),
                "kept_until": None if row.ended_at is None else _when(row.ended_at + self._terms.keep_s),
                "webhook": _WEBHOOK.get(webhook, "waiting") if row.webhook else None,
            }
        )


def _when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
