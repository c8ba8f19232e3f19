"""Where a service that is to be hurt keeps its jobs and keys: on a small disk, or in a Postgres."""

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from loadtest.chaos.processes import NotHere
from loadtest.postgres import Postgres, postgres, programs

_DISK = "16m"


@dataclass(frozen=True)
class Ground:
    database: str = ""
    """As a config's `jobs.database` says it."""
    disk: Path | None = None
    """A file system of its own."""
    server: Postgres | None = None


Lay = Callable[[], AbstractContextManager[Ground]]


@contextlib.contextmanager
def on_disk() -> Iterator[Ground]:
    """A folder, and a small file system of its own if it can be mounted, which takes root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", name]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        try:
            yield Ground(str(folder / "jobs.sqlite"), disk=folder if mounted else None)
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", name], check=True)


@contextlib.contextmanager
def in_postgres() -> Iterator[Ground]:
    """Raises `NotHere` without its programs."""
    where = programs()
    if where is None:
        raise NotHere("no Postgres is on this machine to keep jobs in: apt-get install postgresql")
    with postgres(where) as server:
        yield Ground(server.url, server=server)
