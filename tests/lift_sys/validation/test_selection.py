"""Each policy ranks candidates by what it goes by, and by nothing else."""

from collections.abc import Sequence

import pytest

from lift_sys.jail.values import encode
from lift_sys.sandbox import Outcome
from lift_sys.validation.selection import POLICIES, Candidate, advice
from schemas.verdict import Evidence

INPUTS = ["0", "1", "2"]


def clause(name: str, held: bool, kind: str = "example", origin: str = "inferred") -> Evidence:
    return Evidence.model_validate(
        {"clause": name, "kind": kind, "origin": origin, "outcome": "passed" if held else "failed", "detail": ""}
    )


def candidate(results: Sequence[object], *evidence: Evidence) -> Candidate:
    """What it returns for each input; an exception's name in place of a result is raised."""
    ended = (Outcome(raised=str(r)) if str(r).endswith("Error") else Outcome(returned=encode(r)) for r in results)
    return Candidate(dict(zip(INPUTS, ended, strict=False)), evidence)


A, B = (1, 2, 3), (1, 2, 9)
CRASHING = ("ValueError", "ValueError", 3)
MET, MISSED = clause("examples.inferred[0]", True), clause("examples.inferred[0]", False)
BROKEN = candidate(())

CHOICES: dict[str, tuple[str, list[Candidate], int]] = {
    "soft: the many": ("soft", [candidate(B), candidate(A), candidate(A)], 1),
    "soft: near the many rather than far": ("soft", [candidate((7, 8, 0)), candidate(A), candidate(B)], 1),
    "soft: advice decides between equals": ("soft", [candidate(A, MISSED), candidate(B, MET)], 1),
    "soft: crashing alike counts half": ("soft", [candidate(CRASHING)] * 3 + [candidate(A)] * 2, 3),
    "soft: what cannot run agrees with nobody": ("soft", [BROKEN, BROKEN, candidate(A)], 2),
    "words only: advice is not heard": (
        "words-only", [candidate(A), candidate(A), candidate(B, MET)], 0,
    ),
    "clusters: the largest group that is alike on all": (
        "clusters", [candidate(B), candidate((1, 5, 9)), candidate((7, 7, 7)), candidate((7, 7, 7))], 2,
    ),
    "clusters: advice decides between groups of one size": ("clusters", [candidate(A, MISSED), candidate(B, MET)], 1),
    "clusters: what cannot run is no group": ("clusters", [BROKEN, BROKEN, candidate(A)], 2),
    "dual: more advice is met": ("dual", [candidate(A, MISSED), candidate(B, MET)], 1),
    "dual: as much advice, met by more": (
        "dual",
        [
            candidate(A, MET),
            candidate(B, clause("assertions[0]", True, "assertion", "implied")),
            candidate(B, clause("assertions[0]", True, "assertion", "implied")),
        ],
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "candidates", "best"), CHOICES.values(), ids=CHOICES)
def test_a_policy_prefers(policy: str, candidates: list[Candidate], best: int) -> None:
    scores = POLICIES[policy](candidates, INPUTS)
    assert max(range(len(scores)), key=scores.__getitem__) == best


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_needs_inputs_or_candidates_that_ran(policy: str) -> None:
    assert POLICIES[policy]([BROKEN, candidate(A)], []) is not None
    assert POLICIES[policy]([BROKEN], INPUTS) == [0.0]


def test_advice_is_examples_and_to_a_lesser_part_assertions() -> None:
    stated = clause("examples.stated[0]", True, origin="user")
    assertion = clause("assertions[0]", True, "assertion", "implied")
    assert advice([stated]) == 0
    assert advice([MET, MISSED]) == pytest.approx(0.5)
    assert advice([assertion]) == pytest.approx(0.3)
    assert advice([MET, assertion]) == pytest.approx(1.3)
