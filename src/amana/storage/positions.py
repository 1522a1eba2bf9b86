"""How far into the log readers of it came: one number for each reader, by name.

Rule. A reader moves its position in the transaction that holds what it made of the events, so that each event is read
once, whatever stops in between.
"""

from __future__ import annotations

import sqlalchemy as sa

from amana.storage import upsert
from amana.storage.tables import meta


def get(connection: sa.Connection, reader: str) -> int | None:
    """Up to which log position (not including) a reader came; None before it began."""
    value = connection.execute(sa.select(meta.c.value).where(meta.c.name == reader)).scalar_one_or_none()
    return None if value is None else int(value)


def put(connection: sa.Connection, reader: str, position: int) -> None:
    """Remember how far a reader came."""
    upsert.replace(connection, meta, [{"name": reader, "value": str(position)}])
