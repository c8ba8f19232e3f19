"""From evidence to one word: how sure it is that the code is right.

The thresholds are data; `thresholds.json` says on what they were chosen.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import Field

from schemas.verdict import Evidence, Level, Verdict
from schemas.wire import Wire


class Thresholds(Wire):
    """Shares of agreement."""

    verified: float = Field(ge=0, le=1)
    """With an example of the user that holds, and no doubt."""
    likely: float = Field(ge=0, le=1)
    settled: float = Field(ge=0, le=1)
    """From here on more variations would hardly change the choice."""
    provenance: str


@cache
def thresholds() -> Thresholds:
    return Thresholds.model_validate_json((Path(__file__).parent / "thresholds.json").read_text(encoding="utf-8"))


def is_veto(evidence: Evidence) -> bool:
    return evidence.origin == "rule" or (evidence.kind == "example" and evidence.origin == "user")


def is_settled(verdict: Verdict) -> bool:
    """Whether enough variations are known."""
    agreement = verdict.agreement
    return verdict.level == "verified" and agreement is not None and agreement >= thresholds().settled


def level(evidence: Sequence[Evidence], agreement: float | None, *, sampled: bool) -> tuple[Level, str]:
    """The level and the reason for it. `agreement`: with all variations, itself included; None if it is alone."""
    shared = agreement or 0.0
    failed = [e for e in evidence if e.outcome == "failed"]
    if vetoes := [e for e in failed if is_veto(e)]:
        return "rejected", vetoes[0].detail
    stated = sum(e.kind == "example" and e.origin == "user" and e.outcome == "passed" for e in evidence)
    doubts = [e for e in failed if e.kind != "example"]
    if stated and not doubts and not sampled:
        return "verified", f"all {stated} examples given hold"
    if stated and not doubts and shared >= thresholds().verified:
        return "verified", f"all {stated} examples of the user hold, and {shared:.0%} of the variations agree"
    return _unproven(evidence, stated, doubts, shared)


def _unproven(
    evidence: Sequence[Evidence], stated: int, doubts: Sequence[Evidence], agreement: float
) -> tuple[Level, str]:
    missing = "the request states no example" if not stated else "the variations do not agree enough"
    if doubts:
        missing = doubts[0].detail
    if agreement >= thresholds().likely and (stated or _met_by_half(evidence)):
        return "likely", f"{agreement:.0%} of the variations agree, but {missing}"
    if stated and not doubts:
        return "likely", "the examples of the user hold, but no other variation confirms it"
    return "unverified", f"nothing speaks against it, but {missing}" if not doubts else missing


def _met_by_half(evidence: Sequence[Evidence]) -> bool:
    votes = [e.outcome == "passed" for e in evidence if e.kind == "example" and e.origin == "inferred"]
    return bool(votes) and sum(votes) >= len(votes) / 2
