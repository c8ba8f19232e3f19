"""Calls between deployments: which are made once more, and what of them is left to the caller.

The answers are scripted; tests/deployments/test_production.py kills real replicas.
"""

import asyncio
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayActorError
from ray.serve._private.common import DeploymentID, DeploymentStatus, ReplicaState
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError

from deployments.metrics import Metric
from deployments.remote import Deployed, Replicas, again
from lift_sys.deadline import within
from lift_sys.errors import DeadlinePassed, EngineUnavailable, Overloaded
from lift_sys.hearing import heard_by
from schemas import Piece

pytestmark = pytest.mark.anyio


class Answer:
    """What a handle gives: it can be awaited, and cancelled."""

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def cancel(self) -> None:
        """Nobody works on it."""


class Method:
    """A handle's method, with one outcome for each call."""

    def __init__(self, *outcomes: Any) -> None:
        self._outcomes = list(outcomes)
        self.asked: list[tuple[Any, ...]] = []

    def remote(self, *args: Any) -> Any:
        self.asked.append(args)
        outcome = self._outcomes.pop(0)
        return outcome if isinstance(outcome, Telling) else Answer(outcome)


class Telling:
    """What a handle of a generator gives."""

    def __init__(self, *told: Any) -> None:
        self._told = list(told)
        self.cancelled = False

    def __aiter__(self) -> "Telling":
        return self

    async def __anext__(self) -> Any:
        if not self._told:
            raise StopAsyncIteration
        told = self._told.pop(0)
        if told is WAITS:
            await asyncio.sleep(60)
        if isinstance(told, Exception):
            raise told
        return told

    def cancel(self) -> None:
        self.cancelled = True


WAITS = object()


class Told:
    def __init__(self) -> None:
        self.retries: list[str] = []

    def __call__(self, metric: Metric, amount: float, /, **labels: str) -> None:
        metric.check(labels)
        assert (metric.name, amount) == ("lift_retries", 1)
        self.retries.append(labels["to"])


DIED = (RayActorError(), ActorDiedError(), ReplicaUnavailableError("it is gone"))


@pytest.mark.parametrize("death", DIED, ids=lambda death: type(death).__name__)
async def test_a_call_whose_replica_dies_is_made_once_more_and_counted(death: Exception) -> None:
    method, told = Method(death, "done"), Told()
    assert await again("IRStage", method, told)("words") == "done"
    assert method.asked == [("words", None)] * 2
    assert told.retries == ["IRStage"]


@pytest.mark.parametrize("death", DIED, ids=lambda death: type(death).__name__)
async def test_who_listens_hears_what_is_written_and_hears_it_begin_anew(death: Exception) -> None:
    void, begun, more = Piece(text="{", begins=True), Piece(text="{", begins=True), Piece(text="}")
    aloud, told, heard = Method(Telling(void, death), Telling(begun, more, "done")), Told(), list[Piece]()
    with heard_by(heard.append):
        assert await again("IRStage", Method(), told, aloud)("words") == "done"
    assert heard == [void, begun, more]
    assert aloud.asked == [("words", None)] * 2
    assert told.retries == ["IRStage"]


async def test_where_nobody_listens_nothing_is_told_aloud() -> None:
    method, aloud = Method("done"), Method()
    assert await again("IRStage", method, Told(), aloud)("words") == "done"
    assert not aloud.asked


async def test_who_stops_listening_cancels_the_call() -> None:
    telling = Telling(Piece(text="{", begins=True), WAITS)
    with heard_by(lambda piece: None):
        asked = asyncio.ensure_future(again("IRStage", Method(), Told(), Method(telling))())
    await asyncio.sleep(0.01)
    asked.cancel()
    await asyncio.wait({asked})
    assert asked.cancelled()
    assert telling.cancelled


async def test_nobody_is_asked_a_third_time() -> None:
    method = Method(RayActorError(), RayActorError(), "done")
    with pytest.raises(EngineUnavailable, match="died"):
        await again("Engine", method, Told())()
    assert len(method.asked) == 2


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (BackPressureError(num_queued_requests=1, max_queued_requests=1), Overloaded),
        (KeyError("a bug"), KeyError),
        (DeploymentUnavailableError(DeploymentID("x")), EngineUnavailable),
    ],
)
async def test_other_failures_are_the_caller_s(failure: Exception, seen: type[Exception]) -> None:
    method, told = Method(failure, "done"), Told()
    with pytest.raises(seen):
        await again("Validator", method, told)()
    assert (len(method.asked), told.retries) == (1, [])


async def test_the_other_side_is_told_how_much_time_is_left() -> None:
    method = Method("done")
    async with within(60):
        await again("CodeStage", method, Told())("words")
    [(words, left)] = method.asked
    assert words == "words"
    assert 55 < left <= 60


@pytest.mark.parametrize("limit_s", [0.01, 0.001])
async def test_without_time_nobody_is_asked(limit_s: float) -> None:
    method = Method("done")
    with pytest.raises(DeadlinePassed):
        async with within(limit_s):
            await again("Engine", method, Told())()
    assert not method.asked


RUNS = Deployed(DeploymentStatus.UPDATING, Counter({ReplicaState.RUNNING: 1, ReplicaState.STARTING: 1}))
GONE = Deployed(DeploymentStatus.UNHEALTHY, Counter({ReplicaState.STARTING: 1}))
MOVES = Deployed(DeploymentStatus.UPDATING, Counter({ReplicaState.PENDING_MIGRATION: 1, ReplicaState.STARTING: 1}))
LOOKED_FOR = Deployed(DeploymentStatus.UPDATING, Counter({ReplicaState.RECOVERING: 1}))
ASLEEP = Deployed(DeploymentStatus.HEALTHY, Counter())


@pytest.mark.parametrize(("looks", "missing"), [
    ([{"A": RUNS, "B": RUNS}], ()),
    ([{"A": RUNS, "B": GONE}], ("B",)),
    ([{"A": RUNS}], ("B",)),
    ([{"A": RUNS, "B": ASLEEP}], ()),
    ([{"A": RUNS, "B": GONE, "C": RUNS}], ("B",)),
    ([{"A": GONE, "B": RUNS, "C": RUNS}], ()),
    # On a node that is to go; after the controller has come again.
    ([{"A": RUNS, "B": MOVES}], ()),
    ([{"A": RUNS, "B": LOOKED_FOR}], ()),
    # While Serve reads a new config, it tells of no deployment.
    ([{"A": RUNS, "B": GONE}, {}], ("B",)),
    ([{}], ()),
    # A controller that restarts.
    ([LookupError("lift")], ("A", "B")),
    ([LookupError("lift"), {"A": RUNS, "B": RUNS}], ()),
    ([{"A": RUNS, "B": RUNS}, LookupError("lift")], ()),
])  # fmt: skip
async def test_what_is_missing_is_what_was_last_heard(
    looks: list[dict[str, Deployed] | LookupError], missing: tuple[str, ...]
) -> None:
    """C can do the work of A."""

    def look() -> dict[str, Deployed]:
        found = looks.pop(0) if len(looks) > 1 else looks[0]
        if isinstance(found, LookupError):
            raise found
        return found

    replicas = Replicas(("A", "B"), {"A": "C"}, look, fresh_s=0)
    for _ in range(5):
        await replicas.missing()
        await asyncio.sleep(0.02)
    assert await replicas.missing() == missing
