"""What proofs read and keep: single events, everything in order of person, named checkpoints, known witnesses.

Rule. Besides the latest checkpoint two others are kept by name: `cosigned`, the latest one that a witness cosigned, and
`audited`, the latest one up to which everything was opened. Both are signed notes, so altering a row is seen. A witness
is a row of `meta`: where it listens, its public key, and the size it cosigned last, which is a hint and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from amana.core.state import PersonState
from amana.storage import upsert
from amana.storage.log import CheckpointRow, EventRow
from amana.storage.points import PointRow
from amana.storage.tables import checkpoint, erased, event, meta, person, point, profile, tile

COSIGNED, AUDITED = "cosigned", "audited"
STREAMED = 5_000  # rows fetched at a time
_WITNESS = "witness/"
_state = msgspec.msgpack.Decoder(PersonState).decode


class Counts(NamedTuple):
    """How much of the log is stored."""

    events: int
    last: int  # highest position, -1 for none
    tiles: int  # hash tiles of the lowest level
    bundles: int
    erased: int  # positions on the erasure list


class StoredPerson(NamedTuple):
    """One person's row, its state still encoded."""

    id: int
    state: bytes
    head: bytes
    changed: int

    def decoded(self) -> PersonState | None:
        """The state; None if the bytes are not one."""
        try:
            return _state(self.state)
        except msgspec.MsgspecError:
            return None


class ProfileRow(NamedTuple):
    """One person's sealed fields."""

    person: int
    sealed: bytes


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """Another party that cosigns checkpoints."""

    url: str  # the submission prefix of C2SP tlog-witness
    key: str  # its verifier key
    size: int = 0  # of the checkpoint it cosigned last, as far as we know


def event_at(connection: sa.Connection, position: int) -> EventRow | None:
    """The sealed event at a log position; None if no row is there."""
    row = connection.execute(sa.select(event).where(event.c.position == position)).one_or_none()
    return None if row is None else EventRow(*row)


def position_of(connection: sa.Connection, event_id: bytes) -> int | None:
    """Where an event id stands in the log; None if it is not recorded."""
    return connection.execute(sa.select(event.c.position).where(event.c.id == event_id)).scalar_one_or_none()


def counts(connection: sa.Connection) -> Counts:
    """How many rows there are, without opening any."""
    events, last = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(event.c.position), -1)).select_from(event)
    ).one()
    of_level = sa.select(tile.c.level, sa.func.count()).where(tile.c.level <= 0).group_by(tile.c.level)
    stored = {level: number for level, number in connection.execute(of_level)}
    gone = connection.execute(sa.select(sa.func.count()).select_from(erased)).scalar_one()
    return Counts(int(events), int(last), stored.get(0, 0), stored.get(-1, 0), int(gone))


def events_by_person(connection: sa.Connection, since: int = 0) -> Iterator[EventRow]:
    """Sealed events by person, then by position, streamed: all, or the workspace's own and all of whoever
    has one at or after `since`.
    """
    query = sa.select(event).order_by(event.c.person, event.c.position)
    if since:
        query = query.where(sa.or_(event.c.person == 0, event.c.person.in_(_touched(since))))
    for row in connection.execute(query.execution_options(yield_per=STREAMED)):
        yield EventRow(*row)


def people_by_id(connection: sa.Connection, since: int = 0) -> Iterator[StoredPerson]:
    """Stored people in order of id, streamed: all, or row 0 and those whose latest event stands at or after
    `since`.
    """
    query = sa.select(person.c.id, person.c.state, person.c.head, person.c.changed).order_by(person.c.id)
    if since:
        query = query.where(sa.or_(person.c.id == 0, person.c.changed >= since))
    for row in connection.execute(query.execution_options(yield_per=STREAMED)):
        yield StoredPerson(*row)


def points_by_person(connection: sa.Connection, since: int = 0) -> Iterator[PointRow]:
    """Stored addresses by person and number, streamed: all, or those of whoever has an event at or after `since`."""
    query = sa.select(point).order_by(point.c.person, point.c.ordinal)
    if since:
        query = query.where(point.c.person.in_(_touched(since)))
    for row in connection.execute(query.execution_options(yield_per=STREAMED)):
        yield PointRow(*row)


def profiles_by_person(connection: sa.Connection, since: int = 0) -> Iterator[ProfileRow]:
    """Sealed profiles by person, streamed: all, or those of whoever has an event at or after `since`."""
    query = sa.select(profile.c.person, profile.c.sealed).order_by(profile.c.person)
    if since:
        query = query.where(profile.c.person.in_(_touched(since)))
    for row in connection.execute(query.execution_options(yield_per=STREAMED)):
        yield ProfileRow(*row)


def _touched(since: int) -> sa.Select[tuple[int]]:
    return sa.select(event.c.person).where(event.c.position >= since)


def bundles(connection: sa.Connection) -> list[bytes]:
    """The entry bundles in order. A gap raises nothing here; the tree check names it."""
    query = sa.select(tile.c.number, tile.c.body).where(tile.c.level == -1).order_by(tile.c.number)
    found = dict(tuple(row) for row in connection.execute(query))
    return [found.get(number, b"") for number in range(max(found, default=-1) + 1)]


def named(connection: sa.Connection, name: str) -> CheckpointRow | None:
    """A checkpoint kept by name, or None."""
    row = connection.execute(
        sa.select(checkpoint.c.size, checkpoint.c.root, checkpoint.c.note).where(checkpoint.c.name == name)
    ).one_or_none()
    return None if row is None else CheckpointRow(*row)


def keep(connection: sa.Connection, name: str, signed: CheckpointRow) -> None:
    """Keep a checkpoint by name, in place of the one before."""
    upsert.replace(connection, checkpoint, [{"name": name, **signed._asdict()}])


def set_aside(connection: sa.Connection, origin: str) -> None:
    """Keep what was signed under an earlier name of the log as it is, where nothing is proved against it any more."""
    for name in (COSIGNED, AUDITED):
        held = checkpoint.c.name == name
        connection.execute(checkpoint.update().where(held).values(name=f"{name}@{origin}"))
    for one in witnesses(connection):
        put_witness(connection, msgspec.structs.replace(one, size=0))


def witnesses(connection: sa.Connection) -> list[Witness]:
    """The witnesses we ask, in order of their address."""
    query = sa.select(meta.c.value).where(meta.c.name.startswith(_WITNESS)).order_by(meta.c.name)
    return [msgspec.json.decode(value, type=Witness) for value in connection.execute(query).scalars()]


def put_witness(connection: sa.Connection, one: Witness) -> None:
    """Add a witness, or change what we know of the one at that address."""
    upsert.replace(
        connection, meta, [{"name": _WITNESS + one.url, "value": msgspec.json.encode(one).decode()}]
    )


def drop_witness(connection: sa.Connection, url: str) -> bool:
    """Ask a witness no more; whether it was known."""
    gone = connection.execute(meta.delete().where(meta.c.name == _WITNESS + url))
    return bool(gone.rowcount)
