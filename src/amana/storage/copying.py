"""Copying a whole database: what dry runs, backups and moves between SQLite and PostgreSQL rest on.

Rule. SQLite to SQLite is `VACUUM INTO`: one consistent snapshot, without deleted content. Between kinds, every table is
streamed inside one read transaction into freshly made tables of the same metadata. The target is new; nothing is merged.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from amana.storage import engines

CHUNK = 1_000


def copy(source: sa.Engine, target: Path, metadata: sa.MetaData) -> None:
    """Copy a database into a new SQLite file."""
    if source.dialect.name == "sqlite":
        with source.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
        return
    made = engines.connect(f"sqlite:///{target}")
    try:
        with source.connect() as reading, made.connect() as writing:
            reading.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            writing.exec_driver_sql("BEGIN IMMEDIATE")
            metadata.create_all(writing)
            for table in metadata.sorted_tables:
                _stream(reading, writing, table)
            writing.exec_driver_sql("COMMIT")
            reading.exec_driver_sql("ROLLBACK")
    finally:
        made.dispose()


def _stream(reading: sa.Connection, writing: sa.Connection, table: sa.Table) -> None:
    rows = reading.execute(sa.select(table).execution_options(yield_per=CHUNK)).mappings()
    for chunk in rows.partitions(CHUNK):
        writing.execute(table.insert(), [dict(row) for row in chunk])
