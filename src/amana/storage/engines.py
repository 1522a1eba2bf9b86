"""Engines for both databases, prepared so that a commit that returned is on disk.

Rule. SQLite runs in WAL mode with `synchronous=FULL` and overwrites what it deletes; PostgreSQL keeps its own
`synchronous_commit=on`, which is asked for in case a server's default was changed. Transactions are begun by hand
(`BEGIN IMMEDIATE`, `BEGIN`), so the driver's own beginnings are turned off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

BUSY_TIMEOUT = 30_000  # milliseconds to wait for another writer
PATIENCE = 1_000  # milliseconds to wait for readers before scrubbing is put off
CHECKPOINT_PAGES = 4000  # 16 MB of WAL between checkpoints: fewer, larger syncs of the main file


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite address; None for another database."""
    target = sa.engine.make_url(url)
    return Path(str(target.database)) if target.get_backend_name() == "sqlite" else None


def connect(url: str) -> sa.Engine:
    """An engine for `sqlite:///path` or `postgresql://…`, in autocommit mode."""
    target = sa.engine.make_url(url)
    if target.get_backend_name() == "postgresql":
        engine = sa.create_engine(
            target.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            pool_size=10,
            max_overflow=30,
        )
        sa.event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = sa.create_engine(
        target,
        isolation_level="AUTOCOMMIT",
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT / 1_000},
        pool_size=20,
        max_overflow=-1,  # a gate holds one for as long as its thread lives
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def read_only(path: Path) -> sa.Engine:
    """An engine over an SQLite file that nobody writes and that must not change by a byte: a backup."""
    name = quote(str(path.absolute()))
    return sa.create_engine(
        f"sqlite:///file:{name}?mode=ro&immutable=1&uri=true", isolation_level="AUTOCOMMIT"
    )


def scrub(engine: sa.Engine) -> bool:
    """Make deleted content unreadable as far as the database can; False if an open reader holds it up.

    SQLite: deleted content is overwritten as it is deleted (`secure_delete`); what is left is the write-ahead log, which
    is written back and truncated, durably. PostgreSQL: `VACUUM` gives the space back to the server, which reuses it.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM")
            return True
        connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE}")
        busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
    if not busy:
        _sync_log(str(engine.url.database))
    return not busy


def _sync_log(database: str) -> None:
    """Make the log's truncation durable. SQLite leaves that open: after a power failure the old log would be back."""
    try:
        handle = os.open(f"{database}-wal", os.O_RDONLY)
    except FileNotFoundError:  # another connection closed, and took the log away with it
        handle = os.open(Path(database).parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for setting in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",
        "foreign_keys=ON",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        "cache_size=-65536",
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _prepare_postgresql(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SET synchronous_commit = on")
    cursor.execute("SET timezone = 'UTC'")
    cursor.close()
