"""What must hold of a workspace after a crash, and everything that it records, opened.

Rule. `opened_record` reads the whole workspace the way the product does and raises if anything in it does not hold:
the signed checkpoint, every tile, every event under its person's key, every person's chain, every state as the fold of
its events, every address and profile as the events left them, no key without its person, and each import's rejects
as far as its committed place. `differences` then says how it differs from an uninterrupted import: it must be
exactly what that one had recorded after one of its batches, no earlier than the last one acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
import sqlalchemy as sa
from crash_world import NOW, settings
from import_driver import Told

from amana import errors, wiring
from amana.columns.store import ColumnStore
from amana.core import events
from amana.core.state import PersonState, apply
from amana.ledger import checkpoint, nodes, sealing
from amana.services.audience import cache
from amana.services.record import history
from amana.services.record.house import House
from amana.services.record.writing import point_context, profile_context
from amana.storage import log, people, points, sources
from amana.storage.sources import Source

BROKEN = (errors.AmanaError, sa.exc.DatabaseError, msgspec.MsgspecError, pa.ArrowException, OSError)
"""What a workspace that does not hold raises when it is opened and read."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a workspace records, opened and found to hold."""

    events: tuple[tuple[int, str], ...]  # person and event id, by position
    states: dict[int, PersonState]
    points: dict[tuple[int, int], str]  # address by person and ordinal
    blinds: dict[bytes, frozenset[int]]  # who holds an address, by keyed hash
    profiles: dict[int, dict[str, str]]
    sources: tuple[Source, ...]
    rejects: dict[int, bytes]  # by source, as far as its committed place


def require(held: bool, what: str) -> None:
    """Raise VerificationFailed saying what does not hold."""
    if not held:
        raise errors.VerificationFailed(what)


def record_of(workspace: Path) -> Record:
    """The record of a workspace, opened for writing as after any stop. Raises one of BROKEN."""
    with wiring.opened(settings(workspace), writing=True, at=lambda: NOW) as house:
        return opened_record(house)


def opened_record(house: House) -> Record:
    """The record of an open workspace. Raises one of BROKEN, naming what does not hold."""
    with house.database.read() as connection:
        size = _verified_size(house, connection)
        happened = _opened_events(house, connection, size)
        next_id = people.next_id(connection)
        keys = house.keys.keys(range(next_id))
        require(
            not house.keys.known_keys(range(next_id, next_id + 2_000)), "keys of people who never came to be"
        )
        return Record(
            events=tuple((person, event.id) for person, event in happened),
            states=_states(house, connection, happened, next_id),
            points=(opened := _points(connection, keys, happened)),
            blinds=_blinds(connection, opened),
            profiles=_profiles(connection, keys, happened),
            sources=tuple(sources.all_sources(connection)),
            rejects={one.id: _rejects(house, one) for one in sources.all_sources(connection)},
        )


Happened = list[tuple[int, events.AnyEvent]]


def _verified_size(house: House, connection: sa.Connection) -> int:
    latest = log.latest(connection)
    require(latest is not None, "no checkpoint")
    assert latest is not None
    signed = checkpoint.verify(latest.note, house.writing().verifier).checkpoint
    require((signed.size, signed.root) == (latest.size, latest.root), "the checkpoint's row and note differ")
    nodes.verify_tree(signed.size, log.tile_reader(connection), signed.root)
    return signed.size


def _opened_events(house: House, connection: sa.Connection, size: int) -> Happened:
    """Every event, opened; each follows its person's previous one."""
    rows = list(log.all_events(connection))
    require([row.position for row in rows] == list(range(size)), "events and log differ in size")
    keys = house.keys.keys({row.person for row in rows})
    commitments = history.Commitments(connection)
    heads: dict[int, bytes] = {}
    happened: Happened = []
    for row in rows:
        commitment = commitments.at(row.position)
        opened = history.open_row(row, keys[row.person], commitment)
        require(opened.prev == heads.get(row.person, b""), f"event {row.position} does not follow")
        require(
            (opened.person, opened.event.id, opened.event.source) == (row.person, row.id.hex(), row.source),
            f"event {row.position} is not its row's",
        )
        heads[row.person] = commitment
        happened.append((row.person, opened.event))
    _check_heads(connection, heads, {row.person: row.position for row in rows})
    return happened


def _check_heads(connection: sa.Connection, heads: dict[int, bytes], last: dict[int, int]) -> None:
    for person, row in people.get(connection, range(people.next_id(connection))).items():
        require(
            (row.head, row.changed) == (heads.get(person, b""), last.get(person, -1)),
            f"person {person} does not stand at their last event",
        )


def _states(
    house: House, connection: sa.Connection, happened: Happened, next_id: int
) -> dict[int, PersonState]:
    folded = {person: PersonState() for person in range(next_id)}
    for person, event in happened:
        apply(folded[person], event, house.writing().terms)
    stored = {person: row.state for person, row in people.get(connection, range(next_id)).items()}
    require(stored == folded, "states are not the fold of the events")
    return stored


def _points(
    connection: sa.Connection, keys: dict[int, bytes], happened: Happened
) -> dict[tuple[int, int], str]:
    opened = {
        (row.person, row.ordinal): sealing.unwrap(
            keys[row.person], row.sealed, point_context(row.person, row.ordinal)
        ).decode()
        for rows in points.of_people(connection, list(keys)).values()
        for row in rows
    }
    told = {
        (person, event.point): event.value
        for person, event in happened
        if isinstance(event, events.Point) and event.change == "added"
    }
    require(opened == told, "addresses are not those of the events")
    return opened


def _blinds(connection: sa.Connection, opened: dict[tuple[int, int], str]) -> dict[bytes, frozenset[int]]:
    held = points.of_people(connection, sorted({person for person, _ in opened}))
    blinds = list({row.blind for rows in held.values() for row in rows})
    found = points.holders(connection, blinds)
    require(sum(map(len, found.values())) == len(opened), "an address is not found by its keyed hash")
    return {blind: frozenset(person for person, _ in holders) for blind, holders in found.items()}


def _profiles(
    connection: sa.Connection, keys: dict[int, bytes], happened: Happened
) -> dict[int, dict[str, str]]:
    opened = {
        person: msgspec.json.decode(
            sealing.unwrap(keys[person], sealed, profile_context(person)), type=dict[str, str]
        )
        for person, sealed in people.profiles(connection, list(keys)).items()
    }
    told: dict[int, dict[str, str]] = {}
    for person, event in happened:
        if isinstance(event, events.Profile) and event.sealed:
            told.setdefault(person, {}).update(event.sealed)
    require(opened == told, "profiles are not those of the events")
    return opened


def _rejects(house: House, source: Source) -> bytes:
    committed = source.counts.get("rejects_bytes", 0)
    if not committed:
        return b""
    content = (house.rejects / f"import-{source.id}.csv").read_bytes()
    require(len(content) >= committed, "committed rejects are missing")
    return content[:committed]


def differences(
    found: Record, whole: Record, batches: Iterable[Told], acknowledged: Told | None
) -> list[str]:
    """How a stopped import differs from the same import, uninterrupted, after some batch; empty for nothing."""
    reached = found.sources[0] if found.sources else None
    line = reached.line if reached else 0
    expected = next((told for told in batches if told.line == line and not told.done), None)
    size = expected.size if expected else 1  # the published notice
    wrong = []
    if acknowledged and (line < acknowledged.line or acknowledged.done > (reached.state == "done")):
        wrong.append(f"acknowledged up to line {acknowledged.line}, recorded up to {line}")
    if line and expected is None:
        wrong.append(f"stands in the middle of a batch, at line {line}")
    if found.events != whole.events[:size]:
        wrong.append(f"holds {len(found.events)} events, not the first {size} of the import")
    if expected and reached and reached.counts != expected.counts:
        wrong.append(f"counts {reached.counts} instead of {expected.counts}")
    if reached and found.rejects[1] != whole.rejects[1][: len(found.rejects[1])]:
        wrong.append("rejects differ")
    return wrong


def cache_faults(house: House) -> list[str]:
    """What is wrong with the column files: all that the manifest names must be there and whole."""
    store = ColumnStore(house.columns)
    with house.database.read() as connection:
        latest = log.latest(connection)
    wrong = []
    for name, group in store.manifest().groups.items():
        try:
            loaded = store.load(group)
        except BROKEN as broken:
            wrong.append(f"columns {name}: {broken}")
            continue
        if {len(column) for column in loaded.base.values()} != {group.rows}:
            wrong.append(f"columns {name}: not {group.rows} rows")
        if latest is None or group.position > latest.size:
            wrong.append(f"columns {name}: ahead of the ledger")
    return wrong


def cached_facts(caught: cache.Caught) -> dict[str, list[object]]:
    """The facts in the column files, row by row: the base with its delta put in, regimes spelled out."""
    facts: dict[str, list[object]] = {}
    for loaded in (caught.person, caught.cell):
        for name, base in loaded.base.items():
            values = dict(enumerate(base.tolist()))
            if len(loaded.rows):
                values |= dict(zip(loaded.rows.tolist(), loaded.delta[name].tolist(), strict=True))
            facts[name] = [values[row] for row in sorted(values)]
    facts["regime"] = [caught.regimes[number] for number in facts["regime"]]
    return facts
