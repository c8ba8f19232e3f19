"""What a response leaves open, as questions to the user; and which of the user's answers are examples."""

from collections.abc import Iterator, Sequence

from lift_sys.examples import parse
from schemas.api import Answered, Question
from schemas.ir import IR
from schemas.verdict import Verdict


def open_questions(ir: IR, verdict: Verdict, answers: Sequence[Answered]) -> tuple[Question, ...]:
    """What the IR had to assume, and where the variations part. None that was answered before."""
    answered = {one.question for one in answers}
    return tuple(question for question in _asked(ir, verdict) if question.question not in answered)


def _asked(ir: IR, verdict: Verdict) -> Iterator[Question]:
    for hole in ir.holes:
        yield Question(question=hole.question, options=hole.options, assumed=hole.assumed)
    rival = verdict.rival
    if rival and rival.is_close:
        assumed, other = (f"{rival.call} == {value}" for value in (rival.chosen, rival.other))
        yield Question(question=f"What is {rival.call} to be?", options=(assumed, other), assumed=assumed)


def is_example(answer: Answered) -> bool:
    """An answer that is an example binds code; other words go to whoever writes the IR."""
    try:
        parse(answer.answer)
    except ValueError:
        return False
    return True
