"""One fault after the other, into a service that is there or into one that is started for it."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loadtest.chaos.experiment import Experiment, Load
from loadtest.chaos.faults import Fault, Scene
from loadtest.chaos.processes import Family
from loadtest.chaos.relay import Relay
from loadtest.service import served

DATABASE = "LIFT_CHAOS_DATABASE"
"""The variable that tells a config where its jobs are kept."""
_DISK = "16m"
_USUAL_PRIORITY = {"RAY_worker_niceness": "0"}
"""Ray lets its workers go last of all on a machine, which is well on one of their own; here their callers are, too."""

Result = tuple[dict[str, Any], list[dict[str, Any]]]
"""What a fault came to, and its rows."""


def against(url: str, faults: Sequence[Fault], load: Load) -> Iterator[Result]:
    """Raises `NotHere`."""
    for fault in faults:
        yield _one(Scene(url, Family.serving(url), Relay(url)), fault, load)


def with_service(config: Path, url: str, faults: Sequence[Fault], load: Load) -> Iterator[Result]:
    """Where all is not well again after one, a new service follows, so that the next fault says something."""
    left = list(faults)
    while left:
        with _disk() as (folder, disk), served(config, url, variables=_variables(folder)):
            well = True
            while left and well:
                scene = Scene(url, Family.serving(url), Relay(url), disk)
                told, rows = _one(scene, left.pop(0), load)
                well = told["recovery_s"] is not None and not told["missing"]
                yield told, rows


def _variables(folder: Path) -> dict[str, str]:
    return {DATABASE: str(folder / "jobs.sqlite"), **_USUAL_PRIORITY}


def _one(scene: Scene, fault: Fault, load: Load) -> Result:
    experiment = Experiment(scene, fault, load)
    told = asyncio.run(experiment.run())
    return told, [row.model_dump(exclude_none=True) for row in experiment.rows]


@contextlib.contextmanager
def _disk() -> Iterator[tuple[Path, Path | None]]:
    """A folder, and once more if it is a small file system of its own, which only root can mount."""
    with tempfile.TemporaryDirectory() as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", name]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        try:
            yield Path(name), Path(name) if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", name], check=True)
