"""Memory, open files and processes of a service, by part, over time."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import psutil

from deployments.bench.cpu import service_of
from deployments.bench.scale.load import Asked
from lift_sys.simulation.outcome import percentile

_MB = 2**20
_OTHER = "other"
QUANTITIES = ("memory_mb", "fds", "processes")

Series = Mapping[tuple[str, str], Sequence[tuple[float, float]]]
"""Seconds and amounts, by part and quantity."""


@dataclass(frozen=True)
class Use:
    """Of all processes of a part; a process that starts others, such as a sandbox, counts with them."""

    at_s: float
    part: str
    memory_mb: float
    fds: int
    processes: int


def look(service: psutil.Process, at_s: float) -> list[Use]:
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for process in service.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            found[_part(process)].append((process.memory_info().rss, process.num_fds()))
    return [
        Use(at_s, part, round(sum(rss for rss, _ in of) / _MB, 2), sum(fds for _, fds in of), len(of))
        for part, of in sorted(found.items())
    ]


def _part(process: psutil.Process) -> str:
    for one in (process, *process.parents()):
        if name := service_of((one.cmdline() or [""])[0]):
            # Ray's node manager is everybody's parent, and names nobody but itself.
            return name if name != "ray" or one is process else _OTHER
    return _OTHER


async def watch(service: psutil.Process, every_s: float, kept: list[Use]) -> None:
    """Until it is cancelled."""
    begun = time.monotonic()
    while True:
        kept += await asyncio.to_thread(look, service, round(time.monotonic() - begun, 1))
        await asyncio.sleep(every_s)


def series(uses: Sequence[Use], rows: Sequence[Asked], *, settled_s: float, window_s: float) -> Series:
    """Of what came after the service had settled; p99 is of one window after the other."""
    found: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for use in uses:
        if use.at_s >= settled_s:
            for quantity in QUANTITIES:
                found[use.part, quantity].append((use.at_s, getattr(use, quantity)))
    for at_s, p99_s in windows(rows, window_s):
        if at_s >= settled_s:
            found["service", "p99_s"].append((at_s, p99_s))
    return found


def windows(rows: Sequence[Asked], window_s: float) -> Iterator[tuple[float, float]]:
    """The middle of each that had answers, and their p99."""
    latencies: defaultdict[int, list[float]] = defaultdict(list)
    for row in rows:
        if row.status == 200:
            latencies[int(row.due_s // window_s)].append(row.latency_s)
    for number, of in sorted(latencies.items()):
        yield (number + 0.5) * window_s, percentile(sorted(of), 99)


def as_rows(uses: Sequence[Use], rows: Sequence[Asked]) -> list[dict[str, object]]:
    asked = [{"due_s": row.due_s, "latency_s": row.latency_s, "status": row.status} for row in rows]
    return [*map(asdict, uses), *asked]
