"""The log as it is stored: sealed events, tiles, the latest signed checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana import errors
from amana.ledger import tiles
from amana.storage import upsert
from amana.storage.tables import checkpoint, event, meta, term, tile

CHUNK = 500
_TILE = sa.select(tile.c.body).where(tile.c.level == sa.bindparam("at"), tile.c.number == sa.bindparam("nth"))
_IS_LATEST = checkpoint.c.name == "latest"
_HEAD = sa.select(
    sa.select(checkpoint.c.size).where(_IS_LATEST).scalar_subquery(),
    sa.select(checkpoint.c.root).where(_IS_LATEST).scalar_subquery(),
    sa.select(checkpoint.c.note).where(_IS_LATEST).scalar_subquery(),
    sa.select(meta.c.value).where(meta.c.name == "next_person").scalar_subquery(),
    sa.select(sa.func.count()).select_from(term).scalar_subquery(),
)


class EventRow(NamedTuple):
    """One sealed event."""

    position: int
    id: bytes
    person: int
    source: int
    sealed: bytes


class Head(NamedTuple):
    """What a writer has to know, in its turn, of what others wrote before it."""

    latest: CheckpointRow | None
    next_person: int
    terms: int  # how many there are; they are only ever added


class CheckpointRow(NamedTuple):
    """The latest signed checkpoint."""

    size: int
    root: bytes
    note: str


def known_ids(connection: sa.Connection, ids: Sequence[bytes]) -> set[bytes]:
    """Which of these event ids are recorded already."""
    found: set[bytes] = set()
    for start in range(0, len(ids), CHUNK):
        query = sa.select(event.c.id).where(event.c.id.in_(ids[start : start + CHUNK]))
        found.update(connection.execute(query).scalars())
    return found


def put_events(connection: sa.Connection, rows: Sequence[EventRow]) -> None:
    """Append sealed events. Raises Conflict if one of them is recorded already."""
    if not rows:
        return
    try:
        connection.execute(event.insert(), [row._asdict() for row in rows])
    except sa.exc.IntegrityError as twice:
        raise errors.Conflict(
            "An event with this id is recorded already", remedy="do not send it again; the first one stands"
        ) from twice


def events_of(connection: sa.Connection, person: int, *, before: int | None = None) -> list[EventRow]:
    """One person's sealed events in log order, up to (not including) a position."""
    query = sa.select(event).where(event.c.person == person).order_by(event.c.position)
    if before is not None:
        query = query.where(event.c.position < before)
    return [EventRow(*row) for row in connection.execute(query)]


def events_of_many(
    connection: sa.Connection, people: Sequence[int], *, before: int | None = None
) -> dict[int, list[EventRow]]:
    """Some people's sealed events, each in log order, up to (not including) a position; a few hundred people at once."""
    query = sa.select(event).where(event.c.person.in_(people)).order_by(event.c.position)
    if before is not None:
        query = query.where(event.c.position < before)
    found: dict[int, list[EventRow]] = {}
    for row in connection.execute(query):
        found.setdefault(row.person, []).append(EventRow(*row))
    return found


def all_events(connection: sa.Connection, start: int = 0) -> Iterator[EventRow]:
    """Every sealed event in log order from a position, streamed."""
    query = sa.select(event).where(event.c.position >= start).order_by(event.c.position)
    for row in connection.execute(query.execution_options(yield_per=5_000)):
        yield EventRow(*row)


def between(connection: sa.Connection, start: int, end: int) -> list[EventRow]:
    """The sealed events from a log position up to (not including) another, in log order."""
    query = sa.select(event).where(event.c.position >= start, event.c.position < end)
    return [EventRow(*row) for row in connection.execute(query.order_by(event.c.position))]


def people_of_source(connection: sa.Connection, source: int) -> list[int]:
    """Everybody whom events of a source speak about, by id."""
    query = sa.select(event.c.person).where(event.c.source == source).distinct().order_by(event.c.person)
    return list(connection.execute(query).scalars())


def put_tiles(connection: sa.Connection, changed: Sequence[tiles.Tile]) -> None:
    """Store the widest version of each tile."""
    if changed:
        upsert.replace(
            connection, tile, [{"level": one.level, "number": one.index, "body": one.body} for one in changed]
        )


def tile_reader(connection: sa.Connection) -> tiles.TileReader:
    """Reads stored tiles for proofs and for rebuilding the edge. Raises LedgerBroken for a missing one."""

    def read(level: int, index: int, width: int) -> bytes:
        body: bytes | None = connection.execute(_TILE, {"at": level, "nth": index}).scalar_one_or_none()
        if body is None:
            raise errors.LedgerBroken(
                f"The tile {tiles.path(level, index, width)} is missing",
                remedy="restore the database from its backup",
            )
        return body

    return read


def latest(connection: sa.Connection) -> CheckpointRow | None:
    """The latest signed checkpoint, or None for an empty log."""
    row = connection.execute(
        sa.select(checkpoint.c.size, checkpoint.c.root, checkpoint.c.note).where(
            checkpoint.c.name == "latest"
        )
    ).one_or_none()
    return None if row is None else CheckpointRow(*row)


def head(connection: sa.Connection) -> Head:
    """The latest checkpoint, the next person's id and the number of terms, in one question."""
    size, root, note, next_person, terms = connection.execute(_HEAD).one()
    signed = None if size is None else CheckpointRow(size, root, note)
    return Head(signed, 1 if next_person is None else int(next_person), terms)


def put_latest(connection: sa.Connection, signed: CheckpointRow) -> None:
    """Replace the latest signed checkpoint."""
    upsert.replace(connection, checkpoint, [{"name": "latest", **signed._asdict()}])
