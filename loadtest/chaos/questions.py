"""Requests whose answers are known beforehand: with a scripted engine, which doubles whatever it is asked for.

Each has a number of its own in its example, so an answer that was meant for somebody else is seen.
"""

from loadtest.rows import PASSED
from schemas import LiftRequest, LiftResponse

_APART = 10_000
"""Above the numbers that the engine's own examples have."""


def question(number: int) -> LiftRequest:
    return LiftRequest(prompt=f"{'Double' if _is_met(number) else 'Triple'} a number: {_example(number)}")


def what_is_wrong(number: int, response: LiftResponse) -> str | None:
    """None of an answer that is right."""
    levels = PASSED if _is_met(number) else ("rejected",)
    if response.examples != (_example(number),):
        return f"the answer of another: examples {response.examples}, asked was {_example(number)}"
    if response.verdict.level not in levels:
        return f"verdict {response.verdict.level}, {' or '.join(levels)} was expected"
    if "2 * x" not in response.code.source:
        return f"code that the engine has not written: {response.code.source[:80]!r}"
    return None


def _is_met(number: int) -> bool:
    """Whether doubling is what is asked for: two times of three."""
    return number % 3 != 0


def _example(number: int) -> str:
    given = _APART + number
    return f"double({given}) == {given * (2 if _is_met(number) else 3)}"
