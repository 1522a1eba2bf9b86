"""Catching up: the column files follow the ledger, in proportion to what changed.

Rule. Before a screen, each group that it needs is brought to the ledger's head: people whose latest event stands at or
after the group's position are projected again and become the delta, together with the delta before. When the delta
has grown past a fifth of the base (a twentieth of a large one), the group is written anew. The position is read before
the people are, so that an event that lands meanwhile is picked up next time, never missed. An erasure writes no event
before its end: whoever is being erased is told apart (`gone`) until the columns are blank.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from operator import itemgetter
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
from amana.services.gate.asking import NEVER_TARGET
from amana.services.record.house import House
from amana.storage import erasures, log, people, register

COMPACT_AT, COMPACT_MANY_AT = 0.2, 0.05
MANY = 1_000_000  # rows from which on a delta is a burden sooner: each catching up writes it again
PART = 8_192
PERSON_GROUP = "person"


class Caught(NamedTuple):
    """Columns at one ledger position."""

    position: int
    regimes: tuple[Regime, ...]
    person: Loaded
    cell: Loaded
    gone: np.ndarray[Any, Any] = np.empty(0, np.int64)
    """Rows of people whose erasure has begun: the record forgot them, the columns may not be blank yet."""


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
    with locked(house), house.database.read() as connection:
        latest = log.latest(connection)
        head = latest.size if latest else 0
        manifest = not_ahead(store.manifest(), head)
        groups = [manifest.groups.get(PERSON_GROUP), manifest.groups.get(name)]
        if any(group is None or group.position < head for group in groups):
            manifest = _refresh(house, store, manifest, cell, head, connection)
        person, about = manifest.groups[PERSON_GROUP], manifest.groups[name]
        gone = [
            one - 1
            for stage in (erasures.FENCED, erasures.SCRUBBING)
            for one in erasures.in_state(connection, stage)
        ]
        loaded = store.load(person), store.load(about)
        return Caught(head, manifest.regimes, *loaded, np.array(gone, np.int64))


def not_ahead(manifest: Manifest, head: int) -> Manifest:
    """Without the groups of a longer ledger than ours: an older database stands beside newer columns."""
    kept = {name: group for name, group in manifest.groups.items() if group.position <= head}
    return msgspec.structs.replace(manifest, groups=kept)


def _refresh(
    house: House, store: ColumnStore, manifest: Manifest, cell: int, head: int, connection: sa.Connection
) -> Manifest:
    regimes = Regimes(manifest.regimes)
    topics = Topics(register.topics(connection))
    groups = dict(manifest.groups)
    serial = manifest.serial + 1
    with ExitStack() as held:
        for since, together in _behind(store, manifest, cell, head, held).items():
            for person_id, state in people.changed_since(connection, since):
                for name, rows in together.items():
                    of_person = name == PERSON_GROUP
                    rows.add(person_id - 1, project(house, state, cell, of_person, regimes, topics))
            for name, rows in together.items():
                columns = rows.columns()
                if isinstance(rows, _First):
                    groups[name] = store.write_base(name, serial, head, columns)
                else:
                    groups[name] = _laid(store, groups[name], name, serial, head, columns)
    refreshed = msgspec.structs.replace(manifest, serial=serial, regimes=regimes.all(), groups=groups)
    store.publish(refreshed)
    return refreshed


def _behind(
    store: ColumnStore, manifest: Manifest, cell: int, head: int, held: ExitStack
) -> dict[int, dict[str, _Fresh | _First]]:
    """What the groups that are not at the head need, by the position from which people are read."""
    found: dict[int, dict[str, _Fresh | _First]] = {}
    for name, columns in ((PERSON_GROUP, layout.PERSON), (cell_group(cell), layout.CELL)):
        group = manifest.groups.get(name)
        if group is None:
            found.setdefault(0, {})[name] = _First(store, columns, held)
        elif group.position < head:
            found.setdefault(group.position, {})[name] = _Fresh(columns)
    return found


class _Fresh:
    """Changed rows of one group as they are projected: kept as arrays, a tenth of their size as numbers of Python."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._rows: list[int] = []
        self._values: list[tuple[Any, ...]] = []
        self._parts: list[Columns] = []

    def add(self, row: int, values: tuple[Any, ...]) -> None:
        """One row, after those added before."""
        self._rows.append(row)
        self._values.append(values)
        if len(self._rows) == PART:
            self._settle()

    def columns(self) -> Columns:
        """All rows as columns, with their numbers. Empties itself on the way, so that nothing is held twice."""
        self._settle()
        parts, self._parts = self._parts, []
        return {name: np.concatenate([part.pop(name) for part in parts]) for name in (ROW, *self._names)}

    def _settle(self) -> None:
        self._parts.append(_transposed(self._rows, self._values, self._names))
        self._rows, self._values = [], []


class _First:
    """All rows of a group that nobody wrote before, ascending: they go to files as they come, and not into memory."""

    def __init__(self, store: ColumnStore, names: tuple[str, ...], held: ExitStack) -> None:
        self._names = names
        self._files = {name: held.enter_context(store.spool()) for name in names}
        self._rows: list[int] = []
        self._values: list[tuple[Any, ...]] = []
        self._size = 0

    def add(self, row: int, values: tuple[Any, ...]) -> None:
        """One row, after those added before."""
        self._rows.append(row)
        self._values.append(values)
        if len(self._rows) == PART:
            self._settle()

    def columns(self) -> Columns:
        """All rows as columns, mapped. Rows nobody has are zero, which is not `known`."""
        if self._rows:
            self._settle()
        found: Columns = {}
        for name, file in self._files.items():
            kind = layout.dtype(name)
            found[name] = np.memmap(file, kind, "r") if self._size else np.empty(0, kind)
        return found

    def _settle(self) -> None:
        part = _transposed(self._rows, self._values, self._names)
        rows = part.pop(ROW) - self._size
        size = int(rows[-1]) + 1
        for name, values in part.items():
            whole = np.zeros(size, values.dtype)
            whole[rows] = values
            whole.tofile(self._files[name])
        self._rows, self._values, self._size = [], [], self._size + size


def project(
    house: House, state: PersonState, cell: int, of_person: bool, regimes: Regimes, topics: Topics
) -> tuple[Any, ...]:
    """A person's row of the person group, or of a cell's group, in the order of the layout's columns."""
    reader = house.reader
    if of_person:
        number = regimes.number(reader.regime(state))
        return facts.person_facts(state, number, reader.born(state), suppressed=False, topics=topics)
    found = facts.project(state, cell, _NEUTRAL, never_target_flag=NEVER_TARGET)
    columns: tuple[Any, ...] = _of_cell(found)
    return columns


def stored(
    store: ColumnStore,
    group: Group | None,
    name: str,
    serial: int,
    head: int,
    rows: list[int],
    values: list[tuple[Any, ...]],
    columns: tuple[str, ...],
) -> Group:
    """A group with these rows laid over it, written to files and not yet published."""
    return _laid(store, group, name, serial, head, _transposed(rows, values, columns))


def _laid(
    store: ColumnStore, group: Group | None, name: str, serial: int, head: int, fresh: Columns
) -> Group:
    if group is None:
        empty = Loaded(base={}, rows=np.empty(0, np.int64), delta={})
        return store.write_base(name, serial, head, _whole(store, empty, fresh))
    if not len(fresh[ROW]):
        return msgspec.structs.replace(group, position=head)
    held = store.load(group)
    merged = _merged(held, fresh)
    share = COMPACT_AT if group.rows < MANY else COMPACT_MANY_AT
    if len(merged[ROW]) > share * max(group.rows, 1):
        return store.write_base(name, serial, head, _whole(store, held, merged))
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


def _whole(store: ColumnStore, held: Loaded, changed: Columns) -> Columns:
    """A new base: the old one with the changed rows put in. Rows nobody has are zero, which is not `known`.

    Takes the changed columns away one by one; where there are many rows, the new ones stand in files.
    """
    rows = changed.pop(ROW)
    before = len(next(iter(held.base.values()))) if held.base else 0
    size = max(before, int(rows[-1]) + 1 if len(rows) else 0)
    whole: Columns = {}
    for name in list(changed):
        kind = layout.dtype(name)
        column = np.zeros(size, kind) if size < MANY else store.room(size, kind)
        if before:
            column[:before] = held.base[name]
        column[rows] = changed.pop(name)
        whole[name] = column
    return whole


_of_cell = itemgetter(*(facts.Facts._fields.index(name) for name in layout.CELL))
_NEUTRAL = facts.PersonFacts(
    True, 0, False, False, BORN_UNKNOWN, facts.NEVER, facts.ALL_HOURS, facts.ALL_DAYS, 0, facts.NO_CAP
)


@contextmanager
def locked(house: House) -> Iterator[None]:
    """One process refreshes the cache at a time; others wait for it."""
    handle = os.open(house.folder / "columns.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
