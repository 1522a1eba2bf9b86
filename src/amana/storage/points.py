"""Contact points: which people hold an address, found by its keyed hash; the address itself is sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import point

CHUNK = 500


class PointRow(NamedTuple):
    """One stored contact point."""

    person: int
    ordinal: int
    kind: str
    blind: bytes
    sealed: bytes


def holders(connection: sa.Connection, blinds: Sequence[bytes]) -> dict[bytes, list[tuple[int, int]]]:
    """Who holds these addresses: (person, ordinal) by keyed hash, in order of person."""
    found: dict[bytes, list[tuple[int, int]]] = {}
    for start in range(0, len(blinds), CHUNK):
        query = (
            sa.select(point.c.blind, point.c.person, point.c.ordinal)
            .where(point.c.blind.in_(blinds[start : start + CHUNK]))
            .order_by(point.c.person)
        )
        for row in connection.execute(query):
            found.setdefault(row.blind, []).append((row.person, row.ordinal))
    return found


def of_people(connection: sa.Connection, people: Sequence[int]) -> dict[int, list[PointRow]]:
    """All contact points of these people."""
    found: dict[int, list[PointRow]] = {}
    for start in range(0, len(people), CHUNK):
        query = (
            sa.select(point)
            .where(point.c.person.in_(people[start : start + CHUNK]))
            .order_by(point.c.ordinal)
        )
        for row in connection.execute(query):
            found.setdefault(row.person, []).append(PointRow(*row))
    return found


def put(connection: sa.Connection, rows: Sequence[PointRow]) -> None:
    """Add contact points."""
    if rows:
        connection.execute(point.insert(), [row._asdict() for row in rows])
