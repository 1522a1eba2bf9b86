"""How far into the log readers of it came: one number for each reader, by name; and whom the part ahead is about.

Rule. A reader moves its position in the transaction that holds what it made of the events, so that each event is read
once, whatever stops in between.
"""

from __future__ import annotations

import sqlalchemy as sa

from amana.storage import upsert
from amana.storage.tables import event, meta, person


def get(connection: sa.Connection, reader: str) -> int | None:
    """Up to which log position (not including) a reader came; None before it began."""
    value = connection.execute(sa.select(meta.c.value).where(meta.c.name == reader)).scalar_one_or_none()
    return None if value is None else int(value)


def put(connection: sa.Connection, reader: str, position: int) -> None:
    """Remember how far a reader came."""
    upsert.replace(connection, meta, [{"name": reader, "value": str(position)}])


def people_between(connection: sa.Connection, start: int, end: int) -> list[int]:
    """Whom the events from a log position up to (not including) another are about, by id; the workspace left out."""
    query = sa.select(event.c.person).where(event.c.position >= start, event.c.position < end)
    return list(
        connection.execute(query.where(event.c.person > 0).distinct().order_by(event.c.person)).scalars()
    )


def people_after(connection: sa.Connection, last: int, limit: int) -> list[int]:
    """The next people after an id, ascending."""
    query = sa.select(person.c.id).where(person.c.id > max(0, last)).order_by(person.c.id).limit(limit)
    return list(connection.execute(query).scalars())
