"""The store on SQLite and on Postgres: what it accepts it keeps, and the first result stands."""

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deployments.jobs.database import connect
from deployments.jobs.sql_jobs import SqlJobs, Terms
from deployments.jobs.sql_keys import SqlKeys
from deployments.jobs.store import Answer, NewJob, Reserved
from lift_sys.errors import JobExpired, JobUnknown, KeyBusy, KeyReused, Overloaded

pytestmark = pytest.mark.slow

LEASE_S = 10.0
KEEP_S = 1_000.0
_IDS = count(1)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def job_id() -> str:
    return f"{next(_IDS):032x}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = connect(database)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> SqlJobs:
    return SqlJobs(engine, Terms(LEASE_S, KEEP_S, most_queued=10), clock)


@pytest.fixture
def keys(engine: Engine, clock: Clock) -> SqlKeys:
    return SqlKeys(engine, LEASE_S, KEEP_S, clock)


def accepted(store: SqlJobs, items: int = 1, owner: str = "ann", webhook: str | None = None) -> str:
    job = NewJob(job_id(), owner, [f'{{"prompt":"{n}"}}' for n in range(items)], webhook)
    assert store.accept(job)
    return job.id


def test_items_are_taken_once_in_the_order_in_which_they_came(store: SqlJobs, clock: Clock) -> None:
    first = accepted(store, 2)
    clock.now += 1
    second = accepted(store, 1)
    taken = store.take("lift", 2) + store.take("lift", 5)
    assert [(one.job_id, one.index, one.owner, one.attempt) for one in taken] == [
        (first, 0, "ann", 1),
        (first, 1, "ann", 1),
        (second, 0, "ann", 1),
    ]
    assert len({one.lease for one in taken}) == 3


def test_a_lease_that_is_not_renewed_runs_out_and_its_result_comes_too_late(store: SqlJobs, clock: Clock) -> None:
    job = accepted(store)
    [dead] = store.take("lift", 1)
    clock.now += LEASE_S - 1
    assert store.renew([dead.lease]) == {dead.lease}
    clock.now += LEASE_S - 1
    assert store.take("lift", 1) == []
    clock.now += 2
    [alive] = store.take("lift", 1)
    assert alive.attempt == 2
    assert store.renew([dead.lease, alive.lease]) == {alive.lease}
    assert not store.finish(dead.lease, '"late"', ok=True)
    assert store.finish(alive.lease, '"in time"', ok=True)
    assert not store.finish(alive.lease, '"again"', ok=True)
    assert store.results(job, -1, 10) == [(0, '"in time"')]


def test_a_result_whose_lease_ran_out_stands_if_nobody_else_began(store: SqlJobs, clock: Clock) -> None:
    job = accepted(store)
    [slow] = store.take("lift", 1)
    clock.now += 2 * LEASE_S
    assert store.finish(slow.lease, '"slow"', ok=True)
    assert store.take("lift", 1) == []
    assert store.job("ann", job).status == "done"


@pytest.mark.parametrize(("counts", "attempt"), [(True, 2), (False, 1)])
def test_what_is_put_back_waits_its_time(store: SqlJobs, clock: Clock, counts: bool, attempt: int) -> None:
    accepted(store)
    [taken] = store.take("lift", 1)
    assert store.put_back(taken.lease, 5.0, counts=counts)
    assert store.take("lift", 1) == []
    clock.now += 6
    assert [one.attempt for one in store.take("lift", 1)] == [attempt]
    assert not store.put_back(taken.lease, 0.0, counts=True), "that lease is no more"


def test_the_counts_add_up_at_every_moment(store: SqlJobs) -> None:
    job = accepted(store, 4)
    a, b = store.take("lift", 2)
    store.finish(a.lease, "{}", ok=True)
    store.finish(b.lease, "{}", ok=False)
    store.take("lift", 1)
    told = store.job("ann", job)
    assert told.counts.model_dump() == {"queued": 1, "running": 1, "done": 1, "failed": 1, "cancelled": 0}
    assert told.status == "running"
    assert told.ended_at is None


def test_cancelling_ends_what_is_not_done_and_keeps_what_is(store: SqlJobs) -> None:
    job = accepted(store, 3)
    done, running = store.take("lift", 2)
    store.finish(done.lease, '"kept"', ok=True)
    told = store.cancel("ann", job)
    assert told.status == "cancelled"
    assert told.counts.model_dump() == {"queued": 0, "running": 0, "done": 1, "failed": 0, "cancelled": 2}
    assert store.renew([running.lease]) == set()
    assert not store.finish(running.lease, '"no"', ok=True)
    assert not store.put_back(running.lease, 0, counts=False)
    assert store.take("lift", 5) == []
    assert store.results(job, -1, 10) == [(0, '"kept"')]
    assert store.cancel("ann", job) == told, "a second time changes nothing"


def test_a_job_that_is_done_cannot_be_cancelled(store: SqlJobs) -> None:
    job = accepted(store)
    store.finish(store.take("lift", 1)[0].lease, "{}", ok=True)
    assert store.cancel("ann", job).status == "done"


def test_the_end_is_told_once(store: SqlJobs, clock: Clock) -> None:
    job = accepted(store, 2, webhook="https://a.example/hook")
    a, b = store.take("lift", 2)
    store.finish(a.lease, "{}", ok=True)
    assert store.take("webhook", 5) == []
    store.finish(b.lease, "{}", ok=True)
    assert store.job("ann", job).webhook == "waiting"
    [told] = store.take("webhook", 5)
    assert (told.job_id, told.body) == (job, "https://a.example/hook")
    store.finish(told.lease, "", ok=True)
    assert store.job("ann", job).webhook == "told"
    clock.now += 10 * LEASE_S
    assert store.take("webhook", 5) == []
    assert store.job("ann", job).counts.done == 2, "to tell is no item of the job"


def test_the_last_two_items_at_once_end_the_job(engine: Engine) -> None:
    """Each in a transaction of its own: one of them has to see that the other is done."""
    store = SqlJobs(engine, Terms(most_queued=1_000))
    ids = [accepted(store, 2, webhook="https://a.example/") for _ in range(10)]
    with ThreadPoolExecutor(8) as pool:
        leases = [one.lease for one in store.take("lift", 100)]
        assert all(pool.map(lambda lease: store.finish(lease, "{}", ok=True), leases))
    assert {store.job("ann", job).status for job in ids} == {"done"}
    assert len(store.take("webhook", 100)) == len(ids)


def test_no_two_takers_get_the_same(engine: Engine) -> None:
    store = SqlJobs(engine, Terms(most_queued=1_000))
    accepted(store, 60)
    with ThreadPoolExecutor(3) as pool:
        taken = list(pool.map(lambda _: store.take("lift", 4), range(15)))
    while more := store.take("lift", 4):
        taken.append(more)
    assert sorted(one.index for some in taken for one in some) == list(range(60))


def test_more_than_may_wait_is_refused_whole(store: SqlJobs) -> None:
    accepted(store, 8)
    with pytest.raises(Overloaded, match="8 items wait already; 10 may"):
        accepted(store, 3)
    accepted(store, 2)
    assert len(store.jobs("ann", 10)) == 2


def test_a_job_of_the_same_id_is_accepted_once(store: SqlJobs) -> None:
    job = NewJob(job_id(), "ann", ["{}"] * 6)
    assert store.accept(job)
    assert not store.accept(job), "although there is no more room for six"
    assert len(store.take("lift", 20)) == 6


def test_a_job_is_its_owners_only(store: SqlJobs) -> None:
    job = accepted(store, owner="ann")
    for ask in (store.job, store.cancel):
        with pytest.raises(JobUnknown, match=job):
            ask("bob", job)
    assert store.jobs("bob", 10) == ()
    with pytest.raises(JobUnknown):
        store.jobs("bob", 10, before=job)


def test_jobs_are_listed_from_the_newest_page_by_page(store: SqlJobs, clock: Clock) -> None:
    made = []
    for step in (1, 0, 1, 1):
        clock.now += step
        made.append(accepted(store))
    first = store.jobs("ann", 3)
    rest = store.jobs("ann", 3, before=first[-1].id)
    assert [job.id for job in (*first, *rest)] == made[::-1]


def test_results_are_forgotten_after_their_time_and_then_the_job(store: SqlJobs, clock: Clock) -> None:
    job, running = accepted(store, webhook="https://a.example/"), accepted(store)
    store.finish(store.take("lift", 1)[0].lease, "{}", ok=True)
    clock.now += KEEP_S + 1
    store.sweep()
    with pytest.raises(JobExpired, match="1000 s"):
        store.job("ann", job)
    assert store.results(job, -1, 5) == []
    assert [one.id for one in store.jobs("ann", 5)] == [running]
    clock.now += KEEP_S
    store.sweep()
    with pytest.raises(JobUnknown):
        store.job("ann", job)
    assert store.job("ann", running).counts.queued == 1, "what has not ended stays"


def test_what_sqlite_has_accepted_is_on_the_disk(tmp_path: Path) -> None:
    engine = connect(str(tmp_path / "a folder" / "jobs.sqlite"))
    with engine.begin() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2, "FULL"
    engine.dispose()
    assert stat.S_IMODE((tmp_path / "a folder").stat().st_mode) == 0o700, "prompts are nobody else's to read"


ANSWER = Answer(200, {"content-type": "application/json"}, b'{"a": 1}')


def reserved(keys: SqlKeys, key: str = "k", fingerprint: str = "f", owner: str = "ann") -> Reserved:
    got = keys.reserve(owner, key, fingerprint)
    assert isinstance(got, Reserved)
    return got


def test_a_key_is_answered_as_the_first_time(keys: SqlKeys) -> None:
    assert keys.answer(reserved(keys).lease, ANSWER)
    assert keys.reserve("ann", "k", "f") == ANSWER


def test_a_key_is_busy_while_its_request_is_at_work(keys: SqlKeys, clock: Clock) -> None:
    mine = reserved(keys)
    for _ in range(3):
        clock.now += LEASE_S - 1
        assert keys.hold(mine.lease)
        with pytest.raises(KeyBusy):
            keys.reserve("ann", "k", "f")


def test_a_key_is_one_requests_and_one_callers(keys: SqlKeys) -> None:
    first = reserved(keys)
    with pytest.raises(KeyReused):
        keys.reserve("ann", "k", "another")
    keys.answer(first.lease, ANSWER)
    with pytest.raises(KeyReused):
        keys.reserve("ann", "k", "another")
    assert reserved(keys, fingerprint="another", owner="bob").nonce != first.nonce


@pytest.mark.parametrize("dies", [True, False], ids=["its ingress died", "it failed"])
def test_a_key_without_an_answer_is_tried_again_by_the_same_nonce(keys: SqlKeys, clock: Clock, dies: bool) -> None:
    first = reserved(keys)
    if dies:
        clock.now += LEASE_S + 1
    else:
        keys.give_up(first.lease)
    second = reserved(keys)
    assert second.nonce == first.nonce
    assert not keys.answer(first.lease, ANSWER), "that lease is no more"
    assert keys.answer(second.lease, ANSWER)


def test_a_key_is_forgotten_after_its_time(keys: SqlKeys, store: SqlJobs, clock: Clock) -> None:
    first = reserved(keys)
    keys.answer(first.lease, ANSWER)
    clock.now += KEEP_S + 1
    assert reserved(keys, fingerprint="another").nonce != first.nonce
    clock.now += KEEP_S + LEASE_S
    store.sweep()
    assert reserved(keys, fingerprint="a third").nonce != first.nonce


def test_a_key_that_two_bring_at_once_is_one_requests(engine: Engine) -> None:
    keys = SqlKeys(engine, LEASE_S, KEEP_S)

    def bring(n: int) -> bool:
        try:
            return isinstance(keys.reserve("ann", f"k{n // 8}", "f"), Reserved)
        except KeyBusy:
            return False

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(bring, range(32)))
    assert [sum(got[n : n + 8]) for n in range(0, 32, 8)] == [1, 1, 1, 1]
