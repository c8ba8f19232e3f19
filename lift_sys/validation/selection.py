"""Rival ways of choosing among candidates that nothing speaks against: each gives every candidate a score.

What they go by: how far a candidate behaves as the others do on shared inputs (right programs agree; wrong ones are
wrong each in its own way), and how much it meets of what a model said of the function, which is advice and no law.
`lift eval --arm service:policy=NAME` compares them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lift_sys.sandbox import Outcome
from lift_sys.validation.agreement import alike, soft_agreement
from schemas.verdict import Evidence


@dataclass(frozen=True)
class Candidate:
    behaviour: Mapping[str, Outcome]
    """How each call ended, by argument text; empty where none could be made."""
    evidence: tuple[Evidence, ...]


Policy = Callable[[Sequence[Candidate], Sequence[str]], list[float]]
"""Candidates and the inputs that they share; a score each, higher is better."""

EXAMPLES_WEIGHT = 1.0
ASSERTIONS_WEIGHT = 0.3
CRASH_WEIGHT = 0.5
"""Of an input on which a candidate raised: wrong programs crash alike more often than they are wrong alike."""


def soft(candidates: Sequence[Candidate], inputs: Sequence[str]) -> list[float]:
    """Agreement averaged over the inputs, more of it for advice that is met."""
    agreed = soft_agreement([c.behaviour for c in candidates], inputs, crash_weight=CRASH_WEIGHT)
    return [share * (1 + advice(c.evidence)) for share, c in zip(agreed, candidates, strict=True)]


def words_only(candidates: Sequence[Candidate], inputs: Sequence[str]) -> list[float]:
    """Agreement alone: nothing that a model said of the function counts."""
    return soft_agreement([c.behaviour for c in candidates], inputs, crash_weight=CRASH_WEIGHT)


def clusters(candidates: Sequence[Candidate], inputs: Sequence[str]) -> list[float]:
    """How many behave alike on every input, as AlphaCode has it (Li et al., 2022).

    Soft agreement and advice only decide between clusters of one size.
    """
    shares = alike([c.behaviour for c in candidates], inputs)
    most = 2 * len(candidates) * (1 + EXAMPLES_WEIGHT + ASSERTIONS_WEIGHT)
    return [share + score / most for share, score in zip(shares, soft(candidates, inputs), strict=True)]


def dual(candidates: Sequence[Candidate], inputs: Sequence[str]) -> list[float]:
    """Dual execution agreement, CodeT (Chen et al., 2022).

    Of those that meet the same advice: how many there are, times how much they meet.
    """
    met = [frozenset(e.clause for e in c.evidence if _is_advice(e) and e.outcome == "passed") for c in candidates]
    sizes = Counter(clauses for c, clauses in zip(candidates, met, strict=True) if c.behaviour)
    return [
        sizes[clauses] ** 0.5 * (1 + len(clauses)) if c.behaviour else 0.0
        for c, clauses in zip(candidates, met, strict=True)
    ]


POLICIES: dict[str, Policy] = {"soft": soft, "words-only": words_only, "clusters": clusters, "dual": dual}


def advice(evidence: Sequence[Evidence]) -> float:
    """How much a candidate meets of what a model said: its examples, and to a lesser part its assertions."""
    return EXAMPLES_WEIGHT * _share(evidence, "example") + ASSERTIONS_WEIGHT * _share(evidence, "assertion")


def _share(evidence: Sequence[Evidence], kind: str) -> float:
    """Of the clauses that could be tried."""
    votes = [e.outcome == "passed" for e in evidence if e.kind == kind and _is_advice(e) and e.outcome != "skipped"]
    return sum(votes) / len(votes) if votes else 0.0


def _is_advice(evidence: Evidence) -> bool:
    return evidence.kind == "assertion" or (evidence.kind == "example" and evidence.origin == "inferred")
