"""Databases for the store: SQLite always, Postgres where its programs are."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.conftest import free_port


def _postgres_programs() -> Path | None:
    """Debian puts them below a folder of their own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextlib.contextmanager
def _postgres(programs: Path) -> Iterator[str]:
    # Postgres refuses to run as root.
    user = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="lift-postgres-", dir="/tmp"))
    port = free_port()
    try:
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "lift", "--no-sync", "-E", "UTF8"]
        subprocess.run(initdb, user=user, check=True, capture_output=True, timeout=60, cwd=folder)
        server = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-h", ""]
        with (folder / "log").open("wb") as log, subprocess.Popen(server, user=user, stderr=log, cwd=folder) as process:
            try:
                ready = [str(programs / "pg_isready"), "-q", "-t", "20", "-h", str(folder), "-p", str(port)]
                for _ in range(100):
                    if subprocess.run(ready, check=False).returncode == 0:
                        break
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(0.1)
                yield f"postgresql://lift@/postgres?host={folder}&port={port}"
            finally:
                # Fast: without waiting for clients to leave.
                process.send_signal(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no Postgres on this machine: apt-get install postgresql")
    with _postgres(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Empty, and of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "jobs.sqlite")
    url: str = request.getfixturevalue("postgres")
    schema = f"s{os.urandom(4).hex()}"
    engine = create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return f"{url}&options=-csearch_path%3D{schema}"
