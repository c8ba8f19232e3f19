"""What was run a moment ago is not run again; what told of limits is."""

from collections.abc import Sequence

import pytest

from lift_sys.remembering import Memory, Remembering
from lift_sys.report import Holdings, Inspection, Outcome, Report, Trouble

pytestmark = pytest.mark.anyio

SOURCE = "def f(x):\n    return x"


class Counted:
    """A sandbox that says what it was asked to run."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.ran: list[tuple[str, int]] = []
        self._trouble = trouble

    async def inspect(self, source: str, function: str) -> Inspection:
        return Inspection()

    async def run(
        self, source: str, function: str, calls: Sequence[str], *, seed: int = 0, describe: bool = False
    ) -> Report:
        self.ran.append((",".join(calls), seed))
        outcomes = () if self._trouble else tuple(Outcome(raised="TimeLimit") for _ in calls)
        return Report(trouble=self._trouble, outcomes=outcomes)

    async def evaluate(self, predicates: Sequence[str], scopes: Sequence[dict[str, str]]) -> Holdings | None:
        return None


@pytest.mark.parametrize(
    ("second", "times"),
    [
        ((SOURCE, "f", ["1"], 0, False), 1),
        ((SOURCE + "\n", "f", ["1"], 0, False), 2),
        ((SOURCE, "g", ["1"], 0, False), 2),
        ((SOURCE, "f", ["1", "2"], 0, False), 2),
        ((SOURCE, "f", ["1"], 1, False), 2),
        ((SOURCE, "f", ["1"], 0, True), 2),
    ],
    ids=["the same", "another source", "another function", "other calls", "other hashes", "told of its parameters"],
)
async def test_only_the_very_same_run_is_remembered(second: tuple[str, str, list[str], int, bool], times: int) -> None:
    inner = Counted()
    sandbox = Remembering(inner, Memory())
    first = await sandbox.run(SOURCE, "f", ["1"])
    source, function, calls, seed, describe = second
    again = await sandbox.run(source, function, calls, seed=seed, describe=describe)
    assert len(inner.ran) == times
    assert (again is first) == (times == 1)


async def test_requests_share_a_memory() -> None:
    memory, inner = Memory(), Counted()
    for _ in range(2):
        await Remembering(inner, memory).run(SOURCE, "f", ["1"])
    assert inner.ran == [("1", 0)]


@pytest.mark.parametrize(("clause", "times"), [("limits", 2), ("import", 1), ("signature", 1)])
async def test_what_told_of_limits_is_run_again(clause: str, times: int) -> None:
    inner = Counted(Trouble.model_validate({"clause": clause, "detail": "no"}))
    sandbox = Remembering(inner, Memory())
    for _ in range(2):
        await sandbox.run(SOURCE, "f", ["1"])
    assert len(inner.ran) == times


async def test_the_latest_are_kept() -> None:
    """Room for two reports of one outcome each: the one that was used longest ago is forgotten."""
    inner = Counted()
    sandbox = Remembering(inner, Memory(most_outcomes=4))
    for call in ("1", "2", "1", "3", "1", "2"):
        await sandbox.run(SOURCE, "f", [call])
    assert [calls for calls, _ in inner.ran] == ["1", "2", "3", "2"]
