"""What is concluded from the answers around a replica's death."""

import pytest

from deployments.bench.loss import Answered, back_after_s, kill_one, rate, statuses

KILLED_S = 10


def answers(*spans: tuple[int, int, int, int]) -> list[Answered]:
    """`(from second, to second, answers a second, status)` each."""
    return [
        Answered(begun_s=second, ended_s=second + (number + 0.5) / each, status=status)
        for begin, end, each, status in spans
        for second in range(begin, end)
        for number in range(each)
    ]


@pytest.mark.parametrize(
    ("spans", "back"),
    [
        ([(0, 60, 4, 200)], 0.0),
        ([(0, 10, 4, 200), (10, 20, 2, 200), (20, 60, 4, 200)], 10.0),
        ([(0, 10, 4, 200), (10, 30, 9, 503), (30, 60, 4, 200)], 20.0),
        ([(0, 10, 4, 200), (10, 60, 2, 200)], None),
    ],
)
def test_a_service_is_back_when_good_answers_come_as_often_as_before(
    spans: list[tuple[int, int, int, int]], back: float | None
) -> None:
    assert back_after_s(answers(*spans), KILLED_S) == (back if back is None else pytest.approx(back, abs=1))


def test_only_good_answers_count_as_a_rate() -> None:
    some = answers((0, 10, 4, 200), (0, 10, 3, 503))
    assert rate(some, 0, 10) == 4
    assert statuses(some) == {"200": 40, "503": 30}


def test_a_replica_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="Nobody"):
        kill_one("Nobody")
