"""The store under faults, against a model of it: nothing accepted is lost, and no result is written twice.

Workers die with their leases, leases run out, results come late and double, and any statement may be the last that a
process sends.
"""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, event

from deployments.jobs.database import MEMORY, connect
from deployments.jobs.sql_jobs import SqlJobs, Terms
from deployments.jobs.store import NewJob
from lift_sys.errors import Overloaded

pytestmark = pytest.mark.slow

LEASE_S = 10.0
MOST_QUEUED = 12


class Died(BaseException):
    """The process is gone."""


class Death:
    """Comes before the statement that it is set to, as often as it is set."""

    def __init__(self, engine: Engine) -> None:
        self.after: int | None = None
        event.listen(engine, "before_cursor_execute", self._statement)

    def _statement(self, *told: object) -> None:
        if self.after is not None:
            self.after -= 1
            if self.after < 0:
                self.after = None
                raise Died


class Faults(RuleBasedStateMachine):
    leases = Bundle("leases")
    """Of workers that live, and of those that are dead and will say something all the same."""

    @initialize()
    def begin(self) -> None:
        self.now = 1_000_000.0
        self.engine = connect(MEMORY)
        self.death = Death(self.engine)
        self.store = SqlJobs(self.engine, Terms(LEASE_S, 1e9, MOST_QUEUED), lambda: self.now)
        self.accepted: dict[str, int] = {}
        self.cancelled: set[str] = set()
        self.results: dict[tuple[str, int], str] = {}
        self.written = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self._finish_all()
            self.engine.dispose()

    @rule(
        items=strategies.integers(1, 4), hook=strategies.booleans(), death=strategies.none() | strategies.integers(0, 6)
    )
    def accept(self, items: int, hook: bool, death: int | None) -> None:
        job = NewJob(f"{len(self.accepted):032x}", "ann", ["{}"] * items, "https://a.example/" if hook else None)
        with suppress(Overloaded):
            if self._lives(death, self.store.accept, job):
                self.accepted[job.id] = items

    @rule(target=leases, most=strategies.integers(1, 3), death=strategies.none() | strategies.integers(0, 6))
    def take(self, most: int, death: int | None) -> Any:
        taken = self._lives(death, self.store.take, "lift", most) or []
        for one in taken:
            assert (one.job_id, one.index) not in self.results, "what is done is done again"
            assert one.job_id not in self.cancelled
        return multiple(*taken)

    @rule(taken=leases, ok=strategies.booleans(), death=strategies.none() | strategies.integers(0, 6))
    def finish(self, taken: Any, ok: bool, death: int | None) -> None:
        """Also twice, also long after the lease ran out."""
        self.written += 1
        result = f'"{self.written}"'
        if self._lives(death, lambda: self.store.finish(taken.lease, result, ok=ok)):
            assert (taken.job_id, taken.index) not in self.results, "a second result was written"
            assert taken.job_id not in self.cancelled
            self.results[taken.job_id, taken.index] = result

    @rule(taken=leases, wait_s=strategies.sampled_from([0.0, 5.0]), counts=strategies.booleans())
    def put_back(self, taken: Any, wait_s: float, counts: bool) -> None:
        self.store.put_back(taken.lease, wait_s, counts=counts)

    @rule(taken=leases)
    def renew(self, taken: Any) -> None:
        self.store.renew([taken.lease])

    @rule(taken=consumes(leases))
    def die(self, taken: Any) -> None:
        """And never be heard of again."""

    @rule(seconds=strategies.sampled_from([1.0, LEASE_S + 1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(which=strategies.integers(0, 20), death=strategies.none() | strategies.integers(0, 6))
    def cancel(self, which: int, death: int | None) -> None:
        if self.accepted:
            job_id = list(self.accepted)[which % len(self.accepted)]
            told = self._lives(death, self.store.cancel, "ann", job_id)
            if told and told.status == "cancelled":
                self.cancelled.add(job_id)

    @invariant()
    def the_client_sees_what_was_written_first(self) -> None:
        for job_id, items in self.accepted.items():
            seen = self.store.results(job_id, -1, 100)
            assert seen == [(i, self.results[job_id, i]) for i in range(items) if (job_id, i) in self.results]

    @invariant()
    def every_accepted_item_is_counted_once(self) -> None:
        for job_id, items in self.accepted.items():
            job = self.store.job("ann", job_id)
            assert sum(job.counts.model_dump().values()) == items
            undone = job.counts.queued + job.counts.running
            assert (job.ended_at is None) == (undone > 0)

    def _lives(self, death: int | None, call: Any, *args: Any) -> Any:
        """What the call returns; None where the process died in it, and the transaction with it."""
        self.death.after = death
        try:
            return call(*args)
        except Died:
            return None
        finally:
            self.death.after = None

    def _finish_all(self) -> None:
        """A worker that lives does all that is left, and then every job has ended and was told of once."""
        for _ in range(3):
            self.now += LEASE_S + 1
            for taken in self.store.take("lift", 100):
                self.finish(taken, ok=True, death=None)
        for job_id, items in self.accepted.items():
            assert self.store.job("ann", job_id).ended_at is not None
            if job_id not in self.cancelled:
                assert len(self.store.results(job_id, -1, 100)) == items


def test_nothing_is_lost_and_nothing_done_twice() -> None:
    run_state_machine_as_test(
        Faults,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
