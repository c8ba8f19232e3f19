"""The whole test: who is there, a cold start, then one request after the other."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployments.report import cold
from deployments.report.door import Door, knock, until_ready
from deployments.report.findings import findings, rows
from deployments.report.samples import Asked, Endpoint, Sample, ask
from lift_sys.client import AsyncClient
from lift_sys.evaluation.summary import Price

_COLD_S = 1_200.0


@dataclass(frozen=True)
class Wanted:
    url: str
    api_key: str | None
    requests: int
    at_once: int
    timeout_s: float
    """For one answer."""
    cold: str | None
    """How a cold start is provoked (`cold.start`). None: it is not."""
    price: Price | None
    door_s: float = 10.0
    """For who is there to say so."""


async def report(wanted: Wanted, on_sample: Callable[[Sample], None]) -> dict[str, Any]:
    """Findings and raw rows. Raises `httpx.InvalidURL` or `httpx.UnsupportedProtocol` for what is no address."""
    door = await knock(wanted.url, wanted.api_key, wanted.door_s)
    asked, started = Asked(), None
    if door.fault:
        asked.broke_off = door.fault.said
    else:
        started = await _ask(wanted, door, asked, on_sample)
    return {
        "url": wanted.url,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "api_version": door.api_version,
        "findings": findings(asked, wanted.requests, started, wanted.price),
        "rows": rows(asked.samples),
        "validate_rows": rows(asked.validated),
    }


async def _ask(wanted: Wanted, door: Door, asked: Asked, on_sample: Callable[[Sample], None]) -> cold.Cold | None:
    started = None
    # A second try would hide what a caller without one sees.
    async with AsyncClient(wanted.url, api_key=wanted.api_key, tries=1) as client:
        endpoint = Endpoint(client, door.schemas, wanted.timeout_s)
        if wanted.cold:
            patient = Endpoint(client, door.schemas, _COLD_S)
            started = await cold.start(wanted.cold, patient, lambda: until_ready(wanted.url, wanted.api_key, _COLD_S))
        await ask(endpoint, wanted.requests, wanted.at_once, asked, on_sample)
    return started
