"""Forgetting a person, so that nothing is left but numbers that lead nowhere.

Rule. In this order, each step durable before the next, and redone from the fence wherever it was interrupted:
1. the **fence**: one transaction that remembers the erasure, keeps the keyed hashes of the person's addresses on the
   suppression list, marks exports for recall, and removes every row by which the person could be found again, so that
   no later event can silently make a new key;
2. their copies are removed, and the person's **key** is destroyed: nothing sealed for them opens again, in no backup
   whose key epoch has ended;
3. the sealed **events** are deleted and their positions published in one erasure leaf per batch: indexes, no names;
4. the **columns** are blanked, and the files are scrubbed: deleted content is overwritten and the write-ahead logs are
   emptied. Until that succeeded (an open reader can hold it up) the erasure says `scrubbing`.

What stays: 32-byte commitments in the log, the erasure list, the suppression hashes, and the receipts that the person
holds, which still verify. On PostgreSQL deleted bytes stay in the server's files until it reuses them; they open with
no key, and are worthless once the key epoch was rotated away.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from amana import errors
from amana.columns.store import ColumnStore
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor
from amana.ledger import sealing
from amana.services.keeping import copy_store
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Fence, Session, point_context
from amana.storage import erasures, people, points, register

BATCH = 1_000
LIST = register.ERASED
"""The suppression list that erased people's addresses stand on."""


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased."""

    people: int
    events: int
    exports_recalled: int
    scrubbed: bool  # False: deleted content may still stand in a file; run again


Still = Callable[[Session, int], bool]
"""Whether somebody is still to be erased, as the transaction that begins it sees them."""


def forget(house: House, ids: Sequence[int], *, still: Still | None = None) -> Forgotten:
    """Erase people; of those whom `still` is given for, the ones it says yes of.

    Raises NotFound if one is neither here nor erased before; erasing twice is harmless.
    """
    recalled = 0
    for start in range(0, len(ids), BATCH):
        chunk = list(ids[start : start + BATCH])
        recalled += house.writing().write(partial(_fence, house, chunk, still=still))
    return msgspec.structs.replace(finish(house), exports_recalled=recalled)


def finish(house: House) -> Forgotten:
    """Go on with every erasure that was fenced and not finished."""
    count = 0
    while fenced := _in_state(house, erasures.FENCED)[:BATCH]:
        copy_store.remove_of(house, fenced)
        house.keys.destroy_keys(fenced)
        count += house.writing().write(partial(_delete, house, fenced))
    scrubbing = _in_state(house, erasures.SCRUBBING)
    if not scrubbing:
        return Forgotten(people=0, events=count, exports_recalled=0, scrubbed=True)
    _blank_columns(house, scrubbing)
    scrubbed = house.database.scrub() and house.keys.scrub()
    if scrubbed:
        house.writing().write(
            lambda session: erasures.move(session.connection, scrubbing, erasures.DONE, session.now)
        )
        house.database.scrub()
    return Forgotten(people=len(scrubbing), events=count, exports_recalled=0, scrubbed=scrubbed)


def _fence(house: House, ids: list[int], session: Session, *, still: Still | None = None) -> int:
    session.load(ids)
    missing = [one for one in ids if one not in session.people or one < 1]  # 0 is the workspace itself
    unknown = [one for one in missing if erasures.state_of(session.connection, one) is None]
    if unknown:
        raise errors.NotFound("There is no such person", got=f"p{unknown[0]}", remedy="check the id")
    present = [one for one in dict.fromkeys(ids) if one in session.people]
    if still is not None:
        present = [one for one in present if still(session, one)]
    _keep_suppressed(house, session, present)
    recalled = erasures.recall_exports(session.connection, present)
    erasures.fence(session.connection, present, session.now)
    for one in present:
        del session.people[one]
    return recalled


def _keep_suppressed(house: House, session: Session, present: list[int]) -> None:
    """The keyed hashes of the addresses stay, so that an import contacts nobody who was erased.

    After a restore somebody's key may be gone already: their addresses cannot be opened, and the journal has the hashes.
    """
    keyer = Keyer(house.keys)
    held = points.of_people(session.connection, present)
    aliases = people.aliases_of(session.connection, present)
    keys = house.keys.known_keys(present)
    for one in present:
        hashes = [
            code
            for row in held.get(one, ())
            if one in keys
            for code in suppression_hashes(keyer, keys[one], row)
        ]
        register.suppress(session.connection, dict.fromkeys(hashes), LIST, session.now)
        session.fences.append(Fence(person=one, addresses=tuple(hashes), aliases=tuple(aliases.get(one, ()))))


def suppression_hashes(keyer: Keyer, key: bytes, row: points.PointRow) -> tuple[bytes, ...]:
    """The keyed hashes of a sealed address, for suppression lists."""
    plain = sealing.unwrap(key, row.sealed, point_context(row.person, row.ordinal)).decode()
    address = keyer.stored(row.kind, plain)
    return address.suppress if address is not None else ()


def _delete(house: House, ids: list[int], session: Session) -> int:
    """Delete the sealed events and publish their positions in one erasure leaf."""
    positions = erasures.positions_of(session.connection, ids)
    erasures.delete_events(session.connection, ids)
    if positions:
        leaf = session.record(
            session.workspace(),
            events.Erasure(
                id=house.random(16).hex(),
                occurred=Interval(lo=session.now, hi=session.now),
                actor=Actor.SYSTEM,
                source=0,
                positions=tuple(positions),
            ),
        )
        session.once_placed(lambda connection: erasures.list_erased(connection, positions, leaf.position))
    erasures.move(session.connection, ids, erasures.SCRUBBING)
    return len(positions)


def _blank_columns(house: House, ids: Sequence[int]) -> None:
    handle = os.open(house.folder / "columns.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        ColumnStore(house.columns).blank([one - 1 for one in ids])
    finally:
        os.close(handle)


def _in_state(house: House, state: str) -> list[int]:
    with house.database.read() as connection:
        return erasures.in_state(connection, state)
