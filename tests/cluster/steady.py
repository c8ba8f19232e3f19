"""Clients that ask without a pause, short and long prompts in turn, and what they were answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

SHORT = {"prompt": "Double a number: double(2) == 4", "n": 1}
LONG = {"prompt": "Double a number: double(2) == 4. " + "It is an integer. " * 300, "n": 1}
CLIENTS = 2
_BEFORE_S, _AFTER_S = 1.0, 2.0
_LIMIT_S = 60.0


class Steady:
    def __init__(self, url: str) -> None:
        self._url = url
        self._begun = time.monotonic()
        self.rows: list[dict[str, Any]] = []

    async def during(self, event: Callable[[], object]) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=_LIMIT_S) as client:
            asking = [asyncio.create_task(self._ask(client)) for _ in range(CLIENTS)]
            await asyncio.sleep(_BEFORE_S)
            await asyncio.to_thread(event)
            await asyncio.sleep(_AFTER_S)
            for one in asking:
                one.cancel()
            ended = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended

    async def _ask(self, client: httpx.AsyncClient) -> None:
        while True:
            for length, body in (("short", SHORT), ("long", LONG)):
                begun = time.monotonic()
                row = {"length": length, "at_s": round(begun - self._begun, 2), **await _answer(client, body)}
                self.rows.append({**row, "seconds": round(time.monotonic() - begun, 2)})
                if row["status"] != httpx.codes.OK:
                    await asyncio.sleep(0.2)

    def told(self) -> dict[str, Any]:
        """How many of which status, what went wrong, which model wrote for which length, and the slowest."""
        wrote = Counter(f"{row['length']} by {row['model']}" for row in self.rows if row["status"] == httpx.codes.OK)
        statuses = Counter(str(row["status"]) for row in self.rows)
        slowest = max(row["seconds"] for row in self.rows)
        errors = sorted({row["error"] for row in self.rows if row["error"]})
        told = {"statuses": statuses, "errors": errors, "last": self.rows[-1]["status"]}
        return {**told, "wrote": wrote, "slowest_s": slowest}


async def _answer(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """Status 0: none came."""
    try:
        answer = await client.post("/v1/lift", json=body)
    except httpx.TransportError as error:
        return {"status": 0, "model": None, "error": repr(error)}
    try:
        told = answer.json()
    except ValueError:  # HAProxy's own words
        told = {"detail": answer.text[:80]}
    return {"status": answer.status_code, "model": told.get("model"), "error": told.get("detail")}
