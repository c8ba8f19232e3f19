"""Databases for the store: SQLite always, Postgres where its programs are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from loadtest.postgres import postgres as running
from loadtest.postgres import programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    where = programs()
    if where is None:
        pytest.skip("no Postgres on this machine: apt-get install postgresql")
    with running(where) as server:
        yield server.url


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
