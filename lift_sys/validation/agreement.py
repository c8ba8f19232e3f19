"""How far candidates behave alike. Right programs agree; wrong ones are wrong each in its own way."""

from collections import Counter
from collections.abc import Mapping, Sequence

from lift_sys.sandbox import Outcome


def soft_agreement(
    behaviours: Sequence[Mapping[str, Outcome]], inputs: Sequence[str], *, crash_weight: float = 1.0
) -> list[float]:
    """For each candidate the share of all candidates with the same outcome, averaged over the inputs.

    Candidates that made no call have an empty behaviour: they agree with nobody and count all the same.
    Crashes of one kind are an outcome like any other, of a weight. With no inputs there is nothing to agree on: 0.
    """
    totals = [0.0] * len(behaviours)
    for text in inputs:
        keys = [b[text].key if text in b else None for b in behaviours]
        counts = Counter(key for key in keys if key is not None)
        for index, key in enumerate(keys):
            if key is not None:
                weight = crash_weight if behaviours[index][text].raised else 1.0
                totals[index] += weight * counts[key] / len(behaviours)
    return [total / len(inputs) if inputs else 0.0 for total in totals]


Pattern = tuple[str | None, ...]


def pattern(behaviour: Mapping[str, Outcome], inputs: Sequence[str]) -> Pattern:
    """Equal for candidates that do the same on every input."""
    return tuple(behaviour[text].key if text in behaviour else None for text in inputs)


def alike(behaviours: Sequence[Mapping[str, Outcome]], inputs: Sequence[str]) -> list[float]:
    """For each candidate the share of the others that do the same on every input.

    Where there are no others, no input was tried, or a candidate made no call, there is nothing to agree on: 0.
    """
    patterns = [pattern(behaviour, inputs) if behaviour and inputs else None for behaviour in behaviours]
    counts = Counter(patterns)
    others = max(1, len(patterns) - 1)
    return [(counts[one] - 1) / others if one else 0.0 for one in patterns]
