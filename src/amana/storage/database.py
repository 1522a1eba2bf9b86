"""Opening the main database, on SQLite or PostgreSQL, and the one order in which transactions write to it.

Rule. Writers take turns: a write transaction holds the writer's lock from before it reads until after it committed, so
that log positions are in commit order. On SQLite the lock is an advisory lock on `writer.lock` beside the file, let go by
the kernel if its holder dies; whoever waits for it holds `writer.queue` meanwhile, so that a writer who has just had a
turn queues behind those who wait. On PostgreSQL it is an advisory lock that the transaction holds through its commit, and
that the server hands on in order. Nobody holds it between transactions, so any number of processes may write.

Nobody collects garbage in a turn: a full collection takes as long as thirty turns, and everybody would wait for it.

SQLite runs in WAL mode with `synchronous=FULL`, PostgreSQL with `synchronous_commit=on`: a commit that returned is on
disk. Deleted content is overwritten on SQLite (`secure_delete`). A database of another schema version is refused with
what to do about it.
"""

from __future__ import annotations

import fcntl
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from amana import errors
from amana.storage import engines, migrations, tables

_ADVISORY = 0x616D616E61  # "amana": the key of PostgreSQL's advisory lock


class Database:
    """The main database of one workspace.

    Durability: every commit through `begin` is synced before it returns. Concurrency: any number of threads and
    processes may read and write; writers take turns.
    """

    def __init__(self, engine: sa.Engine, lock_path: Path | None) -> None:
        self.engine = engine
        self._lock_path = lock_path

    @classmethod
    def create(cls, url: str, origin: str) -> Database:
        """Make the tables of a new database, all or none; `origin` names its log. Raises Conflict if they are there."""
        database = cls._connected(url)
        with database._unless_it_fails():
            if sa.inspect(database.engine).has_table(tables.meta.name):
                raise errors.Conflict(
                    "There is an Amana database here already", remedy="choose another folder or database"
                )
            words = {"schema": str(tables.SCHEMA_VERSION), "origin": origin}
            with database.begin() as connection:
                tables.metadata.create_all(connection)
                connection.execute(tables.revision.insert().values(version_num=migrations.HEAD))
                connection.execute(
                    tables.meta.insert(), [{"name": name, "value": value} for name, value in words.items()]
                )
        return database

    @classmethod
    def open(cls, url: str) -> Database:
        """Open an existing database. Raises NotFound or StoreOutdated."""
        database = cls._existing(url)
        with database._unless_it_fails(), database.engine.connect() as connection:
            migrations.check(connection)
        return database

    @classmethod
    def migrate(cls, url: str, to: str = "head", folder: Path = migrations.FOLDER) -> list[str]:
        """Apply the pending revisions of an existing database, all or none; which they were.

        Raises NotFound; StoreOutdated if the database refuses one.
        """
        database = cls._existing(url)
        try:
            with database.begin() as connection:
                before = migrations.pending(connection, folder)
                migrations.upgrade(connection, to, folder)
                left = set(migrations.pending(connection, folder))
        except sa.exc.SQLAlchemyError as refused:
            raise errors.StoreOutdated(
                "The database refuses a migration; nothing was changed",
                got=str(getattr(refused, "orig", refused)).partition("\n")[
                    0
                ],  # the lines below may quote rows
                remedy="restore the backup, or report this with the release you came from",
            ) from refused
        finally:
            database.close()
        return [one for one in before if one not in left]

    @classmethod
    def _existing(cls, url: str) -> Database:
        path = engines.sqlite_path(url)
        if path is not None and not path.exists():
            raise errors.NotFound("There is no database in this workspace", remedy="run `amana init` first")
        database = cls._connected(url)
        with database._unless_it_fails():
            if not sa.inspect(database.engine).has_table(tables.meta.name):
                raise errors.NotFound("The database has no Amana tables", remedy="run `amana init` first")
        return database

    @contextmanager
    def _unless_it_fails(self) -> Iterator[None]:
        """Give the connections back if what is done here fails."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    @property
    def is_postgresql(self) -> bool:
        """Whether this is a PostgreSQL database."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A write transaction in its turn, durable when the block ends."""
        with (
            _collecting() as put_off,  # until the turn is over
            self._turn(),
            self.engine.connect() as connection,
        ):
            put_off()
            if self.is_postgresql:
                connection.exec_driver_sql("BEGIN")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY})")
            else:
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
            connection.exec_driver_sql(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if self.is_postgresql else "BEGIN"
            )
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def scrub(self) -> bool:
        """Overwrite what was deleted, and empty the write-ahead log; False while an open reader holds it up."""
        return engines.scrub(self.engine)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the writers before us. PostgreSQL queues them itself."""
        if self._lock_path is None:
            yield
            return
        with ExitStack() as held:
            with _locked(self._lock_path.with_suffix(".queue")):
                held.enter_context(_locked(self._lock_path))
            yield

    @classmethod
    def _connected(cls, url: str) -> Database:
        path = engines.sqlite_path(url)
        return cls(engines.connect(url), path.with_name("writer.lock") if path else None)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _collecting() -> Iterator[Callable[[], None]]:
    """Gives what puts the collection of garbage off to the end of the block, unless it is off already."""
    stopped = False

    def put_off() -> None:
        nonlocal stopped
        if gc.isenabled():
            gc.disable()
            stopped = True

    try:
        yield put_off
    finally:
        if stopped:
            gc.enable()
