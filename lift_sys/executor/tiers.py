"""How strongly a machine can hold a run: found by trying, not by asking the kernel what it is.

A tier counts only if a run that tries to get out finds every way closed.
"""

import asyncio
import json
from dataclasses import dataclass

from lift_sys.executor.worker import Done, Worker, WorkerLost
from lift_sys.jail.zygote import Order
from schemas.verdict import Tier

_ESCAPES = """
import os, socket
def f():
    ways = {
        "a process": lambda: os.fork() or os._exit(0),
        "a file": lambda: open("/etc/passwd"),
        "a folder": lambda: os.listdir("/"),
        "a new file": lambda: open("/tmp/lift-probe", "w"),
        "a socket": lambda: socket.socket(),
        "a signal": lambda: os.kill(os.getppid(), 0),
    }
    open_ways = []
    for name, way in ways.items():
        try:
            way()
            open_ways.append(name)
        except OSError:
            pass
    return open_ways
"""
_PROBE = Order(wall_s=10.0, cpu_s=5, memory_bytes=512 * 2**20, report_bytes=2**20)
_PROBE_JOB = {
    "kind": "run",
    "source": _ESCAPES,
    "function": "f",
    "calls": [""],
    "describe": False,
    "call_s": 5.0,
    "cpu_s": 5,
}
_NOTHING_OPEN = ["list", []]


@dataclass(frozen=True)
class Strength:
    """A tier, and what it was found with."""

    name: Tier
    namespaces: bool
    seccomp: bytes
    detail: str


class Slot:
    """Room for one run at a time: a warm jail for each seed that jobs ask for, replaced when worn or lost."""

    def __init__(self, strength: Strength, runs_per_jail: int) -> None:
        """`runs_per_jail`: after which one is replaced. Nothing is known to build up, and nothing gets the chance."""
        self._strength = strength
        self._runs_per_jail = runs_per_jail
        self._workers: dict[int, Worker] = {}

    async def run(self, job: bytes, order: Order, seed: int) -> Done:
        """In a fresh jail if the present one is lost on the way. Raises `WorkerLost` if that is lost too.

        Cancelling it ends the jail, and the run in it.
        """
        try:
            return await (await self._worker(seed)).run(job, order)
        except WorkerLost:
            self._discard(seed)
        except asyncio.CancelledError:
            self._discard(seed)
            raise
        try:
            return await (await self._worker(seed)).run(job, order)
        except (WorkerLost, asyncio.CancelledError):
            self._discard(seed)
            raise

    def close(self) -> None:
        for seed in list(self._workers):
            self._discard(seed)

    async def _worker(self, seed: int) -> Worker:
        if seed in self._workers and self._workers[seed].runs >= self._runs_per_jail:
            self._discard(seed)
        if seed not in self._workers:
            strength = self._strength
            self._workers[seed], _ = await Worker.start(strength.seccomp, seed, namespaces=strength.namespaces)
        return self._workers[seed]

    def _discard(self, seed: int) -> None:
        if worker := self._workers.pop(seed, None):
            worker.close()


_TIERS: tuple[tuple[Tier, bool], ...] = (("namespaces", True), ("landlock", False))


async def strongest(only: Tier | None = None) -> Strength:
    """The strongest tier that holds here, or the one asked for; `rlimits` where none does, and what was wrong."""
    seccomp = _filter()
    reasons: list[str] = []
    for name, namespaces in _TIERS:
        if only not in (None, name):
            continue
        wrong = await _what_is_wrong(seccomp, namespaces=namespaces)
        if wrong is None:
            return Strength(name, namespaces, seccomp, "; ".join(reasons))
        reasons.append(f"{name}: {wrong}")
    return Strength("rlimits", False, seccomp, "; ".join(reasons))


def _filter() -> bytes:
    """Empty where libseccomp is not: its binding looks for it on import."""
    try:
        from lift_sys.executor.syscalls import compiled
    except (ImportError, OSError, RuntimeError):
        return b""
    return compiled()


async def _what_is_wrong(seccomp: bytes, *, namespaces: bool) -> str | None:
    try:
        worker, ready = await Worker.start(seccomp, 0, namespaces=namespaces)
    except WorkerLost as error:
        return str(error)
    try:
        done = await worker.run(b"probe\n" + json.dumps(_PROBE_JOB).encode(), _PROBE)
        [outcome] = json.loads(done.report)["outcomes"]
    except (WorkerLost, ValueError, KeyError) as error:
        return f"the probe gave no answer: {error!r}"
    finally:
        worker.close()
    missing = [part for part, held in ready._asdict().items() if not held]
    if missing or outcome.get("returned") != _NOTHING_OPEN:
        return f"without {', '.join(missing) or 'nothing'}; what the probe found open: {outcome}"
    return None
