"""The tables, and a way to them: SQLite in a file, or Postgres. SQLAlchemy speaks to both."""

from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

_BUSY_MS = 30_000
"""How long a writer of SQLite waits for another."""

MEMORY = "sqlite://"
"""Lost with the process: for tests."""

metadata = MetaData()

jobs = Table(
    "lift_jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("ended_at", Float, index=True),
    Column("webhook", Text),
    Column("cancelled", Boolean, nullable=False, default=False),
    Column("expired", Boolean, nullable=False, default=False),
    Index("lift_jobs_by_owner", "owner", "made_at"),
)

work = Table(
    "lift_work",
    metadata,
    Column("job_id", String(32), ForeignKey("lift_jobs.id"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    Column("state", String(9), nullable=False, default="queued"),
    Column("attempts", Integer, nullable=False, default=0),
    # In `queued`: not before. In `running`: the end of the lease.
    Column("due_at", Float, nullable=False),
    Column("lease", String(32), unique=True),
    Column("result", Text),
    Index("lift_work_by_due", "kind", "state", "due_at"),
)

keys = Table(
    "lift_keys",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("nonce", String(32), nullable=False),
    Column("lease", String(32), unique=True),
    Column("lease_until", Float, nullable=False),
    Column("kept_until", Float, nullable=False, index=True),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
)


def connect(database: str) -> Engine:
    """For a file or a URL. Makes the tables that are not there. Raises `sqlalchemy.exc.SQLAlchemyError`."""
    # In memory there is one connection, or each thread would have a database of its own.
    pool = {"poolclass": StaticPool} if database == MEMORY else {"pool_pre_ping": True}
    engine = create_engine(_url(database), **pool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _durable)
        event.listen(engine, "begin", _begin)
    try:
        metadata.create_all(engine)
    except DBAPIError:
        # Another ingress may have made a table between the look and the making; then this finds it.
        metadata.create_all(engine)
    return engine


def reading(engine: Engine) -> Engine:
    """For transactions that only read: in SQLite they wait for no writer."""
    return engine.execution_options(only_reads=True)


def _url(database: str) -> str:
    if "://" in database:
        url = make_url(database)
        named = url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url
        return named.render_as_string(hide_password=False)
    path = Path(database).expanduser().absolute()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"sqlite:///{path}"


def _durable(connection: Any, record: object) -> None:
    """What is accepted is on the disk: FULL syncs the log at each commit, so that a loss of power loses nothing."""
    # The driver's own transactions begin late, and as readers; `_begin` does it instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("only_reads", False)
    # A reader that turns writer would fail at once if another has written in between.
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
