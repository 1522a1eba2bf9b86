"""Contact points: which people hold an address, found by its keyed hash; the address itself is sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import point

CHUNK = 500
STREAMED = 5_000  # rows fetched at a time

_HOLDERS = (
    sa.select(point.c.blind, point.c.person, point.c.ordinal)
    .where(point.c.blind.in_(sa.bindparam("blinds", expanding=True)))
    .order_by(point.c.person)
)
"""Made once: putting a statement together costs more than running it on a few rows."""


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
        for row in connection.execute(_HOLDERS, {"blinds": blinds[start : start + CHUNK]}):
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


def move(connection: sa.Connection, blinds: Mapping[bytes, bytes]) -> int:
    """Let points be found under another keyed hash: old to new; how many changed."""
    changed = 0
    for old, new in blinds.items():
        changed += connection.execute(point.update().where(point.c.blind == old).values(blind=new)).rowcount
    return changed


def after(connection: sa.Connection, blind: bytes, limit: int) -> list[PointRow]:
    """Up to `limit` points whose keyed hash comes after this one, one for each hash, in order of it."""
    first = (
        sa.select(point.c.blind, sa.func.min(point.c.person).label("person"))
        .where(point.c.blind > blind)
        .group_by(point.c.blind)
        .order_by(point.c.blind)
        .limit(limit)
        .subquery()
    )
    query = (
        sa.select(point)
        .join(first, sa.and_(point.c.blind == first.c.blind, point.c.person == first.c.person))
        .order_by(point.c.blind, point.c.ordinal)
    )
    return [PointRow(*row) for row in connection.execute(query)]


def all_points(connection: sa.Connection) -> Iterator[PointRow]:
    """Every contact point, streamed."""
    query = sa.select(point).order_by(point.c.person, point.c.ordinal)
    for row in connection.execute(query.execution_options(yield_per=STREAMED)):
        yield PointRow(*row)
