"""What the samples come to."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from deployments.report.cold import Cold
from deployments.report.samples import Asked, Sample
from lift_sys.evaluation.summary import Price
from loadtest.quantiles import quantiles
from schemas import LiftResponse, Verdict

_STAGES = ("ir", "code", "validate")


def findings(asked: Asked, wanted: int, cold: Cold | None, price: Price | None) -> dict[str, Any]:
    """Shares and seconds are None where nothing was there to measure them on."""
    answers = [sample.response for sample in asked.samples if sample.response]
    warm_s = {"total": [sample.seconds for sample in asked.samples if sample.response]}
    warm_s |= {name: [_seconds(answer, name) for answer in answers] for name in _STAGES}
    warm_s["validate request"] = [sample.seconds for sample in asked.validated if sample.response]
    latency_s = {name: quantiles(seconds) for name, seconds in warm_s.items()}
    levels = Counter(answer.verdict.level for answer in answers)
    tokens = {name: sum(getattr(s, f"{name}_tokens") for a in answers for s in a.stages) for name in _TOKENS}
    return {
        "requests": wanted,
        "asked": len(asked.samples),
        "answered": _share(len(answers), len(asked.samples)),
        "broke_off": asked.broke_off,
        "problems": problems(asked),
        "schema_valid": _share(sum(not s.invalid for s in asked.samples if s.response), len(answers)),
        "invalid": sorted({said for sample in asked.samples for said in sample.invalid})[:10],
        "evidenced": _share(sum(evidenced(answer.verdict) for answer in answers), len(answers)),
        "not_rejected": _share(len(answers) - levels["rejected"], len(answers)),
        "verdicts": dict(levels.most_common()),
        "latency_s": latency_s,
        "total_p50_s": latency_s["total"]["p50"],
        "total_p99_s": latency_s["total"]["p99"],
        "validate_p99_s": latency_s["validate request"]["p99"],
        "tokens": tokens,
        "models": sorted({answer.model for answer in answers}),
        "sandboxes": sorted({answer.verdict.sandbox or "none" for answer in answers}),
        **({"cold": cold.__dict__, "cold_start_s": cold.first_answer_s} if cold else {}),
        **(_dollars(price, tokens, levels["verified"]) if price else {}),
    }


_TOKENS = ("prompt", "cached", "completion")


def evidenced(verdict: Verdict) -> bool:
    """Whether what was tried bears the level: something passed and nothing failed, or something failed."""
    outcomes = {one.outcome for one in verdict.evidence}
    match verdict.level:
        case "verified" | "likely":
            return "passed" in outcomes and "failed" not in outcomes
        case "rejected":
            return "failed" in outcomes
        case _:
            return True


def problems(asked: Asked) -> dict[str, int]:
    """What was said in place of an answer, and how often."""
    return dict(Counter(_said(one) for one in (*asked.samples, *asked.validated) if one.fault).most_common())


def _said(sample: Sample) -> str:
    return f"{sample.fault}: {sample.said}"


def _seconds(answer: LiftResponse, stage: str) -> float:
    return sum(report.seconds for report in answer.stages if report.stage == stage)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _dollars(price: Price, tokens: dict[str, int], verified: int) -> dict[str, float | None]:
    usd = (tokens["prompt"] * price.prompt + tokens["completion"] * price.completion) / 1e6
    return {"usd": round(usd, 6), "usd_per_verified": round(usd / verified, 6) if verified else None}


def rows(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    return [
        {
            "seconds": round(sample.seconds, 4),
            "fault": sample.fault,
            "said": sample.said,
            "invalid": sample.invalid,
            "level": sample.response.verdict.level if sample.response else None,
            "stages": [report.model_dump() for report in sample.response.stages] if sample.response else [],
        }
        for sample in samples
    ]
