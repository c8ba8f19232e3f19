"""Examples of the user that contradict each other: none of them is believed, and the user is asked."""

import ast
from collections.abc import Sequence

from lift_sys import syntax
from lift_sys.examples import Stated
from schemas.api import Question


def settle(
    stated: Sequence[Stated], answered: Sequence[Stated] = ()
) -> tuple[tuple[Stated, ...], tuple[Question, ...]]:
    """The examples that stand, and a question for each call of which different things are said.

    `answered`: those with which the user has answered such a question; what they contradict falls.
    """
    calls: dict[str, list[Stated]] = {}
    for one in stated:
        calls.setdefault(_call(one), []).append(one)
    for one in answered:
        calls[_call(one)] = [one]
    standing = [one for same in calls.values() if not _differ(same) for one in same]
    asked = [_question(same) for same in calls.values() if _differ(same)]
    return tuple(one for one in stated if one in standing), tuple(asked)


def _call(stated: Stated) -> str:
    """What is called with what, however it is spelt."""
    return ast.dump(syntax.call(stated.example.arguments))


def _differ(same: Sequence[Stated]) -> bool:
    return len({_outcome(one) for one in same}) > 1


def _outcome(stated: Stated) -> str:
    example = stated.example
    return example.value if example.expect == "raises" else repr(syntax.literal(example.value))


def _question(same: Sequence[Stated]) -> Question:
    options = dict.fromkeys(one.example.text(one.function) for one in same)
    call = f"{same[0].function}({same[0].example.arguments})"
    question = f"Different things are said of {call}: which is meant?"
    return Question(question=question, options=tuple(options), assumed=None)
