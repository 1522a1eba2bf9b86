"""Imports: a file with a past becomes sealed events, once, resumably, and undoably.

Rule. A file is known by the hash of its bytes together with how it was read. A finished one adds nothing when it is run
again; a stopped one goes on after its last committed row; an undone one may be run again as a new generation. Rows are
taken in batches, each one durable transaction together with the place the import has reached and the rejects written
so far, so a kill at any moment loses no acknowledged row. Rejects hold line, column and reason, never a value.

An undo appends retractions for everybody the import spoke about: its grants and attributes count no more, its
refusals stay, unless they too are to go, with a reason, and no later import of the same name repeated them.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec

from amana import errors
from amana.core import events, lists, workspace
from amana.core.lists import Papers
from amana.core.statements import Interval, PersonRow, Reject
from amana.core.vocabulary import Actor
from amana.ledger import canonical
from amana.services.collection.identities import Crowd, Identity, Recogniser
from amana.services.collection.intake import Intake, Origin
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import log, register, sources
from amana.storage.sources import Source

BATCH = 1_000
Rows = Callable[[tuple[str, int] | None], Iterator[PersonRow | Reject]]
Progress = Callable[["Report"], None]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported."""

    kind: str  # the importer: table, mailchimp …
    name: str  # what the source is called; the same name next time means the same system
    digest: str  # SHA-256 of the file, hexadecimal
    reading: str  # the mapping or options, as text: part of the import's identity
    evidence: str  # the documents or facts on which the list's permissions rest; empty for none
    brand: str
    fields: tuple[str, ...]  # registered fields that the rows may carry
    rows: Rows  # the reader: rows from a place on, in order
    bought: bool = False  # a list that somebody else collected
    papers: Papers | None = None  # what its seller handed over


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How an import stands or ended."""

    source: int
    state: str
    counts: dict[str, int]
    rejects: Path
    repeated: bool = False  # the file had been imported before; nothing was added
    fails: tuple[str, ...] = ()  # why a bought list is held

    @property
    def nothing_taken(self) -> bool:
        """Whether rows were refused and not one was read: most often the mapping is not the file's."""
        return not self.counts.get("rows") and bool(self.counts.get("rejected_rows"))


def run(house: House, order: Order, progress: Progress | None = None, *, batch: int = BATCH) -> Report:
    """Import the rest of a file, `batch` rows to a transaction; `progress` hears of each batch once it is durable.

    Raises UnregisteredField, NotFound (brand), Conflict (another process imports this file); readers raise BadInput.
    """
    source, fresh = _begin(house, order)
    path = house.rejects / f"import-{source.id}.csv"
    if source.state == "done":
        return Report(
            source=source.id,
            state="done",
            counts=source.counts,
            rejects=path,
            repeated=True,
            fails=_fails(order) if source.held else (),
        )
    house.rejects.mkdir(mode=0o700, exist_ok=True)
    _sync(house.folder)
    _cut(path, source.counts.get("rejects_bytes", 0))
    recogniser = Recogniser(house.keys, order.name, house.workspace, house.address_rules)
    origin = _origin(house, source, order)
    rows = order.rows(None if fresh else (source.part, source.line + 1))
    for some in _batches(rows, batch):
        source = _take(house, source, origin, recogniser, some, path)
        if progress is not None:
            progress(Report(source=source.id, state="running", counts=source.counts, rejects=path))
    source = msgspec.structs.replace(source, state="done", finished=house.clock())
    house.writing().write(lambda session: sources.put(session.connection, source))
    return Report(source=source.id, state="done", counts=source.counts, rejects=path, fails=_fails(order))


def undo(house: House, number: int, *, also_refusals: bool = False, reason: str = "") -> int:
    """Retract an import for everybody it spoke about; how many people.

    Raises NotFound; Conflict if it was undone before, or if refusals are to go that a later import repeated;
    BadInput if refusals are to go without a reason.
    """
    if also_refusals and not reason:
        raise errors.BadInput("Taking back refusals needs a reason", remedy='give one with --reason "…"')
    with house.database.read() as connection:
        source = sources.get(connection, number)
        if source is None or source.kind == "capture":  # what people said themselves is nobody's to take back
            raise errors.NotFound(f"There is no import {number}", remedy="see `amana status` for the imports")
        if source.state == "undone" and not also_refusals:
            raise errors.Conflict(f"Import {number} was undone already")
        later = [
            one.id
            for one in sources.all_sources(connection)
            if one.name == source.name and one.id > number and one.state != "undone"
        ]
        people = log.people_of_source(connection, number)
    if also_refusals and later:
        raise errors.Conflict(
            f"Later imports of {source.name} may have repeated these refusals",
            got=f"imports {', '.join(map(str, later))}",
            remedy="undo the later ones first",
        )
    for start in range(0, len(people), BATCH):
        retract = partial(_retract, house, people[start : start + BATCH], source, also_refusals, reason)
        house.writing().write(retract)
    undone = msgspec.structs.replace(source, state="undone")
    house.writing().write(lambda session: sources.put(session.connection, undone))
    return len(people)


def identity(order: Order) -> str:
    """The digest by which an import is known: the file's bytes and everything that says how to read them."""
    parts: dict[str, object] = {
        "file": order.digest,
        "kind": order.kind,
        "reading": order.reading,
        "name": order.name,
        "evidence": order.evidence,
        "brand": order.brand,
    }
    if order.bought:
        parts["papers"] = _papers(order)
    return sha256(canonical.encode(parts)).hexdigest()


def _begin(house: House, order: Order) -> tuple[Source, bool]:
    """The import's row: the stopped or finished one of the same identity, else a new one."""
    _check(house, order)
    digest = identity(order)
    with house.database.read() as connection:
        earlier = sources.of_digest(connection, digest)
    living = [one for one in earlier if one.state != "undone"]
    if living:
        return living[-1], not living[-1].counts

    def begin(session: Session) -> Source:
        source = Source(
            id=sources.next_id(session.connection),
            kind=order.kind,
            name=order.name,
            digest=digest,
            generation=len(earlier),
            basis="" if _fails(order) else order.evidence,
            state="running",
            started=session.now,
            held=bool(_fails(order)),
            papers=_papers(order),
            notice_due=lists.notice_due(session.now) if order.bought else None,
        )
        sources.put(session.connection, source)
        return source

    return house.writing().write(begin), True


def _fails(order: Order) -> tuple[str, ...]:
    return lists.fails(order.papers) if order.bought else ()


def _papers(order: Order) -> str:
    """The papers as they are recorded; empty for a list of our own."""
    if not order.bought:
        return ""
    told = {"fails": list(_fails(order)), "papers": msgspec.to_builtins(order.papers)}
    return canonical.encode(told).decode()


def _check(house: House, order: Order) -> None:
    if order.brand not in house.workspace.brands:
        raise errors.NotFound(
            f"There is no brand called {order.brand!r}",
            expected=f"one of: {', '.join(house.workspace.brands)}",
            remedy="name the brand with --brand",
        )
    unknown = [name for name in order.fields if name not in house.workspace.fields]
    if unknown:
        raise workspace.unregistered(
            unknown,
            suggested_purpose=next(iter(house.workspace.purposes)),
            registered=tuple(house.workspace.fields),
        )


def _origin(house: House, source: Source, order: Order) -> Origin:
    with house.database.read() as connection:
        siblings = frozenset(
            one.id
            for one in sources.all_sources(connection)
            if one.name == source.name and one.state != "undone"
        )
        published = {f"{one.id}@{one.version}": one for one in register.notice_versions(connection)}
    return Origin(
        source=source.id,
        siblings=siblings,
        brand=order.brand,
        evidenced=bool(order.evidence) and not source.held,
        bought=order.bought,
        held=source.held,
        id_key=house.keys.secret("event_id"),
        id_context=f"{source.digest}/{source.generation}".encode(),
        notices=published,
    )


def _batches(rows: Iterable[PersonRow | Reject], most: int) -> Iterator[list[PersonRow | Reject]]:
    """Batches that end where a line ends, because an import resumes after a whole line."""
    batch: list[PersonRow | Reject] = []
    for row in rows:
        if len(batch) >= most and (row.part, row.line) != (batch[-1].part, batch[-1].line):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _take(
    house: House,
    source: Source,
    origin: Origin,
    recogniser: Recogniser,
    batch: list[PersonRow | Reject],
    path: Path,
) -> Source:
    """One batch: recognised outside the transaction, recorded inside it."""
    rejects: list[Reject] = []
    identities: list[Identity] = []
    for row in batch:
        if isinstance(row, Reject):
            rejects.append(row)
            continue
        found, problems = recogniser.identify(row)
        rejects.extend(problems)
        if found is not None:
            identities.append(found)
    last = batch[-1]

    def work(session: Session) -> Source:
        _still(session, source)
        crowd = Crowd(session, identities)
        intake = Intake(session, crowd, origin, house.workspace)
        intake.read_profiles(list(session.people))
        intake.take(identities)
        register.put_reviews(session.connection, intake.reviews)
        size = _write_rejects(path, source.counts.get("rejects_bytes", 0), rejects + intake.rejects)
        moved = _moved(source, intake.counts, rejects + intake.rejects, last, size)
        sources.put(session.connection, moved)
        return moved

    return house.writing().write(work)


def _still(session: Session, source: Source) -> None:
    """Refuse to go on where another process has moved or undone the import meanwhile."""
    if sources.get(session.connection, source.id) != source:
        raise errors.Conflict(
            f"Import {source.id} was changed by another process",
            remedy="wait until that one has finished, then run this again",
        )


def _moved(
    source: Source, counted: Counter[str], rejects: list[Reject], last: PersonRow | Reject, size: int
) -> Source:
    counts = Counter(source.counts)
    counts.update(counted)
    counts["empty_rows"] += sum(1 for reject in rejects if reject.empty)
    counts["rejected_rows"] += sum(1 for reject in rejects if reject.whole_row and not reject.empty)
    counts["rejected_values"] += sum(1 for reject in rejects if not reject.whole_row)
    counts["rejects_bytes"] = size
    return msgspec.structs.replace(source, part=last.part, line=last.line, counts=dict(counts))


def _write_rejects(path: Path, offset: int, rejects: list[Reject]) -> int:
    """Write rejects at the committed end of the file, synced; the new end."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if offset == 0:
        writer.writerow(["part", "line", "column", "reason", "whole_row"])
    for one in rejects:
        if one.empty:  # counted; there is nothing to mend
            continue
        writer.writerow([one.part, one.line, one.column, one.reason, "yes" if one.whole_row else "no"])
    data = text.getvalue().encode()
    if not data:
        return offset
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, data, offset)
        os.ftruncate(handle, offset + len(data))
        os.fsync(handle)
    finally:
        os.close(handle)
    if offset == 0:  # the file may be new, or left by a stopped run that never synced its name
        _sync(path.parent)
    return offset + len(data)


def _sync(path: Path) -> None:
    """Make a file's length or a directory's names durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cut(path: Path, size: int) -> None:
    """Drop rejects that were written for a batch that was never committed."""
    if path.exists() and path.stat().st_size > size:
        os.truncate(path, size)
        _sync(path)


def _retract(
    house: House, people: list[int], source: Source, also_refusals: bool, reason: str, session: Session
) -> None:
    session.load(people)
    for person_id in people:
        person = session.people[person_id]
        gone = person.state.retracted_wholly if also_refusals else person.state.retracted
        if source.id in gone:
            continue
        session.record(
            person,
            events.Retraction(
                id=house.random(16).hex(),
                occurred=Interval(lo=session.now, hi=session.now),
                actor=Actor.STAFF,
                source=source.id,
                retracts=source.id,
                also_refusals=also_refusals,
                reason=reason,
            ),
        )
