"""What is under a service that is to be hurt: a small disk or a Postgres for its jobs and keys, and a clock."""

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.chaos.clock import Clock
from loadtest.chaos.processes import NotHere
from loadtest.postgres import Postgres, postgres, programs

_DISK = "16m"


@dataclass(frozen=True)
class Ground:
    """Nothing of it is ours where somebody else has started the service."""

    jobs: str = ""
    """As a config's `jobs.database` says it."""
    disk: Path | None = None
    """A file system of its own."""
    database: Postgres | None = None
    clock: Clock | None = None

    def own(self, what: str) -> Any:
        """The `disk`, `database` or `clock`. Raises `NotHere`."""
        if found := getattr(self, what):
            return found
        root = ", as root" if what == "disk" else ""
        raise NotHere(f"the service has no {what} of its own to be hurt: let this command start it{root}")


PARTS = ("disk", "database", "clock")
Lay = Callable[[], AbstractContextManager[Ground]]


@contextlib.contextmanager
def on_disk() -> Iterator[Ground]:
    """A folder, and a small file system of its own if it can be mounted, which takes root."""
    with tempfile.TemporaryDirectory() as name, _clock() as clock:
        folder = Path(name)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", name]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        try:
            yield Ground(str(folder / "jobs.sqlite"), disk=folder if mounted else None, clock=clock)
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", name], check=True)


@contextlib.contextmanager
def in_postgres() -> Iterator[Ground]:
    """Raises `NotHere` without its programs."""
    where = programs()
    if where is None:
        raise NotHere("no Postgres is on this machine to keep jobs in: apt-get install postgresql")
    with postgres(where) as database, _clock() as clock:
        yield Ground(database.url, database=database, clock=clock)


@contextlib.contextmanager
def _clock() -> Iterator[Clock]:
    with tempfile.TemporaryDirectory() as folder:
        yield Clock(Path(folder, "clock"))
