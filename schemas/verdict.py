"""What the validator says of a piece of code, and the evidence for it."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.wire import Wire

Level = Literal["verified", "likely", "unverified", "rejected"]
Outcome = Literal["passed", "failed", "skipped"]
Tier = Literal["namespaces", "landlock", "rlimits"]
"""How strongly the sandbox held, strongest first.

`rlimits`: time and memory bounded, and perhaps more. `landlock`: and no file can be written, none but the standard
library read, no process started, no socket opened. `namespaces`: and there is nothing else in sight.
"""


class Evidence(Wire):
    """One clause, what was tried, and what came of it."""

    clause: str
    """What was checked: `parse`, `signature`, `examples[0]`, `assertions[2]` …"""
    kind: Literal["static", "example", "assertion", "agreement"]
    origin: Literal["rule", "user", "inferred", "stated", "implied", "guess"]
    outcome: Outcome
    detail: str
    """The clause in Python, and for a failure what happened instead."""
    inputs_tried: Annotated[int, Field(ge=0)] = 0
    counterexample: str | None = None


class Rival(Wire):
    """How variations that nothing speaks against differ from the chosen one: the plainest call that tells it."""

    call: str
    """Such as `f([])`."""
    chosen: str
    """What the chosen code returns, as a literal."""
    chosen_by: Annotated[int, Field(ge=1)]
    """How many variations behave as that one on every input."""
    other: str
    """What the most numerous of the others return."""
    other_by: Annotated[int, Field(ge=1)]

    @property
    def is_close(self) -> bool:
        return 2 * self.other_by >= self.chosen_by


class Verdict(Wire):
    level: Level
    reason: str
    """Why this level and not a better one, in one sentence."""
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]
    agreement: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share of the other variations that behave as this one on every input tried; null without others."""
    rival: Rival | None = None
    """Null where all variations behave alike, or differ only in what no literal says."""
    spec_strength: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share of wrong results, made from the examples' right ones, that the postconditions reject; null when none
    could be tried."""
    seed: int = 0
    """Of the inputs that were made up. With it and the same code and specification, the evidence can be found again."""
    sandbox: Tier | None
    """The tier the code ran in; null when it never ran."""

    @property
    def findings(self) -> tuple[Evidence, ...]:
        return tuple(e for e in self.evidence if e.outcome == "failed")
