"""Whose a job or an idempotency key is."""

from starlette.requests import HTTPConnection
from starlette.types import Scope


def caller_name(scope: Scope) -> str:
    """The name that the middleware of the API keys has found. Without keys, all callers are one."""
    caller = getattr(HTTPConnection(scope).state, "caller", None)
    return "anonymous" if caller is None else str(caller.name)
