"""Candidates in, one of them with a verdict out: run, check, compare, choose, and say why."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lift_sys.sandbox import Sandbox
from lift_sys.validation.agreement import alike
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
from lift_sys.validation.levels import is_veto, level, thresholds
from lift_sys.validation.observation import Observed, known_inputs, more_inputs, observe
from lift_sys.validation.review import review
from lift_sys.validation.rivals import strongest_rival
from lift_sys.validation.selection import Candidate, Policy, soft
from lift_sys.validation.spec import Spec
from schemas.verdict import Evidence, Verdict


@dataclass(frozen=True)
class Judgement:
    chosen: int
    """The index of the candidate."""
    verdict: Verdict


async def judge(
    spec: Spec, sources: Sequence[str], sandbox: Sandbox, *, sampled: bool, seed: int = 0, policy: Policy = soft
) -> Judgement:
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
    candidates = [
        Candidate(observed[i].behaviour, (*_check(spec, observed[i], inside[i]), *assertions[i]))
        for i in range(len(sources))
    ]
    standing = [i for i, c in enumerate(candidates) if not _refuted(c)] or list(range(len(candidates)))
    best = _best(candidates, standing, policy([candidates[i] for i in standing], tried))
    evidence = await shrunk(spec, sources[best], candidates[best].evidence, sandbox, seed)
    agreement = alike([c.behaviour for c in candidates], tried)[best] if len(sources) > 1 else None
    word, reason = level(evidence, agreement, sampled=sampled)
    told = () if agreement is None else (_agreement(agreement, len(sources)),)
    verdict = Verdict(
        level=word,
        reason=reason,
        evidence=(*evidence, *reviewed.evidence, *told),
        agreement=agreement,
        rival=strongest_rival(spec.function, candidates[best], [candidates[i] for i in standing], tried),
        spec_strength=reviewed.strength,
        seed=seed,
        sandbox=observed[best].report.tier,
    )
    return Judgement(best, verdict)


def _best(candidates: Sequence[Candidate], standing: Sequence[int], scores: Sequence[float]) -> int:
    """Of those that stand, and of which alone the scores are: by score, then by clauses passed; the first of equals."""

    def rank(place: int) -> tuple[float, float]:
        evidence = candidates[standing[place]].evidence
        return scores[place], sum(e.outcome == "passed" for e in evidence) / len(evidence)

    return standing[max(range(len(standing)), key=rank)]


def _refuted(candidate: Candidate) -> bool:
    """By a rule or an example of the user. It has no vote on the others: wrong code often errs alike."""
    return any(e.outcome == "failed" and is_veto(e) for e in candidate.evidence)


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


def _agreement(share: float, of: int) -> Evidence:
    return Evidence(
        clause="agreement",
        kind="agreement",
        origin="rule",
        outcome="passed" if share >= thresholds().likely else "failed",
        detail=f"behaves as {share:.0%} of the {of - 1} other variations do, on every input",
    )
