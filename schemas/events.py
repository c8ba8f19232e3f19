"""What a request tells of itself while it is worked on: one event a step, in the order in which they come.

On the wire they are server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.api import LiftResponse, Problem, StageReport
from schemas.code import Code
from schemas.ir import IR
from schemas.verdict import Evidence, Verdict
from schemas.wire import Wire


class Accepted(Wire):
    event: Literal["accepted"] = "accepted"
    request_id: str
    """By which the rest can be read after a connection is lost: `GET /v1/lift/{request_id}/events`."""
    model: str
    variations: int
    """How many of the code there will be at most, repairs apart."""


class IRDelta(Wire):
    """A piece of the specification's JSON, as the model writes it. Of one that a request brings there are none."""

    event: Literal["ir.delta"] = "ir.delta"
    text: str
    begins: bool
    """Whether an attempt begins with it: what was told before is void then."""


class IRDone(Wire):
    event: Literal["ir.done"] = "ir.done"
    ir: IR
    report: StageReport


class CandidateDone(Wire):
    event: Literal["candidate.done"] = "candidate.done"
    index: Annotated[int, Field(ge=0)]
    """In the order in which all variations of the request were written."""
    code: Code


class ClauseChecked(Wire):
    """A clause that was tried on the best variation so far. It comes again with every wave of variations."""

    event: Literal["clause.checked"] = "clause.checked"
    clause: str
    passed: bool
    evidence: Evidence


class VerdictGiven(Wire):
    """On the best variation so far. The last one is the answer's."""

    event: Literal["verdict"] = "verdict"
    code: Code
    verdict: Verdict


class Usage(Wire):
    event: Literal["usage"] = "usage"
    stages: tuple[StageReport, ...]


class Answer(Wire):
    """The last event of a success."""

    event: Literal["answer"] = "answer"
    response: LiftResponse


class Failed(Wire):
    """The last event of a failure."""

    event: Literal["problem"] = "problem"
    problem: Problem


Event = Annotated[
    Accepted | IRDelta | IRDone | CandidateDone | ClauseChecked | VerdictGiven | Usage | Answer | Failed,
    Field(discriminator="event"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads any of them from its JSON."""
NAMES: tuple[str, ...] = tuple(EVENT.json_schema()["discriminator"]["mapping"])
"""Of all that there are."""
