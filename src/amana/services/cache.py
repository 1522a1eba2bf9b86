"""Catching up: the column files follow the ledger, in proportion to what changed.

Rule. Before a screen, each group that it needs is brought to the ledger's head: people whose latest event stands at or
after the group's position are projected again and become the delta, together with the delta before. When the delta
has grown past a fifth of the base, the group is written anew. The position is read before the people are, so that an
event that lands meanwhile is picked up next time, never missed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from amana.columns import layout
from amana.columns.store import ROW, Columns, ColumnStore, Group, Loaded, Manifest
from amana.core import facts
from amana.core.facts import BORN_UNKNOWN, Topics
from amana.core.regimes import Regime
from amana.core.state import PersonState
from amana.services.asking import NEVER_TARGET
from amana.services.house import House
from amana.storage import log, people, register

COMPACT_AT = 0.2
PERSON_GROUP = "person"


class Caught(NamedTuple):
    """Columns at one ledger position."""

    position: int
    regimes: tuple[Regime, ...]
    person: Loaded
    cell: Loaded


class Regimes:
    """Numbers regimes in order of first appearance."""

    def __init__(self, known: Sequence[Regime]) -> None:
        self._numbers = {regime: number for number, regime in enumerate(known)}

    def number(self, regime: Regime) -> int:
        """The number of a regime, a new one if it is new."""
        return self._numbers.setdefault(regime, len(self._numbers))

    def all(self) -> tuple[Regime, ...]:
        """All regimes by number."""
        return tuple(self._numbers)


def cell_group(cell: int) -> str:
    """The name of a cell's group."""
    return f"cell-{cell}"


def catch_up(house: House, cell: int) -> Caught:
    """Bring the person group and one cell's group to the ledger's head, and map them."""
    store = ColumnStore(house.columns)
    name = cell_group(cell)
    with _lock(house), house.database.read() as connection:
        latest = log.latest(connection)
        head = latest.size if latest else 0
        manifest = _not_ahead(store.manifest(), head)
        groups = [manifest.groups.get(PERSON_GROUP), manifest.groups.get(name)]
        if any(group is None or group.position < head for group in groups):
            manifest = _refresh(house, store, manifest, cell, head, connection)
        person, about = manifest.groups[PERSON_GROUP], manifest.groups[name]
        return Caught(head, manifest.regimes, store.load(person), store.load(about))


def _not_ahead(manifest: Manifest, head: int) -> Manifest:
    """Without the groups of a longer ledger than ours: an older database stands beside newer columns."""
    kept = {name: group for name, group in manifest.groups.items() if group.position <= head}
    return msgspec.structs.replace(manifest, groups=kept)


def _refresh(
    house: House, store: ColumnStore, manifest: Manifest, cell: int, head: int, connection: sa.Connection
) -> Manifest:
    regimes = Regimes(manifest.regimes)
    topics = Topics(register.topics(connection))
    serial = manifest.serial + 1
    groups = dict(manifest.groups)
    for name, columns in ((PERSON_GROUP, layout.PERSON), (cell_group(cell), layout.CELL)):
        group = groups.get(name)
        if group is not None and group.position >= head:
            continue
        since = group.position if group is not None else 0
        changed = people.changed_since(connection, since)
        rows: list[int] = []
        values: list[tuple[Any, ...]] = []
        for person_id, state in changed:
            rows.append(person_id - 1)
            values.append(project(house, state, cell, name == PERSON_GROUP, regimes, topics))
        groups[name] = _store(store, group, name, serial, head, rows, values, columns)
    refreshed = Manifest(serial=serial, regimes=regimes.all(), groups=groups)
    store.publish(refreshed)
    return refreshed


def project(
    house: House, state: PersonState, cell: int, of_person: bool, regimes: Regimes, topics: Topics
) -> tuple[Any, ...]:
    """A person's row of the person group, or of a cell's group, in the order of the layout's columns."""
    reader = house.reader
    if of_person:
        number = regimes.number(reader.regime(state))
        return facts.person_facts(state, number, reader.born(state), suppressed=False, topics=topics)
    found = facts.project(state, cell, _NEUTRAL, never_target_flag=NEVER_TARGET)
    return tuple(found[place] for place in _CELL_PLACES)


def _store(
    store: ColumnStore,
    group: Group | None,
    name: str,
    serial: int,
    head: int,
    rows: list[int],
    values: list[tuple[Any, ...]],
    columns: tuple[str, ...],
) -> Group:
    fresh = _transposed(rows, values, columns)
    if group is None:
        empty = Loaded(base={}, rows=np.empty(0, np.int64), delta={})
        return store.write_base(name, serial, head, _whole(empty, fresh, columns))
    if not rows:
        return msgspec.structs.replace(group, position=head)
    held = store.load(group)
    merged = _merged(held, fresh)
    if len(merged[ROW]) > COMPACT_AT * max(group.rows, 1):
        return store.write_base(name, serial, head, _whole(held, merged, columns))
    return store.write_delta(group, name, serial, head, merged)


def _transposed(rows: list[int], values: list[tuple[Any, ...]], columns: tuple[str, ...]) -> Columns:
    by_column = zip(*values, strict=True) if values else [()] * len(columns)
    found = {
        column: np.asarray(list_of, layout.dtype(column))
        for column, list_of in zip(columns, by_column, strict=True)
    }
    return {ROW: np.asarray(rows, np.int64)} | found


def _merged(held: Loaded, fresh: Columns) -> Columns:
    """The delta before and the fresh rows, fresh ones first in right; ascending rows."""
    if not len(held.rows):
        return fresh
    keep = ~np.isin(held.rows, fresh[ROW])
    rows = np.concatenate([held.rows[keep], fresh[ROW]])
    order = np.argsort(rows, kind="stable")
    merged = {ROW: rows[order]}
    for name, column in held.delta.items():
        merged[name] = np.concatenate([column[keep], fresh[name]])[order]
    return merged


def _whole(held: Loaded, changed: Columns, columns: tuple[str, ...]) -> Columns:
    """A new base: the old one with the changed rows put in. Rows nobody has are zero, which is not `known`."""
    rows = changed[ROW]
    before = len(next(iter(held.base.values()))) if held.base else 0
    size = max(before, int(rows[-1]) + 1 if len(rows) else 0)
    whole: Columns = {}
    for name in columns:
        column = np.zeros(size, layout.dtype(name))
        if before:
            column[:before] = held.base[name]
        column[rows] = changed[name]
        whole[name] = column
    return whole


_CELL_PLACES = tuple(facts.Facts._fields.index(name) for name in layout.CELL)
_NEUTRAL = facts.PersonFacts(
    True, 0, False, False, BORN_UNKNOWN, facts.NEVER, facts.ALL_HOURS, facts.ALL_DAYS, 0, facts.NO_CAP
)


@contextmanager
def _lock(house: House) -> Iterator[None]:
    """One process refreshes the cache at a time; others wait for it."""
    handle = os.open(house.folder / "columns.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
