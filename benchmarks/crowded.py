"""A workspace of many people, made quickly: a few thousand imported for good, the rest copies of them.

Rule. The originals come through the real import, with their events in the ledger. A copy is a row of state (and, for
those who will be written about, a key): it has no events of its own, so such a workspace serves to measure reading,
catching up and screening, and would fail an audit. Columns are the originals' projections, repeated in the same order,
so they are what a rebuild would give. Copies keep the log position of their original, so they count as caught up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import sqlalchemy as sa

import lists
from amana import wiring
from amana.columns import layout
from amana.columns.store import Columns, ColumnStore
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Status
from amana.services.audience import cache
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.settings import Settings
from amana.storage import people

ORIGINALS = 4_096
KEYED = 50_000
BATCH = 1_000
_COLUMNS = "state, head, changed, name_tag"


def made(folder: Path, size: int, database: str = "", keys: str = "") -> Settings:
    """A workspace of so many people in a folder or in a server's databases, with the columns of the list's question."""
    settings = Settings(
        workspace=folder / "workspace", actor="benchmark", database=database, keys_database=keys
    )
    wiring.create(settings, lists.WORKSPACE)
    originals = min(size, ORIGINALS)
    lists.write(folder / "list.csv", originals)
    with wiring.opened(settings, writing=True) as house:
        lists.imported(house, folder / "list.csv")
        cache.catch_up(house, cell(house))
        if house.database.is_postgresql:
            _copied(house, originals, size)
    if not database:
        _copied_in_file(settings.workspace / wiring.MAIN, originals, size)
    with wiring.opened(settings) as house:
        _repeat_columns(house, originals, size)
    return settings


@contextmanager
def opened(settings: Settings) -> Iterator[House]:
    """The workspace, open for writing."""
    with wiring.opened(settings, writing=True) as house:
        yield house


def cell(house: House) -> int:
    """The cell of the list's question."""
    with house.database.read() as connection:
        held = lists.QUESTION
        return cache.register.terms(connection).cell(held.brand, held.purpose, held.channel.value)


def give_keys(house: House, ids: Sequence[int]) -> None:
    """Keys for copies, so that something can be recorded about them. An original has one already."""
    wanted = [one for one in ids if one > ORIGINALS]
    for start in range(0, len(wanted), KEYED):
        house.keys.create_keys(wanted[start : start + KEYED], "2026-01")


def withdraw(house: House, ids: Sequence[int]) -> None:
    """Record the withdrawal of each, acknowledged when this returns."""
    now = house.clock()
    for start in range(0, len(ids), BATCH):
        chunk = ids[start : start + BATCH]

        def work(session: Session, chunk: Sequence[int] = chunk) -> None:
            session.load(chunk)
            for one in chunk:
                session.record(session.person(one), _withdrawal(house, now))

        house.writing().write(work)


def _withdrawal(house: House, now: int) -> events.Permission:
    return events.Permission(
        id=house.random(16).hex(),
        occurred=Interval(lo=now, hi=now),
        actor=Actor.PERSON,
        source=0,
        brand=lists.QUESTION.brand,
        purpose=lists.QUESTION.purpose,
        channel=lists.QUESTION.channel.value,
        status=Status.WITHDRAWN,
        confirmed=True,
    )


def _copied_in_file(path: Path, originals: int, size: int) -> None:
    """Copy people inside the file, without its promises of durability, which nobody needs here."""
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-200000"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute("BEGIN")
    connection.execute(
        f"INSERT INTO person (id, {_COLUMNS}) WITH RECURSIVE n(i) AS"
        f" (SELECT {originals} + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size})"
        f" SELECT n.i, {_COLUMNS} FROM n JOIN person p ON p.id = (n.i - 1) % {originals} + 1"
        f" WHERE n.i <= {size}"
    )
    connection.execute("UPDATE meta SET value = ? WHERE name = 'next_person'", (str(size + 1),))
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _copied(house: House, originals: int, size: int) -> None:
    with house.database.begin() as connection:
        connection.execute(
            sa.text(
                f"INSERT INTO person (id, {_COLUMNS}) SELECT n.i, {_COLUMNS}"
                f" FROM generate_series({originals} + 1, {size}) AS n(i)"
                f" JOIN person p ON p.id = (n.i - 1) % {originals} + 1"
            )
        )
        people.set_next_id(connection, size + 1)
    with house.database.engine.connect() as connection:
        connection.execute(sa.text("ANALYZE person"))


def _repeat_columns(house: House, originals: int, size: int) -> None:
    store = ColumnStore(house.columns)
    manifest = store.manifest()
    serial = manifest.serial + 1
    times = -(-size // originals)
    groups = {}
    for name, group in manifest.groups.items():
        base = store.load(group).base
        whole: Columns = {column: np.tile(values, times)[:size] for column, values in base.items()}
        groups[name] = store.write_base(name, serial, group.position, whole)
    store.publish(msgspec.structs.replace(manifest, serial=serial, groups=groups))


def rebuilt(house: House, ids: Sequence[int]) -> Columns:
    """The columns of some people as a rebuild would project them, both groups together, to compare with."""
    with house.database.read() as connection:
        found = people.get(connection, ids)
        regimes = cache.Regimes(ColumnStore(house.columns).manifest().regimes)
        topics = cache.Topics(cache.register.topics(connection))
    rows = [
        cache.project(house, found[one].state, 0, True, regimes, topics)
        + cache.project(house, found[one].state, cell(house), False, regimes, topics)
        for one in ids
    ]
    names = (*layout.PERSON, *layout.CELL)
    return {name: np.asarray(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
