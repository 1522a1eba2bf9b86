"""Copying a whole database: what dry runs, backups and moves between SQLite and PostgreSQL rest on.

Rule. SQLite to SQLite is `VACUUM INTO`: one consistent snapshot, without deleted content. Between kinds, every table is
streamed inside one read transaction into freshly made tables of the same metadata, in one write transaction. The target
is new; nothing is merged. A copy in a file is synced before it counts.
"""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from amana.storage import engines

CHUNK = 1_000


def copy(source: sa.Engine, target: Path, metadata: sa.MetaData) -> None:
    """Copy a database into a new SQLite file, durably; its name in the folder is the caller's to sync."""
    if source.dialect.name == "sqlite":
        with source.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
    else:
        made = engines.connect(f"sqlite:///{target}")
        try:
            pour(source, made, metadata)
            engines.scrub(made)
            with made.connect() as connection:  # nothing but the one file
                connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
        finally:
            made.dispose()
    os.chmod(target, 0o600)
    handle = os.open(target, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def pour(source: sa.Engine, target: sa.Engine, metadata: sa.MetaData) -> None:
    """Make the tables in an empty database and fill them from another, all or nothing."""
    with source.connect() as reading, target.connect() as writing:
        reading.exec_driver_sql(_SNAPSHOT[source.dialect.name])
        writing.exec_driver_sql("BEGIN IMMEDIATE" if target.dialect.name == "sqlite" else "BEGIN")
        try:
            metadata.create_all(writing)
            for table in metadata.sorted_tables:
                _stream(reading, writing, table)
                if target.dialect.name == "postgresql":
                    _number_on(writing, table)
        except BaseException:
            writing.exec_driver_sql("ROLLBACK")
            raise
        writing.exec_driver_sql("COMMIT")
        reading.exec_driver_sql("ROLLBACK")


def _stream(reading: sa.Connection, writing: sa.Connection, table: sa.Table) -> None:
    rows = reading.execute(sa.select(table).execution_options(yield_per=CHUNK)).mappings()
    for chunk in rows.partitions(CHUNK):
        writing.execute(table.insert(), [dict(row) for row in chunk])


def _number_on(writing: sa.Connection, table: sa.Table) -> None:
    """A column that the database numbers goes on after the highest number that was copied."""
    column = table.autoincrement_column
    if column is not None:
        highest = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).scalar_subquery()
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        writing.execute(sa.select(sa.func.setval(sequence, highest, sa.false())))


_SNAPSHOT = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
