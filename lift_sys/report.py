"""What comes out of the jail: how calls ended, and whether predicates held. Its shape is sure, and nothing else is."""

import json
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lift_sys.jail.values import Tree, well_formed
from schemas.verdict import Tier


@dataclass(frozen=True)
class Limits:
    """Of one run. The defaults suit small pure functions."""

    call_s: float = 1.0
    cpu_s: int = 5
    wall_s: float = 10.0
    memory_bytes: int = 512 * 2**20
    report_bytes: int = 4 * 2**20


DEFAULT_LIMITS = Limits()


def _seen(words: str) -> str:
    """With controls, line ends and marks of direction spelt out: a candidate's words end up in logs and terminals."""
    return words if words.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)


Words = Annotated[str, Field(max_length=1_000), AfterValidator(_seen)]
CUT_SHORT = frozenset({"TimeLimit", "MemoryError", "RecursionError"})
"""Exceptions that tell of limits, and depend on the machine."""
MOST_ROWS = 4_096
"""Of calls or predicates in one job, and of scopes."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outcome(_Frozen):
    """How one call ended."""

    returned: Annotated[Tree, AfterValidator(well_formed)] | None = None
    raised: Words | None = None
    kinds: Annotated[tuple[Words, ...], Field(max_length=8)] = ()
    """The names of the exception's class and of those that it derives from."""
    detail: Words = ""
    mutated: bool = False
    printed: Words = ""
    """The beginning of what it wrote to Python's standard streams."""

    @property
    def is_cut_short(self) -> bool:
        """Whether it ended for want of time, memory or stack: then it is no answer."""
        return self.raised in CUT_SHORT

    @property
    def key(self) -> str:
        """What two candidates must share to count as agreeing on an input."""
        return json.dumps([self.returned, self.raised])


class ParameterFact(_Frozen):
    name: Words
    kind: Words
    required: bool
    annotation: Words | None = None


class Trouble(_Frozen):
    """Why no call was made."""

    clause: Literal["parse", "import", "signature", "limits"]
    detail: Words


class _Answer(_Frozen):
    nonce: str = Field(default="", exclude=True)
    """The word that a run was given, to be told from another's report."""
    tier: Tier | None = None
    """Never a run's own word: it is set outside."""


class Effect(_Frozen):
    """Something outside of itself that a program reaches."""

    effect: Literal["stdout", "stdin", "files", "network", "process", "reads_clock", "random", "state", "dynamic"]
    what: Words
    line: int


class Hint(_Frozen):
    """A place that may take more time or memory than there is."""

    what: Words
    line: int


class _Signature(_Answer):
    parameters: tuple[ParameterFact, ...] | None = None
    """None where it is not known."""
    is_async: bool | None = None


class Inspection(_Signature):
    """What a source tells without being run. A candidate cannot forge it."""

    trouble: Trouble | None = None
    imports: tuple[Words, ...] = ()
    returns: Words | None = None
    effects: tuple[Effect, ...] = ()
    hints: tuple[Hint, ...] = ()


class Report(_Signature):
    """What a candidate did. Everything in it but the tier is the candidate's own word."""

    trouble: Trouble | None = None
    outcomes: Annotated[tuple[Outcome, ...], Field(max_length=MOST_ROWS)] = ()


class Holding(_Frozen):
    """Whether a predicate holds in a scope, and what it raised if it could not be evaluated."""

    holds: bool
    raised: Words | None = None


class Holdings(_Answer):
    outcomes: Annotated[tuple[Annotated[tuple[Holding, ...], Field(max_length=MOST_ROWS)], ...], Field(max_length=64)]
    """One row a predicate, one column a scope."""


JobKind = Literal["inspect", "run", "predicates"]
End = Literal["reported", "silent", "full", "spent", "lost"]
"""What became of a job: a report of the right shape; none; no room in the queue; no CPU time left to its request; the
jail itself was lost, twice."""
RunEnd = Literal[End, "large"]
"""`large`: it was not even sent."""
ANSWERS: dict[JobKind, type[Inspection | Report | Holdings]] = {
    "inspect": Inspection,
    "run": Report,
    "predicates": Holdings,
}
"""By a job's kind, the shape that its report must have."""
