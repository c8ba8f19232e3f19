"""Who is at the address, before anything is asked of it."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from deployments.report.samples import Sample, failed
from lift_sys.client.protocol import options

_TITLE = "lift-sys"
_SCHEMAS = ("ir", "code")
_LOOK_S = 0.2


@dataclass(frozen=True)
class Door:
    """`fault` is None where a lift-sys opens."""

    api_version: str | None = None
    ready: bool = False
    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    fault: Sample | None = None


async def knock(url: str, api_key: str | None, timeout_s: float) -> Door:
    """Raises `httpx.InvalidURL` or `httpx.UnsupportedProtocol` for what is no address."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s), httpx.AsyncClient(**options(url, api_key), timeout=timeout_s) as http:
            described = await http.get("/openapi.json")
            ready = await http.get("/readyz")
            schemas = {name: await http.get(f"/v1/schemas/{name}") for name in _SCHEMAS}
            return _read(described, ready, schemas)
    except httpx.UnsupportedProtocol:
        raise
    except (httpx.HTTPError, TimeoutError) as error:
        return Door(fault=failed(error, time.monotonic() - begun, timeout_s))


def _read(described: httpx.Response, ready: httpx.Response, schemas: dict[str, httpx.Response]) -> Door:
    for answer in (described, *schemas.values()):
        if answer.status_code in (401, 403):
            said = (
                f"{answer.url} answered {answer.status_code}: it wants a key; give one with --api-key or LIFT_API_KEY"
            )
            return Door(fault=Sample(0.0, fault="refused", said=said, status=answer.status_code))
    try:
        info = described.json()["info"]
        known = {name: _schema(answer) for name, answer in schemas.items()}
        if info["title"] != _TITLE:
            raise ValueError(f"the API is called {info['title']!r}")
    except (ValueError, KeyError, TypeError) as error:
        return Door(fault=Sample(0.0, fault="foreign", said=f"no lift-sys is at {described.url.join('/')}: {error}"))
    return Door(str(info["version"]), ready.status_code == httpx.codes.OK, known)


def _schema(answer: httpx.Response) -> dict[str, Any]:
    found = answer.json()
    if answer.status_code != httpx.codes.OK or not isinstance(found, dict):
        raise ValueError(f"{answer.url} answered {answer.status_code}")
    return found


async def until_ready(url: str, api_key: str | None, limit_s: float) -> None:
    """Until `/readyz` says so, or the limit has passed."""
    begun = time.monotonic()
    async with httpx.AsyncClient(**options(url, api_key), timeout=5) as http:
        while time.monotonic() - begun < limit_s:
            try:
                if (await http.get("/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(_LOOK_S)
