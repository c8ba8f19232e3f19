"""The events of a streamed answer, and what a client sees of a request by them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from schemas.api import LiftResponse, Problem
from schemas.events import EVENT, Answer, CandidateDone, Event, Failed, IRDelta, IRDone


def read(lines: Iterable[bytes], parse: Callable[[bytes], Event | None] = EVENT.validate_json) -> Iterator[Event]:
    """From the lines of an event stream, in which a blank line ends an event.

    Raises `ValueError` at what is none, as `parse` does. One that is cut off is left out, as the standard has it:
    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    data: list[bytes] = []
    for line in lines:
        field, _, value = line.rstrip(b"\r\n").partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif not field and not value and data:
            if (event := parse(b"\n".join(data))) is not None:
                yield event
            data = []


@dataclass
class Seen:
    """What has come of an answer so far."""

    first_output_s: float | None = None
    """When the first thing that was written came: a piece of an IR, a whole one, or a candidate."""
    response: LiftResponse | None = None
    problem: Problem | None = None

    def add(self, event: Event, at_s: float) -> None:
        match event:
            case IRDelta() | IRDone() | CandidateDone() if self.first_output_s is None:
                self.first_output_s = at_s
            case Answer(response=response):
                self.response = response
            case Failed(problem=problem):
                self.problem = problem
