"""From evidence to one word: how sure it is that the code is right.

The thresholds are data; `thresholds.json` says on what they were chosen.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from schemas.verdict import Evidence, Level, Verdict
from schemas.wire import Wire

Grounds = Literal["refuted", "doubted", "confirmed", "unstated"]
"""Refuted: an example of the user or a rule fails. Doubted: something else speaks against it. Confirmed: an example of
the user holds. Unstated: there is none."""


class Thresholds(Wire):
    """Of agreement: shares of the other variations."""

    verified: float = Field(ge=0, le=1)
    """With an example of the user that holds, and no doubt."""
    likely: float = Field(ge=0, le=1)
    settled: float = Field(ge=0, le=1)
    """From here on more variations would hardly change the choice."""
    provenance: str


THRESHOLDS = Path(__file__).parent / "thresholds.json"


@cache
def thresholds() -> Thresholds:
    return Thresholds.model_validate_json(THRESHOLDS.read_text(encoding="utf-8"))


def is_veto(evidence: Evidence) -> bool:
    """Whether code that fails this is refuted. That others do otherwise refutes nobody."""
    if evidence.kind == "agreement":
        return False
    return evidence.origin == "rule" or (evidence.kind == "example" and evidence.origin == "user")


def is_settled(verdict: Verdict) -> bool:
    """Whether enough variations are known."""
    agreement = verdict.agreement
    return verdict.level == "verified" and agreement is not None and agreement >= thresholds().settled


def grounds(evidence: Sequence[Evidence]) -> Grounds:
    """What a level can rest on, apart from agreement."""
    failed = [e for e in evidence if e.outcome == "failed"]
    if any(map(is_veto, failed)):
        return "refuted"
    if _doubts(failed):
        return "doubted"
    return "confirmed" if _stated(evidence) else "unstated"


def level(evidence: Sequence[Evidence], agreement: float | None, *, sampled: bool) -> tuple[Level, str]:
    """The level, and the reason for it. `agreement`: of the other variations; None where there are none."""
    shared = agreement or 0.0
    ground = grounds(evidence)
    stated = _stated(evidence)
    if ground == "refuted":
        return "rejected", next(e.detail for e in evidence if e.outcome == "failed" and is_veto(e))
    if ground == "confirmed" and not sampled:
        return "verified", f"all {stated} examples given hold"
    if ground == "confirmed" and shared >= thresholds().verified:
        return "verified", f"all {stated} examples of the user hold, and {shared:.0%} of the other variations agree"
    return _unproven(evidence, ground, shared)


def _unproven(evidence: Sequence[Evidence], ground: Grounds, agreement: float) -> tuple[Level, str]:
    missing = "the request states no example" if ground == "unstated" else "the variations do not agree enough"
    if ground == "doubted":
        missing = _doubts(evidence)[0].detail
    if agreement >= thresholds().likely and (_stated(evidence) or _met_by_half(evidence)):
        return "likely", f"{agreement:.0%} of the other variations agree, but {missing}"
    if ground == "confirmed":
        return "likely", "the examples of the user hold, but no other variation confirms it"
    return "unverified", missing if ground == "doubted" else f"nothing speaks against it, but {missing}"


def _stated(evidence: Sequence[Evidence]) -> int:
    """Examples of the user that hold."""
    return sum(e.kind == "example" and e.origin == "user" and e.outcome == "passed" for e in evidence)


def _doubts(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What speaks against code and refutes nothing. A model's own example may well be wrong, and is none."""
    speaking = (e for e in evidence if e.outcome == "failed" and e.kind not in ("example", "agreement"))
    return [e for e in speaking if not is_veto(e)]


def _met_by_half(evidence: Sequence[Evidence]) -> bool:
    votes = [e.outcome == "passed" for e in evidence if e.kind == "example" and e.origin == "inferred"]
    return bool(votes) and sum(votes) >= len(votes) / 2
