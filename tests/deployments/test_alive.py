"""A wait that ends with the replica that is waited for. tests/cluster/nodes.py cuts a real machine off."""

import asyncio
import os
from types import SimpleNamespace
from typing import Any

import pytest
from ray import ActorID

from deployments import alive
from deployments.alive import Lost, by_ray, while_alive

pytestmark = pytest.mark.anyio


class Deaths:
    """Looks: so many at which the replica lives, and then none."""

    def __init__(self, lives: int) -> None:
        self._lives = lives
        self.looks = 0

    def __call__(self, response: Any) -> bool:
        self.looks += 1
        return self.looks > self._lives


async def answer(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@pytest.mark.parametrize(("seconds", "looks"), [(0, 0), (0.02, 0), (0.18, 2)])
async def test_an_answer_is_waited_for_as_long_as_its_replica_lives(seconds: float, looks: int) -> None:
    deaths = Deaths(99)
    async with while_alive(None, look_s=0.07, is_dead=deaths):
        assert await answer(seconds) == "done"
    assert deaths.looks == looks
    await asyncio.sleep(0.1)
    assert deaths.looks == looks, "nobody looks after the answer"


@pytest.mark.parametrize("lives", [0, 2])
async def test_the_answer_of_a_dead_one_is_given_up_a_look_later(lives: int) -> None:
    """By then Serve sends nobody there."""
    begun = asyncio.get_running_loop().time()
    with pytest.raises(Lost):
        async with while_alive(None, look_s=0.05, is_dead=Deaths(lives)):
            await answer(60)
    assert asyncio.get_running_loop().time() - begun >= 0.05 * (lives + 2) - 0.01


async def test_an_answer_that_comes_after_all_is_taken() -> None:
    async with while_alive(None, look_s=0.05, is_dead=Deaths(0)):
        assert await answer(0.07) == "done"


@pytest.mark.parametrize("failure", [TimeoutError("of its own"), KeyError("a bug")])
async def test_a_failure_is_the_caller_s(failure: Exception) -> None:
    with pytest.raises(type(failure)):
        async with while_alive(None):
            raise failure


class Head:
    """What Ray's head tells of an actor, and how often it was asked."""

    def __init__(self, told: dict[str, str] | Exception) -> None:
        self.asked: list[str] = []
        self._told = told

    def __call__(self, actor_id: str) -> dict[str, str]:
        self.asked.append(actor_id)
        if isinstance(self._told, Exception):
            raise self._told
        return self._told


def response() -> Any:
    """Of a replica that nobody has asked about before."""
    return SimpleNamespace(_replica_result=SimpleNamespace(_actor_id=ActorID(os.urandom(ActorID.size()))))


@pytest.mark.parametrize(("told", "dead"), [
    ({"State": "DEAD"}, True),
    ({"State": "ALIVE"}, False),
    ({"State": "RESTARTING"}, False),
    ({}, False),
    (ConnectionError("a head that is away"), False),
])  # fmt: skip
def test_ray_knows_who_is_dead(told: dict[str, str] | Exception, dead: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "actors", head := Head(told))
    taken = response()
    assert by_ray(taken) == dead
    assert head.asked == [taken._replica_result._actor_id.hex()]


def test_the_head_is_asked_once_for_all_calls_of_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "actors", head := Head({"State": "DEAD"}))
    taken = response()
    assert all(by_ray(taken) for _ in range(100))
    assert len(head.asked) <= 2, "a second one where time has gone on"


@pytest.mark.parametrize("taken", [None, SimpleNamespace()], ids=["by nobody", "through Ray, which tells of a death"])
def test_nobody_is_looked_for_whom_ray_does_not_know(taken: Any) -> None:
    assert not by_ray(SimpleNamespace(_replica_result=taken))
