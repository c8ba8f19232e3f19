"""Candidates in, one of them with a verdict out: run, check, compare, choose, and say why."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lift_sys.sandbox import Report, Sandbox
from lift_sys.validation.agreement import soft_agreement
from lift_sys.validation.assertions import Behaviour, check_assertions, domain
from lift_sys.validation.checks import check_example, check_purity, check_static
from lift_sys.validation.inputs import mutate
from lift_sys.validation.spec import Spec, why_unusable
from schemas.verdict import Evidence, Level, Verdict

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
    tier: str

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


async def judge(spec: Spec, sources: Sequence[str], sandbox: Sandbox, *, sampled: bool) -> Judgement:
    """Choose the best source and give it a verdict. `sampled`: a model wrote them, so one alone proves little."""
    examples = [e for e in (*spec.stated, *spec.inferred) if not why_unusable(e)]
    known = list(dict.fromkeys(e.arguments for e in examples))
    inputs = known + mutate(known)
    reports = await asyncio.gather(*(sandbox.run(source, spec.function, inputs) for source in sources))
    admitted = await domain(spec, inputs, sandbox)
    behaviours = [_behaviour(report, inputs) for report in reports]
    inside = [{k: v for k, v in b.items() if k in admitted} for b in behaviours]
    assertions = await check_assertions(spec, inside, sandbox)
    agreements = soft_agreement(behaviours, [text for text in inputs if text in admitted])
    candidates = [
        _Candidate(i, (*_check(spec, reports[i], behaviours[i]), *assertions[i]), agreements[i], reports[i].tier)
        for i in range(len(sources))
    ]
    best = max(candidates, key=lambda c: c.rank)
    return Judgement(best.index, _verdict(best, of=len(sources), sampled=sampled))


def _behaviour(report: Report, inputs: Sequence[str]) -> Behaviour:
    return {} if report.trouble else dict(zip(inputs, report.outcomes, strict=True))


def _check(spec: Spec, report: Report, behaviour: Behaviour) -> list[Evidence]:
    evidence = list(check_static(report, spec))
    for name, examples in (("stated", spec.stated), ("inferred", spec.inferred)):
        evidence += [
            check_example(f"examples.{name}[{i}]", spec.function, e, behaviour.get(e.arguments))
            for i, e in enumerate(examples)
        ]
    return [*evidence, *check_purity(spec, report.outcomes)]


def _verdict(best: _Candidate, *, of: int, sampled: bool) -> Verdict:
    evidence = best.evidence
    if of > 1:
        evidence = (*evidence, _agreement(best.agreement, of))
    level, reason = _level(best, of=of, sampled=sampled)
    return Verdict.model_validate(
        {
            "level": level,
            "reason": reason,
            "evidence": evidence,
            "agreement": best.agreement if of > 1 else None,
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
