"""Which of the calls that wait in an engine begins first."""

from typing import Literal

from schemas.api import Priority

_CLASSES: dict[Priority, int] = {"batch": 0, "interactive": 2}
_STAGES: dict[Literal["ir", "code"], int] = {"ir": 0, "code": 1}


def rank(priority: Priority, stage: Literal["ir", "code"]) -> int:
    """Higher is sooner. Within a class code comes first: it ends a request that is half done, an IR begins one more."""
    return _CLASSES[priority] + _STAGES[stage]
