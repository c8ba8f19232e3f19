"""The deadline that a client states in a header."""

from typing import Annotated

from fastapi import Header

TimeoutHeader = Annotated[
    float | None,
    Header(
        alias="X-Request-Timeout",
        gt=0,
        le=3_600,
        allow_inf_nan=False,
        description="Seconds until the client gives up. Bounds the request as `timeout_s` does: the smaller counts.",
    ),
]
"""Not `X-Request-Timeout-Seconds`: that is Serve's own, whose proxy then answers in place of us."""


def shorter(*limits_s: float | None) -> float | None:
    """None where no limit is stated."""
    return min((limit for limit in limits_s if limit is not None), default=None)
