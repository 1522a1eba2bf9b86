"""Rotation: exchanging keys while the house is lived in.

Rule. `epochs` moves every person's key under this month's epoch key, a chunk at a time, each chunk in the writers' turn;
what was moved stays moved when it is stopped. An epoch that wraps nothing any more is destroyed once its month lies
further back than backups are kept: a backup of the key store needs no other.

`index` gives the blind index of addresses a new key. The new generation is in use from the first moment, the old one is
searched until the last address was recomputed from its sealed value; all holders of an address move together. It goes
on from where it stopped. The old key is retired, and destroyed when no kept backup can need it. Registries are matched
through the index: they must be loaded again afterwards, and until then every question that needs one denies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from amana.ledger import sealing
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import month_of, point_context
from amana.storage import points

DAY = 86_400
CHUNK = 2_000

Progress = Callable[[int], None]
"""Called after each durable chunk with how many were moved so far."""


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation did."""

    moved: int  # keys or points
    destroyed: tuple[str, ...]  # epochs, or retired generations
    waiting: tuple[str, ...]  # empty ones that are kept while backups may need them
    stuck: int = 0  # addresses that do not give the keyed form they stand under: the old generation stays


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the keys stand."""

    epochs: dict[str, int]  # keys that each wraps
    index: int  # generation of the blind index in use
    replacing: int | None  # the generation that is being replaced, if one is
    retired: dict[str, int]  # retired secrets, and when (UTC second)
    backup_days: int


def standing(house: House) -> Standing:
    """How the keys stand."""
    generations = house.keys.index_generations()
    return Standing(
        epochs=house.keys.epochs(),
        index=generations[0],
        replacing=generations[1] if len(generations) > 1 else None,
        retired=house.keys.retired(),
        backup_days=house.backup_days,
    )


def epochs(house: House, progress: Progress | None = None, *, chunk: int = CHUNK) -> Rotated:
    """Move every key under this month's epoch, and destroy the epochs that nobody needs any more."""
    month, moved = month_of(house.clock()), 0
    while True:
        with house.database.begin():  # the writers' turn
            some = house.keys.rotate(month, chunk)
        if not some:
            break
        moved += some
        if progress is not None:
            progress(moved)
    kept = [name for name in house.keys.epochs() if name == month or _ended(name) >= _window(house)]
    with house.database.begin():
        destroyed = house.keys.destroy_epochs(kept)
        destroyed += house.keys.destroy_retired(_window(house))
    left = [name for name, count in house.keys.epochs().items() if not count and name != month]
    return Rotated(moved=moved, destroyed=tuple(destroyed), waiting=(*left, *house.keys.retired()))


def index(house: House, progress: Progress | None = None, *, chunk: int = CHUNK) -> Rotated:
    """Give the index of addresses a new key, or go on with a rotation that was stopped."""
    with house.database.begin():
        if len(house.keys.index_generations()) == 1:
            house.keys.new_index_generation()
    keyer = Keyer(house.keys)
    after, moved, stuck = b"", 0, 0
    while True:
        with house.database.begin() as connection:
            rows = points.after(connection, after, chunk)
            changed, odd = _recomputed(house, keyer, rows)
            moved += points.move(connection, changed)
        if not rows:
            break
        after, stuck = rows[-1].blind, stuck + odd
        if progress is not None:
            progress(moved)
    if not stuck:
        with house.database.begin():
            for old in house.keys.index_generations()[1:]:
                house.keys.retire_index_generation(old, house.clock())
    return Rotated(moved=moved, destroyed=(), waiting=tuple(house.keys.retired()), stuck=stuck)


def _recomputed(
    house: House, keyer: Keyer, rows: Sequence[points.PointRow]
) -> tuple[dict[bytes, bytes], int]:
    """The new keyed forms of rows by their old ones, and how many rows do not give the form they stand under.

    A row that moved comes up again if its new place lies ahead, and is seen to stand right already.
    """
    keys = house.keys.keys({row.person for row in rows})
    changed: dict[bytes, bytes] = {}
    stuck = 0
    for row in rows:
        plain = sealing.unwrap(keys[row.person], row.sealed, point_context(row.person, row.ordinal))
        address = keyer.stored(row.kind, plain.decode())
        if address is not None and address.before == row.blind:
            changed[row.blind] = address.blind
        elif address is None or address.blind != row.blind:
            stuck += 1
    return changed, stuck


def _window(house: House) -> int:
    """The moment before which no kept backup was made."""
    return house.clock() - house.backup_days * DAY


def _ended(month: str) -> int:
    """When a month `YYYY-MM` was over, UTC seconds."""
    year, number = int(month[:4]), int(month[5:])
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return int(following.timestamp())
