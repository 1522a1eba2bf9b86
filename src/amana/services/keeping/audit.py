"""Audit: is everything that the log committed to still here, unaltered, and do the answers rest on nothing else?

Rule. `quick` opens nothing: the signed checkpoint verifies, the stored tree's edge has its root and extends what was
cosigned and audited before, and there are as many rows as the tree has entries. `full` rebuilds the tree from its
entries and opens every event: **opened + erased = tree size**, where erased is what erasure events in the log itself
list, so that a table cannot excuse a row that is gone. Each person's chain of commitments is unbroken, the
stored state is the fold of the person's events, what stands sealed beside them is what they say (`audit_rows`), the
stored notices are the published ones, and the column files are the projection of the state (of evenly spread people
where there are many).

A full audit goes on to the end, so that the error names the lowest position that is wrong and how many faults there
are. With `since`, an earlier signed checkpoint, the tree before it counts as checked and only people with later events
are opened, but they wholly. What it cannot see: a database put back, whole, to an earlier day with its own checkpoint.
A witness, a published folder or a receipt sees that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from amana import errors
from amana.columns import layout
from amana.columns.store import ColumnStore, Group, Loaded, Manifest
from amana.core import events, facts
from amana.core import state as states
from amana.core.cells import Terms
from amana.core.state import PersonState
from amana.ledger import canonical, checkpoint, merkle, nodes, sealing, tiles
from amana.ledger.checkpoint import Checkpoint
from amana.services.audience import attributes, cache
from amana.services.keeping.audit_rows import InStep, Said, Sealed
from amana.services.record import publication, records
from amana.services.record.house import House
from amana.storage import erasures, log, people, proofs, register
from amana.storage.log import EventRow
from amana.storage.proofs import StoredPerson

CHUNK = 2_000  # events whose keys are fetched together
COLUMN_SAMPLE = 10_000  # people compared with each group of columns
NAMED_FAULTS = 5
_FRAME = 2 + sealing.COMMITMENT_SIZE  # one entry in a bundle

Progress = Callable[[int, int], None]
"""Called with how many events were opened, and how many there are."""


class About(IntEnum):
    """What a fault is about."""

    EVENT = 0
    STATE = 1
    WHOLE = 2


class Quick(msgspec.Struct, frozen=True, kw_only=True):
    """What a quick audit found to hold."""

    origin: str
    size: int  # entries in the signed tree
    erased: int
    extends: tuple[str, ...]  # what the tree was shown to extend


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """What a full audit found to hold. `opened + erasing + erased = size`, unless it went on from an earlier one."""

    origin: str
    size: int
    opened: int
    erased: int
    erasing: int  # of people whose erasure was begun and not finished
    people: int
    addresses: int  # opened, and found under their own keyed hash
    profiles: int  # opened
    notices: int
    columns: int  # values compared with the column files
    since: int  # entries that an earlier audit vouches for, 0 for none


class Fault(NamedTuple):
    """One thing that does not hold. In order: what is wrong with an event comes before what follows from it."""

    about: About
    position: int  # of the event, or of the latest event of the person
    what: str


def quick(house: House) -> Quick:
    """Check signatures, root and counts. Raises LedgerBroken."""
    with house.database.read() as connection:
        return _quick(house, connection)


def full(
    house: House,
    progress: Progress | None = None,
    *,
    since: str | None = None,
    sample: int = COLUMN_SAMPLE,
) -> Full:
    """Open everything, as the rule says. `since` is a signed checkpoint up to which an earlier audit vouches.

    Raises LedgerBroken naming the first bad position, VerificationFailed for a `since` that the log did not sign.
    """
    with house.database.read() as connection:
        found = _quick(house, connection, counted=False)
        run = _Run(house, connection, found.size)
        if since is not None:
            old = checkpoint.verify(since, publication.log_key(house)).checkpoint
            head = Checkpoint(origin=found.origin, size=found.size, root=_latest_root(connection))
            publication.proves_growth(old, head, run.read, "the earlier audit")
            run.since = old.size
        run.tree(_latest_root(connection))
        run.leaves(progress)
        run.notices()
        run.conclude()  # before what rests on sound states
        run.columns(sample)
        run.conclude()
        return Full(
            origin=found.origin,
            size=found.size,
            opened=run.opened,
            erased=len(run.erased),
            erasing=run.erasing,
            people=run.people,
            addresses=run.addresses,
            profiles=run.profiles,
            notices=run.published,
            columns=run.compared,
            since=run.since,
        )


def last(house: House) -> str | None:
    """The signed checkpoint of the last full audit that was remembered here."""
    with house.database.read() as connection:
        row = proofs.named(connection, proofs.AUDITED)
    return None if row is None else row.note


def remember(house: House, audited: Full) -> None:
    """Keep the latest checkpoint as audited, unless the log has grown since. Needs a house opened for writing."""

    def keep(connection: sa.Connection) -> None:
        latest = log.latest(connection)
        if latest is not None and latest.size == audited.size:
            proofs.keep(connection, proofs.AUDITED, latest)

    house.writing().write(lambda session: keep(session.connection))


def _quick(house: House, connection: sa.Connection, *, counted: bool = True) -> Quick:
    latest = log.latest(connection)
    counts = proofs.counts(connection)
    if latest is None:
        if counts.events or counts.tiles or counts.bundles:
            raise errors.LedgerBroken(
                "There is no signed checkpoint, but the log is not empty", remedy="restore the database"
            )
        return Quick(origin=house.origin, size=0, erased=0, extends=())
    key = publication.log_key(house)
    head = publication.verified_row(latest, key)
    read = log.tile_reader(connection)
    if counted:
        _check_root(head, read)
        _check_counts(head.size, counts)
    held = {"a witness": proofs.COSIGNED, "the last audit": proofs.AUDITED}
    extends: list[str] = []
    for who, name in held.items():
        row = proofs.named(connection, name)
        if row is not None:
            publication.proves_growth(publication.verified_row(row, key), head, read, who)
            extends.append(name)
    return Quick(origin=head.origin, size=head.size, erased=counts.erased, extends=tuple(extends))


def _check_root(head: Checkpoint, read: tiles.TileReader) -> None:
    try:
        root = tiles.root(tiles.edge_from(head.size, read))
    except errors.VerificationFailed as broken:
        raise errors.LedgerBroken(
            f"The stored tree contradicts itself: {broken.what}", remedy="restore the database"
        ) from broken
    if root != head.root:
        raise errors.LedgerBroken(
            "The stored tree does not have the root of the signed checkpoint", remedy="run `amana audit`"
        )


def _check_counts(size: int, counts: proofs.Counts) -> None:
    wide = (size + tiles.WIDTH - 1) // tiles.WIDTH
    wanted = {
        "events stored and erased": (size, counts.events + counts.erased),
        "hash tiles": (wide, counts.tiles),
        "entry bundles": (wide, counts.bundles),
    }
    for what, (expected, got) in wanted.items():
        if expected != got:
            raise errors.LedgerBroken(
                f"The number of {what} does not fit the signed tree",
                expected=str(expected),
                got=str(got),
                remedy="run `amana audit` to see which are wrong",
            )


def _latest_root(connection: sa.Connection) -> bytes:
    latest = log.latest(connection)
    return merkle.EMPTY_ROOT if latest is None else latest.root


class _Run:
    """One full audit under way: what it reads, and the faults it has found."""

    def __init__(self, house: House, connection: sa.Connection, size: int) -> None:
        self.house = house
        self.connection = connection
        self.size = size
        self.erased: set[int] = set()  # positions, as erasure events in the log list them
        self.since = 0
        self.opened = self.erasing = self.people = self.published = self.compared = 0
        self.addresses = self.profiles = 0
        self.read = log.tile_reader(connection)
        self._bundles = proofs.bundles(connection)
        self._seen = bytearray(size)
        self._faults: list[Fault] = []
        self._terms: Terms = register.terms(connection)
        self._fenced = frozenset(erasures.in_state(connection, erasures.FENCED))
        self._wordings: dict[str, str] = {}  # notice id@version -> hash, as the log has it

    # ---- the tree ---------------------------------------------------------------------------------------------------

    def tree(self, root: bytes) -> None:
        """Every bundle and tile follows from the entries, up to the signed root."""
        try:
            trusted = tiles.edge_from(self.since, self._as_it_was)
            nodes.verify_tree(self.size, self.read, root, trusted)
        except (errors.VerificationFailed, errors.LedgerBroken) as broken:
            self._fault(broken.what)

    def _as_it_was(self, level: int, index: int, width: int) -> bytes:
        return tiles.narrowed(level, self.read(level, index, width), width)

    def _commitment(self, position: int) -> bytes:
        number, offset = divmod(position, tiles.WIDTH)
        if number >= len(self._bundles):
            return b""
        start = offset * _FRAME + 2
        return self._bundles[number][start : start + sealing.COMMITMENT_SIZE]

    # ---- the leaves, person by person -------------------------------------------------------------------------------

    def leaves(self, progress: Progress | None) -> None:
        """Open every event; chain, fold and compare; then account for every position."""
        stored = InStep(proofs.people_by_id(self.connection, self.since), lambda row: row.id)
        sealed = Sealed(self.connection, self.house.keys, self.since)
        total = self.size - self.since if self.since else self.size
        for chunk in _chunks(proofs.events_by_person(self.connection, self.since)):
            keys = self._keys([rows[0].person for rows in chunk])
            for rows in chunk:
                self._without_events(stored.before(rows[0].person), sealed.before(rows[0].person))
                said = self._person(rows, keys.get(rows[0].person), stored.take(rows[0].person))
                self._beside(sealed, rows, keys, said)
            if progress is not None:
                progress(min(self.opened, total), total)
        self._without_events(stored.rest(), sealed.rest())
        self.addresses, self.profiles = sealed.addresses, sealed.profiles
        self._account()

    def _beside(
        self, sealed: Sealed, rows: Sequence[EventRow], keys: Mapping[int, bytes], said: Said | None
    ) -> None:
        """Hold what stands sealed beside a person's events against what they say, if they are sound."""
        person = rows[0].person
        if said is None:
            sealed.skip(person)
            return
        for position, wrong in sealed.compare(person, keys[person], said):
            if position < 0:
                self._fault(wrong)
            else:
                self._faults.append(Fault(About.STATE, position, f"Event {position} {wrong}"))

    def _keys(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The keys of a chunk's people; whoever's is missing or does not open is left out."""
        try:
            return self.house.keys.keys(ids)
        except (errors.KeyMissing, errors.VerificationFailed):
            found: dict[int, bytes] = {}
            for person in ids:
                try:
                    found |= self.house.keys.keys([person])
                except (errors.KeyMissing, errors.VerificationFailed) as broken:
                    self._fault(f"The key of person {person} cannot be used: {broken.what}")
            return found

    def _person(
        self, rows: Sequence[EventRow], key: bytes | None, stored: Sequence[StoredPerson]
    ) -> Said | None:
        """Open one person's events; what they say of addresses and fields, None if they are not sound."""
        if rows[0].person in self._fenced:
            for row in rows:
                self._mark(row)
            self.erasing += len(rows)
            return None
        self.people += rows[0].person > 0
        if key is None:
            for row in rows:
                self._note(row, "cannot be opened, and is not on the erasure list")
                self._mark(row)
            return None
        state, head, said, sound = PersonState(), b"", Said(), True
        for row in rows:
            commitment = self._commitment(row.position)
            wrong = self._event(row, key, commitment, head, state, said)
            if wrong:
                sound = False
                self._note(row, wrong)
            self._mark(row)
            self.opened += 1
            head = commitment
        if not stored:
            self._note(rows[-1], "belongs to a person without a stored state", About.STATE)
        elif sound:
            self._compare(rows[-1], state, head, stored[0])
        return said if sound else None

    def _event(
        self, row: EventRow, key: bytes, commitment: bytes, head: bytes, state: PersonState, said: Said
    ) -> str:
        """Open one event and fold it; what is wrong with it, or the empty string."""
        try:
            _, data = sealing.open_sealed(key, row.sealed, commitment)
            record = records.decode_committed(data)
        except (errors.VerificationFailed, errors.BadInput) as broken:
            return f"does not verify: {broken.what}"
        event = record.event
        if record.person != row.person or event.source != row.source or event.id != row.id.hex():
            return "is stored under another person, source or id than it records"
        if record.prev != head:
            return "does not follow the person's previous event"
        if isinstance(event, events.Notice):
            self._wordings[event.notice] = event.notice_hash
        elif isinstance(event, events.Erasure):
            self.erased.update(event.positions)
        said.hear(row.position, event)
        try:
            states.apply(state, event, self._terms)
        except (errors.AmanaError, KeyError) as broken:
            return f"cannot be folded: {type(broken).__name__}"
        return ""

    def _compare(self, latest: EventRow, state: PersonState, head: bytes, stored: StoredPerson) -> None:
        if (stored.head, stored.changed) != (head, latest.position):
            self._note(latest, "is not the latest event that the person's row names", About.STATE)
        if stored.decoded() != state:
            self._note(latest, "belongs to a person whose state is not the fold of the events", About.STATE)

    def _without_events(self, stored: Iterator[StoredPerson], sealed: Iterator[str]) -> None:
        for row in stored:
            if row.head or row.changed >= 0 or row.decoded() != PersonState():
                self._fault(f"The state of person {row.id} rests on no event")
        for wrong in sealed:
            self._fault(wrong)

    def _mark(self, row: EventRow) -> None:
        if not 0 <= row.position < self.size:
            self._fault(f"Event {row.position} lies outside the signed tree")
            return
        self._seen[row.position] = 1

    def _account(self) -> None:
        """Every position of the tree was opened, or is listed by an erasure event in the log itself."""
        position = self._seen.find(0, self.since)
        while position >= 0:
            if position not in self.erased:
                self._fault(f"Event {position} is missing, and no erasure in the log lists it", position)
            position = self._seen.find(0, position + 1)
        for position in sorted(self.erased):
            if position < self.size and self._seen[position]:
                self._fault(f"Event {position} was erased, and is stored again", position)
        if self.erased != erasures.erased_positions(self.connection):
            self._fault("The stored erasure list is not the one in the log")
        events_stored = proofs.counts(self.connection).events
        if events_stored + len(self.erased) != self.size:
            self._fault(
                f"Stored {events_stored} and erased {len(self.erased)} are not the {self.size} of the tree"
            )

    # ---- what rests on the events -----------------------------------------------------------------------------------

    def notices(self) -> None:
        """The stored wording of each notice is the one whose hash the log has."""
        for version in register.notice_versions(self.connection):
            name = f"{version.id}@{version.version}"
            content = sha256(canonical.encode(version.content)).hexdigest()
            if content != version.hash or self._wordings.get(name) != content:
                self._fault(f"The notice {name} is not the one that was published")
            self.published += 1

    def columns(self, sample: int) -> None:
        """The column files are the projection of the state, for people whom they have caught up with."""
        store = ColumnStore(self.house.columns)
        manifest = store.manifest()
        chosen = self._chosen(sample) if manifest.groups else []
        regimes = cache.Regimes(manifest.regimes)
        topics = facts.Topics(register.topics(self.connection))
        for name, group in manifest.groups.items():
            loaded = store.load(group)
            if name == attributes.GROUP or name.startswith(attributes.ORIGIN):
                self._attributes(manifest, name, loaded, chosen)
                continue
            self._group(name, group, loaded, chosen, regimes, topics)
            if name == cache.PERSON_GROUP:
                self._blank(loaded, erasures.in_state(self.connection, erasures.DONE)[:sample])

    def _chosen(self, sample: int) -> list[people.PersonRow]:
        highest = people.next_id(self.connection)
        step = max(1, (highest - 1) // max(sample, 1))
        return list(people.get(self.connection, range(1, highest, step)).values())

    def _group(
        self,
        name: str,
        group: Group,
        loaded: Loaded,
        chosen: Sequence[people.PersonRow],
        regimes: cache.Regimes,
        topics: facts.Topics,
    ) -> None:
        of_person = name == cache.PERSON_GROUP
        cell = 0 if of_person else int(name.removeprefix("cell-"))
        columns = layout.PERSON if of_person else layout.CELL
        for row in chosen:
            if row.changed < group.position:
                wanted = cache.project(self.house, row.state, cell, of_person, regimes, topics)
                found = tuple(_cell(loaded, column, row.id - 1) for column in columns)
                self.compared += len(columns)
                if found != tuple(wanted):
                    self._fault(f"The columns {name} of person {row.id} are not what the state says")

    def _attributes(
        self, manifest: Manifest, name: str, loaded: Loaded, chosen: Sequence[people.PersonRow]
    ) -> None:
        for row in chosen:
            if row.changed < manifest.groups[name].position:
                wanted = attributes.projected(manifest, name, row.state)
                self.compared += len(loaded.base)
                if any(_cell(loaded, column, row.id - 1) != wanted.get(column) for column in loaded.base):
                    self._fault(f"The columns {name} of person {row.id} are not what the state says")

    def _blank(self, loaded: Loaded, erased: Sequence[int]) -> None:
        for person in erased:
            if _cell(loaded, "known", person - 1):
                self._fault(f"The columns still know person {person}, who was erased")

    # ---- faults -----------------------------------------------------------------------------------------------------

    def _note(self, row: EventRow, what: str, about: About = About.EVENT) -> None:
        self._faults.append(Fault(about, row.position, f"Event {row.position} {what}"))

    def _fault(self, what: str, position: int = -1) -> None:
        about = About.EVENT if position >= 0 else About.WHOLE
        self._faults.append(Fault(about, position, what))

    def conclude(self) -> None:
        """Raises LedgerBroken if there was any fault, the one with the lowest position first."""
        if not self._faults:
            return
        ordered = sorted(self._faults)
        named = "; ".join(fault.what for fault in ordered[1:NAMED_FAULTS])
        raise errors.LedgerBroken(
            ordered[0].what,
            expected=f"{self.size} entries, each opened or erased",
            got=f"{len(ordered)} faults" + (f", also: {named}" if named else ""),
            remedy="keep the files as they are, and restore the backup that verifies",
        )


def _chunks(rows: Iterator[EventRow]) -> Iterator[list[list[EventRow]]]:
    """Events by person, people put together until there are enough events."""
    chunk: list[list[EventRow]] = []
    count = 0
    for _, of_person in groupby(rows, key=attrgetter("person")):
        chunk.append(list(of_person))
        count += len(chunk[-1])
        if count >= CHUNK:
            yield chunk
            chunk, count = [], 0
    if chunk:
        yield chunk


def _cell(loaded: Loaded, column: str, row: int) -> object:
    """One value of a group: the delta's, or else the base's; None where the files do not reach."""
    place = int(np.searchsorted(loaded.rows, row))
    if place < len(loaded.rows) and loaded.rows[place] == row:
        return loaded.delta[column][place].item()
    base = loaded.base.get(column)
    return base[row].item() if base is not None and row < len(base) else None
