"""Admission: how much work an ingress lets into the graph at once, by the tokens that a request is likely to take.

What comes on top waits in a short line, interactive requests first, as long as it is likely to be let in soon enough.
All others are refused at once and told when to come back. So more load than the engines bear makes more refusals, and
leaves those that were let in as quick as before.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deployments.settings import AdmissionSettings, CodeSettings, IRSettings
from lift_sys.deadline import left_s
from lift_sys.errors import Overloaded
from schemas import LiftRequest, LiftResponse
from schemas.api import Priority

_CHARS_A_TOKEN = 4
_FIRST_SHARE = 0.25
"""Of the tokens that a request may take, what it is taken to use before any request has told."""
_WEIGHT = 0.05
"""Of the newest answer, in what is learnt from all."""
_MOST_RETRY_S = 60.0


class Estimate:
    """The tokens that a request is likely to take: a share, learnt from the answers, of all that it may take."""

    def __init__(self, ir: IRSettings, code: CodeSettings) -> None:
        self._ir = ir
        self._code = code
        self._share = _FIRST_SHARE
        self._answers = 0

    def of(self, request: LiftRequest) -> int:
        return math.ceil(self._share * self._most(request))

    def learn(self, request: LiftRequest, response: LiftResponse) -> None:
        used = sum(s.prompt_tokens - s.cached_tokens + s.completion_tokens for s in response.stages)
        self._answers += 1
        weight = max(_WEIGHT, 1 / self._answers)
        self._share += weight * (used / self._most(request) - self._share)

    def _most(self, request: LiftRequest) -> float:
        read = len(request.words) / _CHARS_A_TOKEN
        specified = 0 if request.ir else self._ir.max_tokens
        return read + specified + (request.n or self._code.n) * self._code.max_tokens


@dataclass(eq=False)
class Ticket:
    """A request's place in the line, or inside once it has been let in."""

    tokens: int
    priority: Priority
    came_in_s: float | None = None


class Line:
    """Who is inside, who waits and who is refused. Knows no more of time than the clock that it is given."""

    def __init__(self, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._interactive: deque[Ticket] = deque()
        self._batch: deque[Ticket] = deque()
        self._inside_s = 0.0
        """How long a request is inside: the mean of the latest."""
        self.tokens = 0
        """Of all that are inside."""

    @property
    def waiting(self) -> int:
        return len(self._interactive) + len(self._batch)

    def ask(self, tokens: int, priority: Priority, patience_s: float = math.inf) -> Ticket:
        """A ticket that has come in, or that waits.

        Raises `Overloaded` where the line is full, or is likely to take longer than the patience or the settings have.
        """
        ticket = Ticket(tokens, priority)
        before = self._before(priority)
        if not before and self._has_room(ticket):
            self._let_in(ticket)
            return ticket
        wait_s = self._wait_s(tokens + sum(one.tokens for one in before))
        # Half of the places are kept for those that somebody waits for.
        places = self._settings.max_waiting // (1 if priority == "interactive" else 2)
        if self.waiting >= places or wait_s > min(patience_s, self._settings.max_wait_s):
            raise Overloaded("more work than can be done soon", math.ceil(min(max(wait_s, 1.0), _MOST_RETRY_S)))
        self._line(priority).append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> list[Ticket]:
        """Its request is done or has given up. Gives the tickets that come in for it."""
        if ticket.came_in_s is None:
            self._line(ticket.priority).remove(ticket)
        else:
            self.tokens -= ticket.tokens
            took_s = self._clock() - ticket.came_in_s
            self._inside_s += (_WEIGHT if self._inside_s else 1.0) * (took_s - self._inside_s)
        return list(self._next())

    def _next(self) -> Iterator[Ticket]:
        """Within a class nobody overtakes: who needs much would else never come in."""
        while (line := self._interactive or self._batch) and self._has_room(line[0]):
            ticket = line.popleft()
            self._let_in(ticket)
            yield ticket

    def _line(self, priority: Priority) -> deque[Ticket]:
        return self._interactive if priority == "interactive" else self._batch

    def _before(self, priority: Priority) -> list[Ticket]:
        return [*self._interactive, *(self._batch if priority == "batch" else ())]

    def _has_room(self, ticket: Ticket) -> bool:
        """Who needs more than there is comes in alone."""
        return not self.tokens or self.tokens + ticket.tokens <= self._settings.max_tokens

    def _let_in(self, ticket: Ticket) -> None:
        self.tokens += ticket.tokens
        ticket.came_in_s = self._clock()

    def _wait_s(self, waiting_tokens: int) -> float:
        """By Little's law: as many tokens as are inside leave within the time that a request is inside."""
        ahead = max(0, self.tokens + waiting_tokens - self._settings.max_tokens)
        return ahead / max(self.tokens, 1) * self._inside_s


class Gate:
    """Lets requests in by a `Line`, and makes the others wait."""

    def __init__(self, line: Line, estimate: Estimate) -> None:
        self._line = line
        self._estimate = estimate
        self._turns: dict[Ticket, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def admitted(self, request: LiftRequest) -> AsyncIterator[None]:
        """Waits for its turn. Raises `Overloaded` where that is not likely to come in time."""
        patience_s = left_s()
        ticket = self._line.ask(
            self._estimate.of(request), request.priority, math.inf if patience_s is None else patience_s
        )
        try:
            if ticket.came_in_s is None:
                self._turns[ticket] = asyncio.get_running_loop().create_future()
                await self._turns[ticket]
            yield
        finally:
            self._turns.pop(ticket, None)
            for one in self._line.leave(ticket):
                if not self._turns[one].done():  # or it has just given up, and leaves next
                    self._turns[one].set_result(None)

    def learn(self, request: LiftRequest, response: LiftResponse) -> None:
        """What an admitted request took in the end."""
        self._estimate.learn(request, response)
