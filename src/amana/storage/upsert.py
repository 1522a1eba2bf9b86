"""Insert-or-replace and insert-or-ignore, in the one spelling that SQLite and PostgreSQL share.

Rule. Both databases know `INSERT … ON CONFLICT (primary key) DO UPDATE / DO NOTHING`; SQLAlchemy spells it per dialect.
`replace` overwrites every column that is not part of the key. The caller gives the rows; the statement is compiled
once per table and dialect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]

_statements: dict[tuple[str, str, str], sa.Insert] = {}


def replace(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert rows; where the primary key exists, overwrite the other columns."""
    if rows:
        connection.execute(_statement(connection, table, "replace"), list(rows))


def ignore(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert rows; where the primary key exists, leave the stored row as it is."""
    if rows:
        connection.execute(_statement(connection, table, "ignore"), list(rows))


def _statement(connection: sa.Connection, table: sa.Table, how: str) -> sa.Insert:
    dialect = connection.dialect.name
    known = _statements.get((dialect, table.name, how))
    if known is None:
        insert: sqlite.Insert | postgresql.Insert
        insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
        key = list(table.primary_key.columns)
        others = {
            column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key
        }
        if how == "replace" and others:
            known = insert.on_conflict_do_update(index_elements=key, set_=others)
        else:
            known = insert.on_conflict_do_nothing(index_elements=key)
        _statements[dialect, table.name, how] = known
    return known
