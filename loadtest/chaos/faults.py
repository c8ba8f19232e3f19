"""The faults, what each does, and which statuses a client may see of it. An answer is 200, an accepted job 202."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psutil

from loadtest.chaos import crowds
from loadtest.chaos.ground import PARTS, Ground
from loadtest.chaos.processes import Family
from loadtest.chaos.relay import Relay
from loadtest.chaos.rows import BROKEN

STOPPED_S = 5.0
"""How long a fault lasts that somebody ends."""
_SILENT_S = {"engine": 8.5, "stage": 8.5, "ingress": 8.5, "validator": 32.0, "executor": 15.0}
"""How long one may say nothing before it is replaced, since it may only be busy: three looks of Serve and the time
between them, as cluster/bench.chaos.yaml has it; of an executor, its validator's patience."""
_COME_AND_GO = {"jail"}
"""Roles of which there is nobody while there is no work."""
_COMES_WITHIN_S = 30.0
_AHEAD_S = 3_600.0
_BLOCK_BYTES = 4_096
_ROOM_BYTES = 2**20
"""Of address space, that a process gets which is squeezed."""


@dataclass(frozen=True)
class Scene:
    """What there is to be hurt."""

    url: str
    family: Family
    relay: Relay
    ground: Ground = field(default_factory=Ground)


Inject = Callable[[Scene], Awaitable[None]]
"""Returns when the fault is over, for whoever ends it."""


@dataclass(frozen=True)
class Fault:
    name: str
    does: str
    inject: Inject
    statuses: frozenset[int]
    """Which attempts may end with, besides 200 and 202. Each is then tried again with the same key."""
    needs: str | None = None
    """The role of a process that must be there, or the part of the ground."""
    silent_s: float = 0.0
    """For which nobody can know of it. That much more there is for a recovery."""

    @property
    def through_relay(self) -> bool:
        return self.name.startswith("network-")

    def require(self, scene: Scene) -> None:
        """Raises `NotHere` where there is nothing that this fault could hurt."""
        if self.needs in PARTS:
            scene.ground.own(self.needs)
        elif self.needs and self.needs not in _COME_AND_GO:
            scene.family.one(self.needs)


async def _victim(scene: Scene, role: str) -> psutil.Process:
    """Of those that come and go one is waited for. Raises `NotHere`."""
    until = time.monotonic() + _COMES_WITHIN_S
    while not (found := scene.family.of(role)) and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return found[0] if found else scene.family.one(role)


def _kill(role: str) -> Inject:
    async def inject(scene: Scene) -> None:
        (await _victim(scene, role)).kill()

    return inject


def _stop(role: str) -> Inject:
    async def inject(scene: Scene) -> None:
        victim = await _victim(scene, role)
        victim.suspend()
        try:
            await asyncio.sleep(STOPPED_S)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.resume()

    return inject


def _freeze(role: str) -> Inject:
    async def inject(scene: Scene) -> None:
        scene.family.one(role).suspend()

    return inject


def _squeeze(role: str) -> Inject:
    async def inject(scene: Scene) -> None:
        victim = scene.family.one(role)
        usual = victim.rlimit(psutil.RLIMIT_AS)
        victim.rlimit(psutil.RLIMIT_AS, (victim.memory_info().vms + _ROOM_BYTES, usual[1]))
        try:
            await asyncio.sleep(STOPPED_S)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.rlimit(psutil.RLIMIT_AS, usual)

    return inject


async def _delay(scene: Scene) -> None:
    scene.relay.delay_s = 0.2
    await asyncio.sleep(STOPPED_S)
    scene.relay.delay_s = 0.0


async def _break(scene: Scene) -> None:
    scene.relay.broken_share = 0.2
    await asyncio.sleep(STOPPED_S)
    scene.relay.broken_share = 0.0


async def _cut(scene: Scene) -> None:
    scene.relay.cut = True
    await asyncio.sleep(STOPPED_S)
    scene.relay.cut = False


async def _fill(scene: Scene) -> None:
    filler = scene.ground.own("disk") / "filler"
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(_BLOCK_BYTES))
        await asyncio.sleep(STOPPED_S)
    finally:
        filler.unlink(missing_ok=True)


async def _silence(scene: Scene) -> None:
    database = scene.ground.own("database")
    database.suspend()
    try:
        await asyncio.sleep(STOPPED_S)
    finally:
        database.resume()


async def _jump(scene: Scene) -> None:
    clock = scene.ground.own("clock")
    clock.move(_AHEAD_S)
    try:
        await asyncio.sleep(STOPPED_S)
    finally:
        clock.move(0.0)


_DIED = {BROKEN, 409, 500, 502, 503}
"""Of a process that clients are connected to. 409: the first attempt still holds the key, until its lease ends."""
_AWAY = {503}
"""Of one behind it: the request is told to come again, as a problem with `Retry-After`."""


def _faults() -> list[Fault]:
    found = []
    statuses: dict[str, set[int]] = {
        "engine": _AWAY, "stage": _AWAY, "validator": _AWAY, "executor": _AWAY, "jail": _AWAY, "ingress": _DIED,
        "proxy": _DIED, "controller": _AWAY,
    }  # fmt: skip
    for role, may in statuses.items():
        found.append(Fault(f"kill-{role}", f"SIGKILL to one {role}", _kill(role), frozenset(may), role))
    for role, may in statuses.items():
        does = f"SIGSTOP to one {role}, SIGCONT after {STOPPED_S:g} s"
        found.append(Fault(f"stop-{role}", does, _stop(role), frozenset(may), role))
    for role, silent_s in _SILENT_S.items():
        does = f"SIGSTOP to one {role}, for good"
        found.append(Fault(f"freeze-{role}", does, _freeze(role), frozenset(statuses[role]), role, silent_s))
    return found


FAULTS = {
    fault.name: fault
    for fault in [
        # The first, while SQLite's log is short: later there is room in the log itself, and nobody feels a full disk.
        Fault("disk-full", "no room where jobs and keys are kept, for 5 s", _fill, frozenset({503}), "disk"),
        *_faults(),
        Fault(
            "memory-engine",
            f"an engine gets no more memory, for {STOPPED_S:g} s",
            _squeeze("engine"),
            frozenset(_AWAY | {500}),
            "engine",
        ),
        Fault("network-delay", "each piece comes 0.2 s later, both ways, for 5 s", _delay, frozenset()),
        Fault("network-loss", "one piece of five ends its connection, for 5 s", _break, frozenset({BROKEN, 409})),
        Fault("network-partition", "nothing goes through between client and service, for 5 s", _cut, frozenset()),
        Fault(
            "clock-jump",
            f"the clock goes an hour ahead in all processes, and back after {STOPPED_S:g} s",
            _jump,
            frozenset(_AWAY),
            "clock",
        ),
        Fault("hang-ups", "300 clients ask, and hang up at once", crowds.hang_up, frozenset({429})),
        Fault("slow-clients", "100 clients send a body at 20 bytes a second", crowds.dawdle, frozenset({429})),
        Fault(
            "database-silent",
            f"the Postgres that keeps jobs and keys says nothing, for {STOPPED_S:g} s",
            _silence,
            frozenset(_AWAY | {409}),
            "database",
        ),
    ]
}
"""By name."""

ELSEWHERE = {
    "SIGKILL of SGLang's scheduler": "tests/deployments/test_real_engine.py",
    "Prometheus away": "tests/deployments/test_autoscaling.py",
    "rolling update and config reload": "`lift bench drain cluster/bench.drain.yaml`",
    "ingresses killed by the dozen while jobs run": "`lift bench jobs`",
    "a head with a Redis killed, a node lost or drained": "`make machines`",
}
"""Faults that another command or test injects."""


def named(names: list[str]) -> list[Fault]:
    """All of them for no names. Raises `LookupError` for a name that is none."""
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        raise LookupError(f"no fault is called {unknown[0]!r}; there are {', '.join(FAULTS)}")
    return [FAULTS[name] for name in names or FAULTS]
