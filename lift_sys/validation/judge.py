"""Candidates in, one of them with a verdict out: run, check, compare, choose, and say why."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lift_sys.sandbox import Sandbox
from lift_sys.validation.agreement import soft_agreement
from lift_sys.validation.assertions import Behaviour, check_assertions, domain
from lift_sys.validation.checks import (
    check_effects,
    check_example,
    check_printing,
    check_purity,
    check_raising,
    check_repeatable,
    check_returned,
    check_static,
)
from lift_sys.validation.counterexamples import shrunk
from lift_sys.validation.observation import Observed, known_inputs, more_inputs, observe
from lift_sys.validation.review import Review, review
from lift_sys.validation.spec import Spec
from schemas.verdict import Evidence, Level, Tier, Verdict

AGREEMENT_TO_VERIFY = 0.7
AGREEMENT_TO_BELIEVE = 0.5
INFERRED_TO_BELIEVE = 0.5
"""Shares. First guesses on the careful side, to be fitted on data."""


@dataclass(frozen=True)
class Judgement:
    chosen: int
    """The index of the candidate."""
    verdict: Verdict


@dataclass(frozen=True)
class _Candidate:
    index: int
    evidence: tuple[Evidence, ...]
    agreement: float
    tier: Tier | None

    @property
    def vetoed(self) -> bool:
        return any(e.outcome == "failed" and _is_veto(e) for e in self.evidence)

    @property
    def inferred_share(self) -> float:
        votes = [e.outcome == "passed" for e in self.evidence if e.kind == "example" and e.origin == "inferred"]
        return sum(votes) / len(votes) if votes else 0.0

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Higher is better: not vetoed, then agreement weighted by the model's own examples, then clauses passed."""
        passed = sum(e.outcome == "passed" for e in self.evidence) / len(self.evidence)
        return (not self.vetoed, self.agreement * (1 + 0.5 * self.inferred_share), passed)


def _is_veto(evidence: Evidence) -> bool:
    return evidence.origin == "rule" or (evidence.kind == "example" and evidence.origin == "user")


async def judge(spec: Spec, sources: Sequence[str], sandbox: Sandbox, *, sampled: bool, seed: int = 0) -> Judgement:
    """Choose the best source and give it a verdict.

    `sampled`: a model wrote them, so one alone proves little. `seed`: of the inputs that are made up.
    """
    known = known_inputs(spec)
    fresh = await asyncio.to_thread(more_inputs, spec, known, seed)
    reviewed, observed = await asyncio.gather(review(spec, sandbox), observe(spec, sources, known, fresh, sandbox))
    spec = reviewed.spec
    admitted = await domain(spec, [*known, *fresh], sandbox)
    inside = [{text: outcome for text, outcome in o.behaviour.items() if text in admitted} for o in observed]
    assertions = await check_assertions(spec, inside, sandbox)
    tried = [text for text in (*known, *fresh) if any(text in behaviour for behaviour in inside)]
    agreements = soft_agreement([o.behaviour for o in observed], tried)
    candidates = [
        _Candidate(i, (*_check(spec, observed[i], inside[i]), *assertions[i]), agreements[i], observed[i].report.tier)
        for i in range(len(sources))
    ]
    best = max(candidates, key=lambda c: c.rank)
    best = replace(best, evidence=await shrunk(spec, sources[best.index], best.evidence, sandbox, seed))
    return Judgement(best.index, _verdict(best, reviewed, of=len(sources), sampled=sampled, seed=seed))


def _check(spec: Spec, observed: Observed, inside: Behaviour) -> list[Evidence]:
    """Clause by clause; `inside`: the behaviour as far as the preconditions reach."""
    evidence = list(check_static(observed.inspection, observed.report, spec))
    examples = spec.examples()
    evidence += [
        check_example(clause, spec.function, e, observed.behaviour.get(e.arguments)) for clause, e in examples.items()
    ]
    if observed.trouble:
        return evidence
    outcomes = tuple(observed.behaviour.values())
    return [
        *evidence,
        *check_effects(observed.inspection, spec),
        *check_purity(spec, outcomes),
        *check_printing(spec, outcomes),
        *check_repeatable(spec, observed.behaviour, observed.again),
        *check_returned(spec, list(examples.values()), inside),
        *check_raising(spec, list(examples.values()), inside),
    ]


def _verdict(best: _Candidate, reviewed: Review, *, of: int, sampled: bool, seed: int) -> Verdict:
    evidence = (*best.evidence, *reviewed.evidence)
    if of > 1:
        evidence = (*evidence, _agreement(best.agreement, of))
    level, reason = _level(best, of=of, sampled=sampled)
    return Verdict.model_validate(
        {
            "level": level,
            "reason": reason,
            "evidence": evidence,
            "agreement": best.agreement if of > 1 else None,
            "spec_strength": reviewed.strength,
            "seed": seed,
            "sandbox": best.tier,
        }
    )


def _agreement(share: float, of: int) -> Evidence:
    return Evidence(
        clause="agreement",
        kind="agreement",
        origin="rule",
        outcome="passed" if share >= AGREEMENT_TO_BELIEVE else "failed",
        detail=f"behaves as {share:.0%} of {of} variations do, averaged over the inputs",
    )


def _level(best: _Candidate, *, of: int, sampled: bool) -> tuple[Level, str]:
    if best.vetoed:
        return "rejected", next(e.detail for e in best.evidence if e.outcome == "failed" and _is_veto(e))
    stated = sum(e.kind == "example" and e.origin == "user" and e.outcome == "passed" for e in best.evidence)
    doubts = [e for e in best.evidence if e.outcome == "failed" and e.kind != "example"]
    if stated and not doubts and not sampled:
        return "verified", f"all {stated} examples given hold"
    if stated and not doubts and of > 1 and best.agreement >= AGREEMENT_TO_VERIFY:
        return "verified", f"all {stated} examples of the user hold, and {best.agreement:.0%} of the variations agree"
    return _unproven(best, stated, doubts, of)


def _unproven(best: _Candidate, stated: int, doubts: list[Evidence], of: int) -> tuple[Level, str]:
    missing = "the request states no example" if not stated else "the variations do not agree enough"
    if doubts:
        missing = doubts[0].detail
    if of > 1 and best.agreement >= AGREEMENT_TO_BELIEVE and (stated or best.inferred_share >= INFERRED_TO_BELIEVE):
        return "likely", f"{best.agreement:.0%} of the variations agree, but {missing}"
    if stated and not doubts:
        return "likely", "the examples of the user hold, but no other variation confirms it"
    return "unverified", f"nothing speaks against it, but {missing}" if not doubts else missing
