"""A deadline bounds the work below it, and is known there."""

import asyncio
import time

import pytest

from lift_sys.deadline import left_s, within
from lift_sys.errors import DeadlinePassed

pytestmark = pytest.mark.anyio


async def test_without_a_deadline_there_is_no_end() -> None:
    async with within(None):
        assert left_s() is None


async def test_work_is_cancelled_when_its_time_is_over() -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlinePassed):
        async with within(0.05):
            await asyncio.sleep(5)
    assert time.monotonic() - begun < 2
    assert left_s() is None, "the deadline is forgotten with its work"


@pytest.mark.parametrize(("outer", "inner", "most"), [(60, 600, 60), (600, 60, 60), (60, None, 60), (None, 60, 60)])
async def test_the_smaller_of_two_deadlines_counts(outer: float | None, inner: float | None, most: float) -> None:
    async with within(outer), within(inner):
        left = left_s()
    assert left is not None
    assert most - 5 < left <= most


async def test_what_is_left_becomes_less_and_tasks_know_it_too() -> None:
    async with within(60):
        before = left_s()
        await asyncio.sleep(0.01)

        async def ask() -> float | None:
            return left_s()

        after = await asyncio.create_task(ask())
    assert before is not None
    assert after is not None
    assert after < before


async def test_nothing_is_begun_with_too_little_time() -> None:
    async with within(0.01):
        with pytest.raises(DeadlinePassed, match="no time is left"):
            left_s()
