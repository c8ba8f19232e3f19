"""Right programs agree; wrong ones are wrong each in its own way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift_sys.jail.values import encode
from lift_sys.sandbox import Outcome
from lift_sys.validation.agreement import alike, soft_agreement

CRASH = Outcome(raised="KeyError", detail="KeyError: 'a'")
OTHER_CRASH = Outcome(raised="KeyError", detail="KeyError: 'b'")


def results(*values: object) -> dict[str, Outcome]:
    """What a candidate returned for the inputs 0, 1, …"""
    return {
        str(i): value if isinstance(value, Outcome) else Outcome(returned=encode(value))
        for i, value in enumerate(values)
    }


TABLE: dict[str, tuple[list[dict[str, Outcome]], list[float]]] = {
    "alone": ([results(1, 2)], [1.0]),
    "all alike": ([results(1, 2)] * 3, [1.0, 1.0, 1.0]),
    "one is wrong": ([results(1), results(1), results(2)], [2 / 3, 2 / 3, 1 / 3]),
    "half alike": ([results(1, 2), results(1, 3)], [0.75, 0.75]),
    "nobody alike": ([results(1), results(2)], [0.5, 0.5]),
    "True is not 1": ([results(True), results(1)], [0.5, 0.5]),
    "1.0 is not 1": ([results(1.0), results(1)], [0.5, 0.5]),
    "crashes of a kind agree": ([results(CRASH), results(OTHER_CRASH)], [1.0, 1.0]),
    "a crash is no result": ([results(CRASH), results("KeyError")], [0.5, 0.5]),
    "one was never called": ([results(1), results(1), {}], [2 / 3, 2 / 3, 0.0]),
    "nobody was called": ([{}, {}], [0.0, 0.0]),
    "no candidates": ([], []),
}


@pytest.mark.parametrize(("behaviours", "shares"), TABLE.values(), ids=TABLE)
def test_agreement(behaviours: list[dict[str, Outcome]], shares: list[float]) -> None:
    inputs = [str(i) for i in range(max(map(len, behaviours), default=0))] or ["0"]
    assert soft_agreement(behaviours, inputs) == pytest.approx(shares)


def test_with_no_inputs_there_is_nothing_to_agree_on() -> None:
    assert soft_agreement([results(), results()], []) == [0.0, 0.0]


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=5))
def test_agreement_is_a_share_that_no_order_changes(columns: list[list[int]]) -> None:
    shares = soft_agreement([results(*column) for column in columns], ["0", "1", "2"])
    assert all(1 / len(columns) <= share + 1e-9 <= 1 + 1e-6 for share in shares)
    backwards = soft_agreement([results(*column) for column in columns[::-1]], ["2", "1", "0"])
    assert backwards[::-1] == pytest.approx(shares)


@pytest.mark.parametrize(
    ("behaviours", "shares"),
    [
        ([results(1, 2)] * 3, [1.0, 1.0, 1.0]),
        ([results(1, 2), results(1, 2), results(1, 3)], [0.5, 0.5, 0.0]),
        ([results(1, CRASH), results(1, OTHER_CRASH)], [1.0, 1.0]),
        ([results(1, 2), {}], [0.0, 0.0]),
        ([{}, {}], [0.0, 0.0]),
        ([results(1, 2)], [0.0]),
    ],
    ids=[
        "all",
        "one differs in one input",
        "crashes of a kind",
        "one was never called",
        "nobody was called",
        "there is no other",
    ],
)
def test_alike_are_those_that_do_the_same_on_every_input(
    behaviours: list[dict[str, Outcome]], shares: list[float]
) -> None:
    assert alike(behaviours, ["0", "1"]) == pytest.approx(shares)


def test_with_no_inputs_nobody_is_alike() -> None:
    assert alike([results(), results()], []) == [0.0, 0.0]
