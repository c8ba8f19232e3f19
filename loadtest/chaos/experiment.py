"""One fault under load."""

import asyncio
import contextlib
import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import psutil

from loadtest.arrivals import Arrivals
from loadtest.chaos.client import Stranger, open_client
from loadtest.chaos.faults import Fault, Scene
from loadtest.chaos.judge import Injected, judged, limit_s, recovery_s
from loadtest.chaos.rows import Asked
from loadtest.shapes import constant

_LONGEST_S = 90.0
"""For which requests come at most; fewer once the service has recovered."""
_AFTER_S = 2.0
_JOBS_EVERY = 5
"""Of the arrivals one of so many is a job."""
_IN_WORK, _APART_S = 4, 0.2
"""Requests just before the fault, each at another step of the graph, so that somebody is hurt."""
_WARM = 4
"""Requests one after the other before the run, since a new service's first are slow."""
_SETTLED_S = 30.0
_LOOK_S = 0.5


@dataclass(frozen=True)
class Load:
    rate: float
    seed: int
    api_key: str | None = None
    before_s: float = 6.0
    """Without a fault, by which is known what is usual."""


@dataclass
class Experiment:
    scene: Scene
    fault: Fault
    load: Load
    rows: list[Asked] = field(default_factory=list)
    _waiting: dict[int, float] = field(default_factory=dict)
    """When the requests that have no answer yet were due, by number."""
    _busy: float = 0.0
    """Which share of this machine's cores was used before the fault: with none left a backlog is never worked off."""

    async def run(self) -> dict[str, Any]:
        """What came of it. Raises `NotHere`."""
        family = self.scene.family
        self.fault.require(self.scene)
        there, before = family.roles(), family.census()
        async with contextlib.AsyncExitStack() as stack:
            url = self.scene.url
            if self.fault.through_relay:
                url = await stack.enter_async_context(self.scene.relay.listening())
            client = await stack.enter_async_context(open_client(url, self.load.api_key))
            await _warm(client)
            injected = await self._under_load(client)
        missing = await self._settled(there)
        told = judged(self.rows, injected, self.fault.statuses, self.fault.silent_s)
        told["leaks"] = family.census().leaks(before)
        told["missing"] = missing
        told["held"] = told["held"] and not missing and not told["leaks"]["jails"]
        about = {"fault": self.fault.name, "does": self.fault.does}
        times = {"at_s": round(injected.at_s, 3), "over_s": round(injected.over_s, 3)}
        return {**about, **told, **times, "busy": self._busy}

    async def _under_load(self, client: httpx.AsyncClient) -> Injected:
        begun = time.monotonic()
        psutil.cpu_percent()
        stranger = Stranger(client, uuid.uuid4().hex, begun, self.rows.append)
        async with asyncio.TaskGroup() as group:
            arriving = group.create_task(self._arrive(stranger, group))
            await asyncio.sleep(self.load.before_s)
            for number in range(_IN_WORK):
                group.create_task(self._ask(stranger, 10 * number + 5, time.monotonic() - begun))
                await asyncio.sleep(_APART_S)
            at_s, self._busy = time.monotonic() - begun, round(psutil.cpu_percent() / 100, 2)
            await self.fault.inject(self.scene)
            injected = Injected(at_s, time.monotonic() - begun)
            while not arriving.done() and not self._is_over(injected, time.monotonic() - begun):
                await asyncio.sleep(_LOOK_S)
            arriving.cancel()
        return injected

    def _is_over(self, injected: Injected, now_s: float) -> bool:
        """Once there are enough that came well after the fault, beside those before it, which say what well is."""
        usual_s = limit_s(self.rows, injected.at_s)
        late = [due_s for due_s in self._waiting.values() if now_s - due_s > usual_s]
        since_s = max([injected.over_s, *late])
        untouched = [row for row in self.rows if row.due_s + row.latency_s < injected.at_s or row.due_s > since_s]
        return now_s > injected.over_s + _AFTER_S and recovery_s(untouched, injected) is not None

    async def _arrive(self, stranger: Stranger, group: asyncio.TaskGroup) -> None:
        due = Arrivals("poisson").due(constant(self.load.rate, _LONGEST_S), self.load.seed)
        for number, due_s in enumerate(due):
            await asyncio.sleep(max(stranger.begun + due_s - time.monotonic(), 0))
            is_job = number % _JOBS_EVERY == 0
            group.create_task((stranger.order if is_job else partial(self._ask, stranger))(10 * number, due_s))

    async def _ask(self, stranger: Stranger, number: int, due_s: float) -> None:
        self._waiting[number] = due_s
        await stranger.ask(number, due_s)
        del self._waiting[number]

    async def _settled(self, there: dict[str, int]) -> dict[str, int]:
        """How many of which processes have not come back; jails come when they are needed."""
        until = time.monotonic() + _SETTLED_S
        while missing := _fewer(there, self.scene.family.roles()):
            if time.monotonic() > until:
                break
            await asyncio.sleep(_LOOK_S)
        return missing


async def _warm(client: httpx.AsyncClient) -> None:
    stranger = Stranger(client, uuid.uuid4().hex, time.monotonic(), lambda row: None)
    for number in range(_WARM):
        await stranger.ask(number, 0.0)


def _fewer(wanted: dict[str, int], found: dict[str, int]) -> dict[str, int]:
    short = {role: count - found.get(role, 0) for role, count in wanted.items() if role not in ("jail", "executor")}
    return {role: count for role, count in short.items() if count > 0}
