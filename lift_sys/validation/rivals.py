"""Who does otherwise than the chosen candidate, and by which call one can tell."""

from collections.abc import Sequence

from lift_sys.examples import is_literal
from lift_sys.jail.values import decode
from lift_sys.report import Outcome
from lift_sys.validation.agreement import Pattern, pattern
from lift_sys.validation.selection import Candidate
from schemas.verdict import Rival

_LONGEST = 200
_MOST_TRIED = 3


def strongest_rival(
    function: str, chosen: Candidate, admitted: Sequence[Candidate], inputs: Sequence[str]
) -> Rival | None:
    """Among the candidates that nothing speaks against: the largest group that behaves alike, and not as the chosen."""
    groups: dict[Pattern, list[Candidate]] = {}
    for candidate in admitted:
        groups.setdefault(pattern(candidate.behaviour, inputs), []).append(candidate)
    own = groups.pop(pattern(chosen.behaviour, inputs), [chosen])
    for others in sorted(groups.values(), key=len, reverse=True)[:_MOST_TRIED]:
        if told := _told_apart(chosen, others[0], inputs):
            arguments, here, there = told
            call = f"{function}({arguments})"
            return Rival(call=call, chosen=here, chosen_by=len(own), other=there, other_by=len(others))
    return None


def _told_apart(one: Candidate, other: Candidate, inputs: Sequence[str]) -> tuple[str, str, str] | None:
    """Of the calls that end differently, and with literals, the shortest: its arguments, and what each returns."""
    for arguments in sorted(inputs, key=len):
        here, there = _value(one.behaviour.get(arguments)), _value(other.behaviour.get(arguments))
        if here is not None and there is not None and here != there:
            return arguments, here, there
    return None


def _value(outcome: Outcome | None) -> str | None:
    """What a call returned, as a literal."""
    if outcome is None or outcome.returned is None:
        return None
    try:
        text = repr(decode(outcome.returned))
    except (ValueError, TypeError):
        return None
    return text if len(text) <= _LONGEST and is_literal(text) else None
