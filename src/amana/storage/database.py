"""Opening the main database, and the one writer's lease on it.

Rule. SQLite runs in WAL mode with `synchronous=FULL`: a commit that returned is on disk. Deleted content is
overwritten (`secure_delete`). One process writes at a time, holding an advisory lock on `writer.lock` beside the
database; readers need nothing. A database of another schema version is refused with what to do about it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from amana import errors
from amana.storage import tables

CHECKPOINT_PAGES = 4000  # 16 MB of WAL between checkpoints: fewer, larger syncs of the main file


class Database:
    """The main database of one workspace.

    Durability: every commit through `begin` is synced before it returns. Concurrency: any number of threads may
    read; `begin` is for the one who holds `lease`.
    """

    def __init__(self, engine: sa.Engine, lock_path: Path) -> None:
        self.engine = engine
        self._lock_path = lock_path

    @classmethod
    def create(cls, path: Path) -> Database:
        """Make a new, empty database file. Raises Conflict if there is one."""
        if path.exists():
            raise errors.Conflict("There is a database here already", remedy="choose another folder")
        database = cls(_engine(path), path.with_name("writer.lock"))
        with database.engine.begin() as connection:
            tables.metadata.create_all(connection)
            connection.execute(tables.meta.insert().values(name="schema", value=str(tables.SCHEMA_VERSION)))
        return database

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open an existing database. Raises NotFound or StoreOutdated."""
        if not path.exists():
            raise errors.NotFound("There is no database in this workspace", remedy="run `amana init` first")
        database = cls(_engine(path), path.with_name("writer.lock"))
        with database.engine.connect() as connection:
            found = connection.execute(
                sa.select(tables.meta.c.value).where(tables.meta.c.name == "schema")
            ).scalar_one()
        if int(found) != tables.SCHEMA_VERSION:
            raise errors.StoreOutdated(
                "The database has another schema version than this program",
                expected=str(tables.SCHEMA_VERSION),
                got=str(found),
                remedy="use the version of Amana that wrote it, or migrate the database",
            )
        return database

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A write transaction, durable when the block ends."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A read transaction: one consistent view for the block."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Be the one writer. Raises Busy if another process is."""
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as busy:
                raise errors.Busy(
                    "Another process is writing to this workspace",
                    remedy="wait until it has finished, or stop it",
                ) from busy
            yield
        finally:
            os.close(handle)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        connect_args={"check_same_thread": False, "timeout": 30.0},
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    return engine
