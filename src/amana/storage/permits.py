"""Permits: single-use authorisations to act, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import permit, sent

CHUNK = 500

# Made once: putting a statement together costs more than running it on a few rows.
_PEOPLE: sa.BindParameter[Sequence[int]] = sa.bindparam("people", expanding=True)
_GET = sa.select(permit).where(permit.c.id.in_(sa.bindparam("ids", expanding=True)))
_CONTACTS = sa.union_all(
    sa.select(sent.c.person, sent.c.cell, sent.c.at).where(
        sent.c.person.in_(_PEOPLE), sent.c.at > sa.bindparam("since")
    ),
    sa.select(permit.c.person, permit.c.cell, permit.c.taken).where(
        permit.c.person.in_(_PEOPLE), permit.c.redeemed.is_(None), permit.c.expires > sa.bindparam("now")
    ),
)
_REDEEMED_WITH = sa.select(permit.c.person).where(
    permit.c.person.in_(_PEOPLE),
    permit.c.taken >= sa.bindparam("since"),
    permit.c.content.in_(sa.bindparam("contents", expanding=True)),
    permit.c.redeemed.is_not(None),
)
_REDEEM = permit.update().where(permit.c.id == sa.bindparam("one")).values(redeemed=sa.bindparam("moment"))


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
        rows = connection.execute(_GET, {"ids": ids[start : start + CHUNK]})
        found |= {row.id: PermitRow(*row) for row in rows}
    return found


def redeem(connection: sa.Connection, ids: Sequence[bytes], at: int) -> None:
    """Mark permits as redeemed."""
    if ids:
        connection.execute(_REDEEM, [{"one": one, "moment": at} for one in ids])


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
        words = {"people": people[start : start + CHUNK], "since": since, "now": now}
        for person, cell, at in connection.execute(_CONTACTS, words):
            found.setdefault(person, []).append((cell, at))
    return found


def redeemed_with(
    connection: sa.Connection, contents: Sequence[bytes], people: Sequence[int], since: int
) -> set[int]:
    """Which of these people had a permit redeemed for any of these contents since a moment: they have it already."""
    found: set[int] = set()
    for start in range(0, len(people), CHUNK):
        words = {"people": people[start : start + CHUNK], "since": since, "contents": contents}
        found.update(connection.execute(_REDEEMED_WITH, words).scalars())
    return found
