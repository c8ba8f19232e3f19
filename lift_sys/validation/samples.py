"""Inputs of the parameters' types: many of them, or the smallest that fails."""

import contextlib
import random
from collections.abc import Callable, Sequence

import hypothesis
from hypothesis import Phase

from lift_sys.validation.arguments import arguments
from schemas.ir import Parameter


class _Spent(BaseException):
    """No call is left. Not an `Exception`: Hypothesis would take that for a failure, and shrink it."""


def sample(parameters: Sequence[Parameter] | None, examples: Sequence[str], count: int, seed: int) -> list[str]:
    """At most so many argument texts, none twice, the same for the same input; none where a type is not known."""
    texts = arguments(parameters, examples)
    found: dict[str, None] = {}
    if texts is None or count < 1:
        return []

    @hypothesis.seed(seed)
    @_settings(count, Phase.generate)
    @hypothesis.given(texts)
    def draw(text: str) -> None:
        found[text] = None

    draw()
    return list(found)


def shrink(
    parameters: Sequence[Parameter] | None,
    examples: Sequence[str],
    fails: Callable[[str], bool],
    seed: int,
    most_calls: int,
) -> str | None:
    """The shortest argument text found that fails, or None. `fails` is called once for a text, and must not raise."""
    texts = arguments(parameters, examples)
    answers: dict[str, bool] = {}
    if texts is None or most_calls < 1:
        return None

    def has_failed(text: str) -> bool:
        if text not in answers:
            if len(answers) == most_calls:
                raise _Spent
            answers[text] = fails(text)
        return answers[text]

    half = max(1, most_calls // 2)  # to find one; the other half is left to make it smaller
    settings = _settings(half, Phase.generate, Phase.shrink)
    with contextlib.suppress(_Spent, hypothesis.errors.NoSuchExample):
        hypothesis.find(texts, has_failed, settings=settings, random=random.Random(seed))
    failed = [text for text, has in answers.items() if has]
    return min(reversed(failed), key=len, default=None)  # of equally short ones the last: it came by shrinking


def _settings(runs: int, *phases: Phase) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=runs,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
