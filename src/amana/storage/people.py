"""People: state, chain head and profile rows. Person ids are dense, from 1; they are never used again. Row 0 is the
workspace itself: it holds the chain head of the workspace's own events and is never listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from amana.core.state import PersonState
from amana.storage import upsert
from amana.storage.tables import alias, meta, person, profile

CHUNK = 500
_THESE = sa.select(person).where(person.c.id.in_(sa.bindparam("ids", expanding=True)))
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PersonState).decode


class PersonRow(NamedTuple):
    """One stored person."""

    id: int
    state: PersonState
    head: bytes  # commitment of the latest event, 32 bytes; empty before the first
    changed: int
    name_tag: bytes | None


def get(connection: sa.Connection, ids: Iterable[int]) -> dict[int, PersonRow]:
    """The people with these ids; missing ones are left out."""
    found: dict[int, PersonRow] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), CHUNK):
        for row in connection.execute(_THESE, {"ids": wanted[start : start + CHUNK]}):
            found[row.id] = PersonRow(row.id, _decode(row.state), row.head, row.changed, row.name_tag)
    return found


def which(connection: sa.Connection, ids: Iterable[int]) -> set[int]:
    """Which of these ids are people's who are here; row 0 is nobody."""
    wanted = sorted({one for one in ids if one > 0})
    found: set[int] = set()
    for start in range(0, len(wanted), CHUNK):
        chosen = person.c.id.in_(wanted[start : start + CHUNK])
        found.update(connection.execute(sa.select(person.c.id).where(chosen)).scalars())
    return found


def put(connection: sa.Connection, rows: Sequence[PersonRow]) -> None:
    """Insert or replace people."""
    if not rows:
        return
    upsert.replace(
        connection,
        person,
        [
            {
                "id": r.id,
                "state": _encode(r.state),
                "head": r.head,
                "changed": r.changed,
                "name_tag": r.name_tag,
            }
            for r in rows
        ],
    )


def changed_since(connection: sa.Connection, position: int) -> Iterator[tuple[int, PersonState]]:
    """People whose latest event stands at or after a log position, by id. The work is in proportion to their number."""
    query = sa.select(person.c.id, person.c.state).order_by(person.c.id)
    if position > 0:  # by the index alone first: asked for both at once, SQLite walks all people in order
        changed = sa.select(person.c.id).where(person.c.changed >= position, person.c.id != 0)
        query = query.where(person.c.id.in_(changed))
    else:
        query = query.where(person.c.changed >= 0, person.c.id > 0)
    for row in connection.execute(query.execution_options(yield_per=10_000)):
        yield row.id, _decode(row.state)


def count(connection: sa.Connection) -> int:
    """How many people there are."""
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(person).where(person.c.id > 0)).scalar_one()
    )


def next_id(connection: sa.Connection) -> int:
    """The id that the next new person gets."""
    value = connection.execute(
        sa.select(meta.c.value).where(meta.c.name == "next_person")
    ).scalar_one_or_none()
    return 1 if value is None else int(value)


def set_next_id(connection: sa.Connection, value: int) -> None:
    """Remember the id that the next new person gets."""
    upsert.replace(connection, meta, [{"name": "next_person", "value": str(value)}])


def profiles(connection: sa.Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Sealed profiles by person."""
    found: dict[int, bytes] = {}
    for start in range(0, len(ids), CHUNK):
        query = sa.select(profile).where(profile.c.person.in_(ids[start : start + CHUNK]))
        found |= {row.person: row.sealed for row in connection.execute(query)}
    return found


def put_profiles(connection: sa.Connection, sealed: dict[int, bytes]) -> None:
    """Insert or replace sealed profiles."""
    if sealed:
        upsert.replace(
            connection, profile, [{"person": key, "sealed": value} for key, value in sealed.items()]
        )


def by_alias(connection: sa.Connection, blinds: Sequence[bytes]) -> dict[bytes, int]:
    """People by the keyed hash of another system's id."""
    found: dict[bytes, int] = {}
    for start in range(0, len(blinds), CHUNK):
        query = sa.select(alias).where(alias.c.blind.in_(blinds[start : start + CHUNK]))
        found |= {row.blind: row.person for row in connection.execute(query)}
    return found


def put_aliases(connection: sa.Connection, aliases: dict[bytes, int]) -> None:
    """Add other systems' ids; an id that is taken stays with its person."""
    if aliases:
        upsert.ignore(connection, alias, [{"blind": key, "person": value} for key, value in aliases.items()])


def aliases_of(connection: sa.Connection, people: Sequence[int]) -> dict[int, list[bytes]]:
    """The keyed hashes of other systems' ids of these people."""
    found: dict[int, list[bytes]] = {}
    for start in range(0, len(people), CHUNK):
        query = sa.select(alias).where(alias.c.person.in_(people[start : start + CHUNK]))
        for row in connection.execute(query.order_by(alias.c.blind)):
            found.setdefault(row.person, []).append(row.blind)
    return found
