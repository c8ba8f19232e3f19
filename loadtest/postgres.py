"""A Postgres of one's own, on a socket in a folder of its own, where Debian's programs are."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_PROGRAMS = Path("/usr/lib/postgresql")
"""Debian has a folder in it for each version."""
_PORT = 5432
"""Part of the socket's name; nothing listens on a port."""


@dataclass(frozen=True)
class Postgres:
    url: str
    process: psutil.Process

    def suspend(self) -> None:
        """Neither who is connected nor who connects is told anything from now on, as behind a partition."""
        for process in self._all():
            process.suspend()

    def resume(self) -> None:
        for process in self._all():
            process.resume()

    def _all(self) -> list[psutil.Process]:
        """The one that accepts connections first, so that no other comes meanwhile."""
        return [self.process, *self.process.children()]


def programs() -> Path | None:
    """Of the newest version that is installed."""
    found = sorted(_PROGRAMS.glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextlib.contextmanager
def postgres(where: Path) -> Iterator[Postgres]:
    """As long as the block runs, with the programs of that folder. Raises `CalledProcessError`."""
    # Postgres refuses to run as root.
    user = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="lift-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        initdb = [str(where / "initdb"), "-D", str(data), "-A", "trust", "-U", "lift", "--no-sync", "-E", "UTF8"]
        subprocess.run(initdb, user=user, check=True, capture_output=True, timeout=60, cwd=folder)
        server = [str(where / "postgres"), "-D", str(data), "-p", str(_PORT), "-k", str(folder), "-h", ""]
        with (folder / "log").open("wb") as log, subprocess.Popen(server, user=user, stderr=log, cwd=folder) as process:
            try:
                _wait(where, folder, process)
                yield Postgres(f"postgresql://lift@/postgres?host={folder}&port={_PORT}", psutil.Process(process.pid))
            finally:
                # Fast: without waiting for clients to leave.
                process.send_signal(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(where: Path, folder: Path, process: "subprocess.Popen[bytes]") -> None:
    ready = [str(where / "pg_isready"), "-q", "-t", "20", "-h", str(folder), "-p", str(_PORT)]
    for _ in range(100):
        if subprocess.run(ready, check=False).returncode == 0:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
