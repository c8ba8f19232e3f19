"""What a stage spends: attempts, tokens, seconds."""

import time
from collections.abc import Awaitable
from typing import Literal, TypeVar

from schemas.api import StageReport
from schemas.engine import Completion

Stage = Literal["ir", "code", "validate"]
Result = TypeVar("Result")


class Ledger:
    """Adds up one request's use of a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._begun = time.monotonic()
        self._attempts = 0
        self._engine_s = 0.0
        self._completions: list[Completion] = []

    async def charge(self, work: Awaitable[list[Completion]]) -> list[Completion]:
        """Wait for an engine's completions and book them as one attempt."""
        completions = await work
        self._attempts += 1
        self._engine_s += max((one.seconds for one in completions), default=0.0)
        self._completions += completions
        return completions

    def report(self) -> StageReport:
        return StageReport(
            stage=self._stage,
            seconds=round(time.monotonic() - self._begun, 4),
            engine_s=round(self._engine_s, 4),
            attempts=max(self._attempts, 1),
            prompt_tokens=sum(c.prompt_tokens for c in self._completions),
            cached_tokens=sum(c.cached_tokens for c in self._completions),
            completion_tokens=sum(c.completion_tokens for c in self._completions),
            finish_reasons=tuple(c.finish_reason for c in self._completions),
            fallback=next((c.model for c in reversed(self._completions) if c.model), None),
        )


def add(reports: list[StageReport]) -> StageReport:
    """One report for several of the same stage."""
    return StageReport(
        stage=reports[0].stage,
        seconds=round(sum(r.seconds for r in reports), 4),
        engine_s=round(sum(r.engine_s for r in reports), 4),
        attempts=sum(r.attempts for r in reports),
        prompt_tokens=sum(r.prompt_tokens for r in reports),
        cached_tokens=sum(r.cached_tokens for r in reports),
        completion_tokens=sum(r.completion_tokens for r in reports),
        finish_reasons=tuple(reason for r in reports for reason in r.finish_reasons),
        fallback=next((r.fallback for r in reversed(reports) if r.fallback), None),
    )
