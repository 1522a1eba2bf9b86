"""History: a person's events, opened and verified one by one.

Rule. An event that is shown was decrypted with the person's key, checked against its commitment in the log, and found
to follow its predecessor in the person's chain. Anything else raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events
from amana.core import state as states
from amana.core.cells import Terms
from amana.ledger import sealing, tiles
from amana.services.record import records
from amana.services.record.house import House
from amana.storage import erasures, log
from amana.storage.log import EventRow

CHUNK = 500


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a person, as the log proves it."""

    position: int
    event: events.AnyEvent
    commitment: bytes


def of_person(house: House, person: int, *, before: int | None = None) -> list[Opened]:
    """A person's events in log order, all or those below a position.

    Raises KeyMissing for an erased person, VerificationFailed if an event was altered or one is missing.
    """
    with house.database.read() as connection:
        rows = log.events_of(connection, person, before=before)
        if not rows:
            return []
        key = house.keys.keys([person])[person]
        commitments = Commitments(connection)
        return list(_chain(rows, key, commitments))


def not_erased(house: House, person: int) -> None:
    """Refuse somebody who was erased, or is being erased. Raises NotFound, which says when and what is left."""
    with house.database.read() as connection:
        if erasures.state_of(connection, person) is not None:
            raise erasures.nobody(connection, person)


def of_people(
    house: House, people: Sequence[int], *, before: int | None = None
) -> Iterator[tuple[int, list[Opened]]]:
    """The events of many people, one person after another, as `of_person` would give them; in the order asked."""
    with house.database.read() as connection:
        commitments = Commitments(connection)
        for start in range(0, len(people), CHUNK):
            chunk = people[start : start + CHUNK]
            keys = house.keys.known_keys(chunk)
            rows = log.events_of_many(connection, chunk, before=before)
            for person in chunk:
                held = rows.get(person, [])
                if held and person not in keys:
                    raise errors.KeyMissing(
                        "A person's key is not in the key store",
                        remedy="restore the key store of this database",
                    )
                yield person, list(_chain(held, keys[person], commitments)) if held else []


def state_at(house: House, person: int, known_at: int, terms: Terms) -> states.PersonState | None:
    """The state that the ledger knew of a person when it held `known_at` events; None if it knew nothing."""
    opened = of_person(house, person, before=known_at)
    return states.fold_all((one.event for one in opened), terms) if opened else None


class Commitments:
    """Reads commitments from the stored entry bundles, keeping the last bundle."""

    def __init__(self, connection: sa.Connection) -> None:
        self._read = log.tile_reader(connection)
        self._number = -1
        self._entries: list[bytes] = []

    def at(self, position: int) -> bytes:
        """The commitment at a log position. Raises LedgerBroken, VerificationFailed."""
        number, offset = divmod(position, tiles.WIDTH)
        if number != self._number:
            self._entries = tiles.bundle_entries(self._read(tiles.ENTRIES, number, tiles.WIDTH))
            self._number = number
        if offset >= len(self._entries):
            raise errors.LedgerBroken(f"The log has no entry {position}", remedy="run `amana audit`")
        return self._entries[offset]


def open_row(row: EventRow, key: bytes, commitment: bytes) -> records.Record:
    """The record behind one sealed row. Raises VerificationFailed naming the position."""
    try:
        _, data = sealing.open_sealed(key, row.sealed, commitment)
        return records.decode(data)
    except errors.VerificationFailed as broken:
        raise errors.VerificationFailed(
            f"Event {row.position} does not verify: {broken.what}", remedy="run `amana audit`"
        ) from broken


def _chain(rows: Iterable[EventRow], key: bytes, commitments: Commitments) -> Iterator[Opened]:
    head = b""
    for row in rows:
        commitment = commitments.at(row.position)
        record = open_row(row, key, commitment)
        if record.prev != head or record.person != row.person:
            raise errors.VerificationFailed(
                f"Event {row.position} does not follow the person's previous event",
                remedy="run `amana audit`",
            )
        head = commitment
        yield Opened(position=row.position, event=record.event, commitment=commitment)
