"""The audit log: one line for each decision that matters, with who and which request, and no word of what was said.

Serve writes it with the replica's log, as JSON where the config says so. The logger's name sets it apart.
"""

import logging
from typing import Literal

from deployments.security.callers import current_caller, request_id

Event = Literal["denied", "quota", "keys.loaded", "keys.refused", "admin", "job.accepted"]

logger = logging.getLogger("ray.serve.lift.audit")


def audit(event: Event, why: str | None = None) -> None:
    """Within a request, of it and its caller. `why` is our words, never a client's."""
    caller = current_caller()
    extra = {"event": event, "caller": caller.name, "key": caller.key_id, "lift_request_id": request_id(), "why": why}
    logger.info("audit", extra={key: value for key, value in extra.items() if value is not None})
