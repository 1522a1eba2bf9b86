"""The one write path: keys first, then one durable transaction for everything else, then the answer.

Rule. A piece of work runs inside a `Session`: it reads what is recorded and stages events, contact points and profile
values. Nothing is written until it ends. Then, in this order: (1) the keys of new people are committed in the key
store; (2) one transaction of the main database holds the sealed events, the folded states, the tiles and the signed
checkpoint; (3) the work's answer is given. A failure before (3) leaves nothing but orphan keys, which are swept. Where a
refusal journal is kept, refusals are written there just before (2) is committed.

A batch is whatever queued while the previous one was being committed, at most `MOST_WORKS`: one event alone is fast,
many together are fast, and there is no timer. If one work of a batch fails, the batch is undone and its works run one
by one, so that a failure is only its owner's.

Before signing, the tree that a writer remembers is grown by the entries that others added since, and its root compared
with the last signed checkpoint (a writer that begins, or is far behind, reads the stored edge instead): the log never
signs what does not extend it. A log that is shorter than a writer remembers, or another one, was put back beneath it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import events
from amana.core import state as states
from amana.core.cells import Terms
from amana.keys.store import KeyStore
from amana.ledger import checkpoint, merkle, note, sealing, tiles
from amana.services.record import records
from amana.storage import erasures, log, people, points, register
from amana.storage.database import Database

T = TypeVar("T")

MOST_WORKS = 1_000
MOST_FOLLOWED = 4_096  # entries of others that are hashed again; beyond them, reading the edge is quicker
_profile_json = msgspec.json.Encoder(order="sorted")


class Writing(msgspec.Struct):
    """A person as a session sees and changes them. Not shared between sessions."""

    id: int
    state: states.PersonState
    head: bytes
    changed: int
    name_tag: bytes | None
    is_new: bool = False
    touched: bool = False


class Staged(msgspec.Struct):
    """One event waiting for its place in the log."""

    person: int
    event: events.AnyEvent
    position: int = -1  # known once committed


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a person's erasure, as a refusal journal needs to know it."""

    person: int
    addresses: tuple[bytes, ...]  # keyed hashes under which a suppression list holds them
    aliases: tuple[bytes, ...]  # keyed hashes of other systems' ids


class Journal(Protocol):
    """Where refusals and fences are written down a second time, before they are answered.

    `write` is called inside the main transaction, after everything else; what it wrote is durable when it returns. A
    line whose transaction is then not committed only refuses more. If it raises, nothing is committed.
    """

    def write(self, session: Session) -> None:
        """Write down what a session refuses."""
        ...


class Session:
    """What one piece of work may read and stage. Valid only inside `Writer.write`."""

    def __init__(
        self,
        connection: sa.Connection,
        keys: KeyStore,
        terms: Terms,
        now: int,
        next_person: int,
        ledger_size: int,
    ) -> None:
        self.connection = connection
        self.keys = keys
        self.terms = terms
        self.now = now
        self.next_person = next_person
        self.ledger_size = ledger_size
        self.people: dict[int, Writing] = {}
        self.staged: list[Staged] = []
        self.points: list[tuple[int, int, str, bytes, str]] = []  # person, ordinal, kind, blind, value
        self.profiles: dict[int, dict[str, str]] = {}
        self.new_holders: dict[bytes, list[tuple[int, int]]] = {}
        self.aliases: dict[bytes, int] = {}
        self.placed: list[Callable[[sa.Connection], None]] = []
        self.fences: list[Fence] = []  # people whose erasure begins here
        self._new_keys: dict[int, bytes] = {}

    def load(self, ids: Iterable[int]) -> None:
        """Read people into the session, in one query."""
        wanted = [one for one in ids if one not in self.people]
        for row in people.get(self.connection, wanted).values():
            self.people[row.id] = Writing(row.id, row.state, row.head, row.changed, row.name_tag)

    def person(self, person_id: int) -> Writing:
        """One person. Raises NotFound."""
        held = self.people.get(person_id)
        if held is None:
            self.load([person_id])
            held = self.people.get(person_id)
        if held is None:
            raise erasures.nobody(self.connection, person_id)
        return held

    def workspace(self) -> Writing:
        """Person 0: the workspace, for its own events."""
        self.load([0])
        if 0 not in self.people:
            self.people[0] = Writing(0, states.PersonState(), b"", -1, None)
        return self.people[0]

    def new_person(self, name_tag: bytes | None = None) -> Writing:
        """A person nobody knew yet."""
        made = Writing(self.next_person, states.PersonState(), b"", -1, name_tag, is_new=True, touched=True)
        self.next_person += 1
        self.people[made.id] = made
        return made

    def holders(self, blinds: Sequence[bytes]) -> dict[bytes, list[tuple[int, int]]]:
        """Who holds these addresses: stored, and staged in this batch."""
        found = points.holders(self.connection, blinds)
        for blind in blinds:
            if blind in self.new_holders:
                found[blind] = found.get(blind, []) + self.new_holders[blind]
        return found

    def add_point(self, person: Writing, kind: str, blind: bytes, value: str, ordinal: int) -> None:
        """Store an address of a person under a new ordinal; the caller records the Point event."""
        self.points.append((person.id, ordinal, kind, blind, value))
        self.new_holders.setdefault(blind, []).append((person.id, ordinal))

    def record(self, person: Writing, event: events.AnyEvent) -> Staged:
        """Stage one event; the person's state in this session knows it at once."""
        event = msgspec.structs.replace(event, recorded=self.now)
        states.apply(person.state, event, self.terms)
        person.touched = True
        staged = Staged(person.id, event)
        self.staged.append(staged)
        return staged

    def key_of(self, person: int) -> bytes:
        """A person's key. That of a person new in this session is made now; it is durable before anything else is."""
        held = self.people.get(person)
        if held is None or not held.is_new:
            return self.keys.keys([person])[person]
        if person not in self._new_keys:
            self._new_keys |= self.keys.create_keys([person], month_of(self.now))
        return self._new_keys[person]

    @property
    def new_keys(self) -> dict[int, bytes]:
        """Keys that were made before the flush."""
        return self._new_keys

    def once_placed(self, work: Callable[[sa.Connection], None]) -> None:
        """Run in the same transaction once the staged events have their positions in the log."""
        self.placed.append(work)

    def merge_profile(self, person: Writing, fields: dict[str, str]) -> None:
        """Set sealed fields of a person; other fields stay."""
        if fields:
            self.profiles.setdefault(person.id, {}).update(fields)


class _Queued(Generic[T]):
    def __init__(self, work: Callable[[Session], T]) -> None:
        self.work = work
        self.done = threading.Event()
        self.result: T | None = None
        self.failure: BaseException | None = None


class Writer:
    """A writer of one workspace. Make one per process; processes take turns in `Database.begin`."""

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        *,
        origin: str,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
        journal: Journal | None = None,
    ) -> None:
        self._database = database
        self._journal = journal
        self._keys = keys
        self._clock = clock
        self._random = random
        self._signer = note.signer(origin, keys.secret("log_signing"))
        self._queue: deque[_Queued[Any]] = deque()
        self._lock = threading.Lock()
        self._edge, self._terms, self._terms_read = tiles.EMPTY, Terms({}, {}), 0
        with database.begin() as connection:
            self._catch_up(connection)
            keys.sweep(self._next_person)
            if self._next_person == 1:  # the workspace's own key, person 0
                self._ensure_workspace_key()

    @property
    def terms(self) -> Terms:
        """The numbers of brands and purposes."""
        return self._terms

    @property
    def verifier(self) -> note.VerifierKey:
        """The log's public key."""
        return self._signer.verifier

    def reload_terms(self) -> None:
        """Read the terms again after some were added."""
        with self._database.read() as connection:
            self._terms = register.terms(connection)

    def _catch_up(self, connection: sa.Connection) -> None:
        """Read what other writers changed: the tree's edge, the next id, the terms. Raises LedgerBroken."""
        found = log.head(connection)
        if (found.latest.root if found.latest else merkle.EMPTY_ROOT) != tiles.root(self._edge):
            self._edge = _grown(self._edge, found.latest, self._signer.verifier, log.tile_reader(connection))
        self._next_person = found.next_person
        if found.terms != self._terms_read:
            self._terms, self._terms_read = register.terms(connection), found.terms

    def write(self, work: Callable[[Session], T]) -> T:
        """Run one piece of work and answer when it is durable. Raises what the work raised, with nothing written."""
        queued: _Queued[T] = _Queued(work)
        self._queue.append(queued)
        while not queued.done.is_set():
            with self._lock:
                if not queued.done.is_set():
                    self._drain()
        if queued.failure is not None:
            raise queued.failure
        return queued.result  # type: ignore[return-value]  # set whenever there is no failure

    def _drain(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_WORKS))]
        try:
            self._commit(batch)
        except Exception as failure:  # noqa: BLE001  handed to the owner of the work, who raises it
            if len(batch) == 1:
                batch[0].failure = failure
            else:
                self._one_by_one(batch)
        except BaseException as stopped:  # noqa: BLE001  handed on; it may have come after the commit, so nothing is redone
            for queued in batch:
                queued.failure = stopped
        for queued in batch:
            queued.done.set()

    def _one_by_one(self, batch: list[_Queued[Any]]) -> None:
        for queued in batch:
            try:
                self._commit([queued])
            except BaseException as failure:  # noqa: BLE001  handed to the owner of the work, who raises it
                queued.failure = failure

    def _commit(self, batch: Sequence[_Queued[Any]]) -> None:
        now = self._clock()
        committed = False
        try:
            with self._database.begin() as connection:
                self._catch_up(connection)
                session = Session(
                    connection, self._keys, self._terms, now, self._next_person, self._edge.size
                )
                results = [queued.work(session) for queued in batch]
                edge = self._flush(session)
            committed = True
        finally:
            if not committed:
                self._keys.forget_cached()
        self._edge = edge
        self._next_person = session.next_person
        for queued, result in zip(batch, results, strict=True):
            queued.result = result

    # ---- the flush: everything a batch staged, sealed and stored ---------------------------------------------------

    def _flush(self, session: Session) -> tiles.Edge:
        keys = self._person_keys(session)
        edge = self._seal_events(session, keys)
        touched = [person for person in session.people.values() if person.touched]
        people.put(
            session.connection,
            [people.PersonRow(p.id, p.state, p.head, p.changed, p.name_tag) for p in touched],
        )
        self._put_points(session, keys)
        self._put_profiles(session, keys)
        people.put_aliases(session.connection, session.aliases)
        for work in session.placed:
            work(session.connection)
        if session.next_person != self._next_person:
            people.set_next_id(session.connection, session.next_person)
        if self._journal is not None:
            self._journal.write(session)
        return edge

    def _person_keys(self, session: Session) -> dict[int, bytes]:
        made = session.new_keys
        fresh = [one.id for one in session.people.values() if one.is_new and one.id not in made]
        keys = made | self._keys.create_keys(fresh, month_of(session.now))
        sealing_for = {staged.person for staged in session.staged} | set(session.profiles)
        sealing_for.update(row[0] for row in session.points)
        return keys | self._keys.keys(sealing_for - keys.keys())

    def _seal_events(self, session: Session, keys: dict[int, bytes]) -> tiles.Edge:
        if not session.staged:
            return self._edge
        noise = memoryview(self._random(44 * len(session.staged)))
        heads = self._heads(session)
        commitments: list[bytes] = []
        rows: list[log.EventRow] = []
        position = self._edge.size
        for index, staged in enumerate(session.staged):
            r, nonce = (
                bytes(noise[44 * index : 44 * index + 32]),
                bytes(noise[44 * index + 32 : 44 * index + 44]),
            )
            record = records.encode(staged.event, staged.person, heads[staged.person])
            commitment = sealing.commitment(r, record)
            sealed = sealing.seal(keys[staged.person], nonce, r, record, commitment)
            commitments.append(commitment)
            rows.append(
                log.EventRow(
                    position, bytes.fromhex(staged.event.id), staged.person, staged.event.source, sealed
                )
            )
            heads[staged.person] = commitment
            staged.position = position
            person = session.people[staged.person]
            person.head, person.changed = commitment, position
            position += 1
        log.put_events(session.connection, rows)
        return self._append(session.connection, commitments)

    def _heads(self, session: Session) -> dict[int, bytes]:
        return {staged.person: session.people[staged.person].head for staged in session.staged}

    def _append(self, connection: sa.Connection, commitments: list[bytes]) -> tiles.Edge:
        appended = tiles.append(self._edge, commitments)
        log.put_tiles(connection, [*appended.tiles, *appended.bundles])
        signed = checkpoint.sign(
            checkpoint.Checkpoint(
                origin=self._signer.verifier.name, size=appended.edge.size, root=appended.root
            ),
            self._signer,
        )
        log.put_latest(connection, log.CheckpointRow(appended.edge.size, appended.root, signed))
        return appended.edge

    def _put_points(self, session: Session, keys: dict[int, bytes]) -> None:
        points.put(
            session.connection,
            [
                points.PointRow(
                    person,
                    ordinal,
                    kind,
                    blind,
                    sealing.wrap(
                        keys[person], self._random(12), value.encode(), point_context(person, ordinal)
                    ),
                )
                for person, ordinal, kind, blind, value in session.points
            ],
        )

    def _put_profiles(self, session: Session, keys: dict[int, bytes]) -> None:
        held = people.profiles(session.connection, list(session.profiles))
        sealed: dict[int, bytes] = {}
        for person, fields in session.profiles.items():
            context = profile_context(person)
            before = held.get(person)
            merged = msgspec.json.decode(sealing.unwrap(keys[person], before, context)) if before else {}
            plain = _profile_json.encode(merged | fields)
            sealed[person] = sealing.wrap(keys[person], self._random(12), plain, context)
        people.put_profiles(session.connection, sealed)

    def _ensure_workspace_key(self) -> None:
        try:
            self._keys.keys([0])
        except errors.KeyMissing:
            self._keys.create_keys([0], month_of(self._clock()))


def month_of(at: int) -> str:
    """The key epoch of a moment, `YYYY-MM`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def point_context(person: int, ordinal: int) -> bytes:
    """Binds a sealed address to its row."""
    return b"point/%d/%d" % (person, ordinal)


def profile_context(person: int) -> bytes:
    """Binds a sealed profile to its person."""
    return b"profile/%d" % person


def _grown(
    edge: tiles.Edge, latest: log.CheckpointRow | None, key: note.VerifierKey, read: tiles.TileReader
) -> tiles.Edge:
    """The edge of the stored tree, which must extend `edge` and be the last that was signed. Raises LedgerBroken."""
    if latest is None or latest.size <= edge.size:
        raise errors.LedgerBroken(
            "The log was put back while it was open",
            expected=f"the {edge.size} entries that this writer knows, or more",
            got=f"{latest.size if latest else 0} entries",
            remedy="close every program on this workspace, then run `amana restored`",
        )
    try:
        signed = checkpoint.verify(latest.note, key).checkpoint
        near = edge.size and signed.size - edge.size <= MOST_FOLLOWED
        grown = tiles.followed(edge, signed.size, read) if near else tiles.edge_from(signed.size, read)
    except errors.VerificationFailed as broken:
        raise errors.LedgerBroken(
            f"The stored log does not verify: {broken.what}",
            remedy="run `amana audit`, then restore from the backup",
        ) from broken
    if tiles.root(grown) != signed.root:
        raise errors.LedgerBroken(
            "The stored log does not match its last signed checkpoint",
            remedy="run `amana audit`, then restore from the backup",
        )
    return grown
