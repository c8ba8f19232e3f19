"""One fault after the other, into a service that is there or into one that is started for it."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from loadtest.chaos.experiment import Experiment, Load
from loadtest.chaos.faults import Fault, Scene
from loadtest.chaos.ground import Ground, Lay, in_postgres, on_disk
from loadtest.chaos.processes import Family
from loadtest.chaos.relay import Relay
from loadtest.service import served

DATABASE = "LIFT_CHAOS_DATABASE"
"""The variable that tells a config where its jobs are kept."""
_USUAL_PRIORITY = {"RAY_worker_niceness": "0"}
"""Ray lets its workers go last of all on a machine, which is well on one of their own; here their callers are, too."""

Result = tuple[dict[str, Any], list[dict[str, Any]]]
"""What a fault came to, and its rows."""


def against(url: str, faults: Sequence[Fault], load: Load) -> Iterator[Result]:
    """Raises `NotHere`."""
    for fault in faults:
        yield _one(Scene(url, Family.serving(url), Relay(url)), fault, load)


def with_service(config: Path, url: str, faults: Sequence[Fault], load: Load) -> Iterator[Result]:
    """Faults of the database come to a service that keeps its jobs in one. Raises `NotHere`."""
    for in_database, some in groupby(faults, lambda fault: fault.needs == "database"):
        yield from _on(in_postgres if in_database else on_disk, config, url, list(some), load)


def _on(lay: Lay, config: Path, url: str, left: list[Fault], load: Load) -> Iterator[Result]:
    """Where all is not well again after one, a new service follows, so that the next fault says something."""
    while left:
        with lay() as ground, served(config, url, variables=_variables(ground)):
            well = True
            while left and well:
                scene = Scene(url, Family.serving(url), Relay(url), ground)
                told, rows = _one(scene, left.pop(0), load)
                well = told["recovery_s"] is not None and not told["missing"]
                yield told, rows


def _variables(ground: Ground) -> dict[str, str]:
    return {DATABASE: ground.jobs, **_USUAL_PRIORITY, **ground.own("clock").variables()}


def _one(scene: Scene, fault: Fault, load: Load) -> Result:
    experiment = Experiment(scene, fault, load)
    told = asyncio.run(experiment.run())
    return told, [row.model_dump(exclude_none=True) for row in experiment.rows]
