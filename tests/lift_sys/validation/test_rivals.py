"""Who does otherwise than the chosen candidate, and by which call one can tell."""

from typing import Any

import pytest

from lift_sys.jail.values import encode
from lift_sys.report import Outcome
from lift_sys.validation.rivals import strongest_rival
from lift_sys.validation.selection import Candidate

INPUTS = ["[1, 2, 3]", "[1]", "[]"]


def doing(*results: Any) -> Candidate:
    """What it returns for each of the inputs; an exception's class is raised."""
    outcomes = [Outcome(raised=r.__name__) if isinstance(r, type) else Outcome(returned=encode(r)) for r in results]
    return Candidate(dict(zip(INPUTS, outcomes, strict=True)), ())


CHOSEN = doing(6, 1, 0)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([CHOSEN, CHOSEN], None),
        ([CHOSEN, doing(6, 1, None)], ("f([])", ("0", 2), ("None", 1))),
        ([doing(3, 1, 1)], ("f([])", ("0", 1), ("1", 1))),
        ([doing(3, 1, ValueError)], ("f([1, 2, 3])", ("6", 1), ("3", 1))),
        ([doing(6, 1, ValueError)], None),
        ([doing(5, 1, 0), doing(4, 1, 0), doing(4, 1, 0)], ("f([1, 2, 3])", ("6", 1), ("4", 2))),
        ([doing(object, 1, 0), doing(6, True, 0)], ("f([1])", ("1", 1), ("True", 1))),
        ([doing("x" * 500, 1, 0)], None),
    ],
    ids=[
        "all alike", "one call", "the shortest of several calls", "what raises is passed over",
        "only exceptions differ", "the largest group", "True is not 1", "too long to be read",
    ],
)  # fmt: skip
def test_the_plainest_call_that_tells_two_groups_apart(others: list[Candidate], told: Any) -> None:
    rival = strongest_rival("f", CHOSEN, [CHOSEN, *others], INPUTS)
    found = rival and (rival.call, (rival.chosen, rival.chosen_by), (rival.other, rival.other_by))
    assert found == told
