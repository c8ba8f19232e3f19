"""Whose request a task works on. Tasks that start within inherit it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from deployments.security.keys import NOBODY, Caller

_work: ContextVar[tuple[Caller, str] | None] = ContextVar("work", default=None)


@contextmanager
def called_by(caller: Caller, of_request: str) -> Iterator[None]:
    token = _work.set((caller, of_request))
    try:
        yield
    finally:
        _work.reset(token)


def current_caller() -> Caller:
    """Nobody, outside of a request."""
    work = _work.get()
    return work[0] if work else NOBODY


def request_id() -> str:
    """Of the request that is worked on; a new one outside of any."""
    work = _work.get()
    return work[1] if work else uuid.uuid4().hex
