"""Permits: single-use authorisations to act, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import permit, sent

CHUNK = 500


class PermitRow(NamedTuple):
    """One permit."""

    id: bytes
    person: int
    cell: int
    taken: int
    expires: int
    content: bytes
    known: int
    law: str
    grant: str
    redeemed: int | None


def put(connection: sa.Connection, rows: Sequence[PermitRow]) -> None:
    """Add permits."""
    if rows:
        connection.execute(permit.insert(), [row._asdict() for row in rows])


def get(connection: sa.Connection, ids: Sequence[bytes]) -> dict[bytes, PermitRow]:
    """Permits by id; unknown ones are left out."""
    found: dict[bytes, PermitRow] = {}
    for start in range(0, len(ids), CHUNK):
        query = sa.select(permit).where(permit.c.id.in_(ids[start : start + CHUNK]))
        found |= {row.id: PermitRow(*row) for row in connection.execute(query)}
    return found


def redeem(connection: sa.Connection, ids: Sequence[bytes], at: int) -> None:
    """Mark permits as redeemed."""
    if ids:
        connection.execute(
            permit.update().where(permit.c.id == sa.bindparam("one")).values(redeemed=at),
            [{"one": one} for one in ids],
        )


def of_person(connection: sa.Connection, person: int) -> list[PermitRow]:
    """A person's permits, oldest first: what answers "why did I get this message?"."""
    query = sa.select(permit).where(permit.c.person == person).order_by(permit.c.taken)
    return [PermitRow(*row) for row in connection.execute(query)]


def contacts(
    connection: sa.Connection, people: Sequence[int], since: int, now: int
) -> dict[int, list[tuple[int, int]]]:
    """(cell, UTC second) of each person's contacts since a moment, in-flight permits included."""
    found: dict[int, list[tuple[int, int]]] = {}
    for start in range(0, len(people), CHUNK):
        chunk = people[start : start + CHUNK]
        done = sa.select(sent.c.person, sent.c.cell, sent.c.at).where(
            sent.c.person.in_(chunk), sent.c.at > since
        )
        open_ = sa.select(permit.c.person, permit.c.cell, permit.c.taken).where(
            permit.c.person.in_(chunk), permit.c.redeemed.is_(None), permit.c.expires > now
        )
        for person, cell, at in connection.execute(sa.union_all(done, open_)):
            found.setdefault(person, []).append((cell, at))
    return found


def redeemed_with(
    connection: sa.Connection, contents: Sequence[bytes], people: Sequence[int], since: int
) -> set[int]:
    """Which of these people had a permit redeemed for any of these contents since a moment: they have it already."""
    found: set[int] = set()
    for start in range(0, len(people), CHUNK):
        query = sa.select(permit.c.person).where(
            permit.c.person.in_(people[start : start + CHUNK]),
            permit.c.taken >= since,
            permit.c.content.in_(contents),
            permit.c.redeemed.is_not(None),
        )
        found.update(connection.execute(query).scalars())
    return found
