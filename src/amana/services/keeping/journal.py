"""The refusal journal: every No, written a second time, somewhere else, before it is answered.

Rule. Each refusal, block, restriction and fence becomes one line: times, words, and the person's addresses as the keyed
hashes that suppression lists use, never a value. It is appended and synced inside the write's transaction, so that what
was acknowledged is in the journal. Each line carries a keyed code: a line of another workspace, or an altered one, is
not believed. A last line without its end was never acknowledged, and makes way for the next one.

Replaying puts back what a restored record lacks. A line belongs to the person of its number if that person holds one of
its addresses or ids; else to everybody who holds one; else the addresses go on a suppression list, so that no later
import contacts them. A fence erases its person again. A replay refuses more, never less, and twice is as once. It lifts
the restore only if the journal was begun no later than the backup and every line can be read.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from amana import errors
from amana.core import events
from amana.core import state as states
from amana.core.cells import Terms
from amana.core.statements import ANY, Interval
from amana.core.vocabulary import REFUSING, Actor, PointKind, Status
from amana.keys.store import EVENT_ID, SUPPRESSION, KeyStore
from amana.services.keeping import forget
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import log, people, points, register, restores

OPENED, FENCE, BLOCKED, RESTRICTED = "opened", "fence", "blocked", "restricted"
LIST = "journal"
"""The suppression list of addresses that refused and that nobody here holds."""

BATCH = 500
_CODE = 32  # hexadecimal digits
_encode = msgspec.json.Encoder(order="deterministic").encode


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. Hashes are hexadecimal, times UTC seconds."""

    what: str  # opened | fence | blocked | restricted | a refusing status
    at: int
    size: int  # of the ledger before
    person: int = 0
    addresses: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    brand: str = ANY
    purpose: str = ANY
    channel: str = ANY
    category: str = ""  # of data, where use or sharing was refused
    kind: str = ""  # of the blocked contact point
    reason: str = ""
    lo: int = 0
    hi: int = 0


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay did."""

    lines: int
    recorded: int  # events
    erased: int  # people
    suppressed: int  # keyed hashes of addresses that nobody here holds
    unreadable: int
    begun_too_late: bool  # the journal was begun after the backup was made
    lifted: bool  # the restore no longer denies


class RefusalJournal:
    """The journal of one workspace. Appends in the writers' turn; `write` is durable when it returns."""

    def __init__(self, path: Path, keys: KeyStore) -> None:
        self._path = path
        self._key = code_key(keys)

    def begin(self, at: int, size: int) -> None:
        """Make the journal if there is none. Raises BadSettings if it cannot be kept, or is another workspace's."""
        first = _first(self._path)
        if first is None:
            self._append([Line(what=OPENED, at=at, size=size)])
        elif _read(first, self._key) is None:
            raise errors.BadSettings(
                "The refusal journal belongs to another workspace",
                remedy="name another file in AMANA_JOURNAL",
            )

    def write(self, session: Session) -> None:
        """Write down what a session refuses. Raises BadSettings if it cannot."""
        lines = [*_refusals(session), *_fences(session)]
        if lines:
            self._append(lines)

    def _append(self, lines: Sequence[Line]) -> None:
        data = b"".join(_written(line, self._key) for line in lines)
        try:
            fresh = not self._path.exists()
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                end = _whole(handle)
                os.ftruncate(handle, end)
                written = os.pwrite(handle, data, end)
                if written != len(data):
                    raise OSError(0, "no space left")
                os.fsync(handle)
            finally:
                os.close(handle)
            if fresh:
                _sync_folder(self._path.parent)
        except OSError as refused:
            raise errors.BadSettings(
                "The refusal journal cannot be written, so nothing was recorded",
                got=refused.strerror or type(refused).__name__,
                remedy="mend the place that AMANA_JOURNAL names, then try again",
            ) from refused


def code_key(keys: KeyStore) -> bytes:
    """The key of the lines' codes. It is as old as the workspace, and is in every backup of its keys."""
    return hmac.digest(keys.secret(SUPPRESSION), b"amana/refusal-journal/v1", "sha256")


# ---- writing ----------------------------------------------------------------------------------------------------


def _refusals(session: Session) -> Iterator[Line]:
    found = [staged for staged in session.staged if _refuses(staged.event)]
    if not found:
        return
    holders = sorted({staged.person for staged in found})
    held = points.of_people(session.connection, holders)
    aliases = people.aliases_of(session.connection, holders)
    keys, keyer = session.keys.keys(holders), Keyer(session.keys)
    for staged in found:
        event, one = staged.event, staged.person
        only = event.point if isinstance(event, events.Point) else None
        rows = [row for row in held.get(one, ()) if only is None or row.ordinal == only]
        hashes = [code.hex() for row in rows for code in forget.suppression_hashes(keyer, keys[one], row)]
        yield msgspec.structs.replace(
            _worded(event),
            at=session.now,
            size=session.ledger_size,
            person=one,
            addresses=tuple(hashes),
            aliases=tuple(alias.hex() for alias in aliases.get(one, ())),
        )


def _fences(session: Session) -> Iterator[Line]:
    for one in session.fences:
        yield Line(
            what=FENCE,
            at=session.now,
            size=session.ledger_size,
            person=one.person,
            addresses=tuple(code.hex() for code in one.addresses),
            aliases=tuple(alias.hex() for alias in one.aliases),
            lo=session.now,
            hi=session.now,
        )


def _refuses(event: events.AnyEvent) -> bool:
    match event:
        case events.Permission():
            return event.status in REFUSING
        case events.Point():
            return event.change == BLOCKED
        case events.Restriction():
            return event.on
        case _:
            return False


def _worded(event: events.AnyEvent) -> Line:
    """What an event refuses, without whose it is."""
    when = event.occurred
    bare = Line(what=RESTRICTED, at=0, size=0, lo=when.lo, hi=when.hi)
    if isinstance(event, events.Permission):
        return msgspec.structs.replace(
            bare,
            what=event.status.value,
            brand=event.brand,
            purpose=event.purpose,
            channel=event.channel,
            category=event.category,
            reason=event.reason,
        )
    if isinstance(event, events.Point):
        return msgspec.structs.replace(bare, what=BLOCKED, kind=event.point_kind.value, reason=event.reason)
    return bare


def _written(line: Line, key: bytes) -> bytes:
    text = _encode(line)
    return text + b" " + hmac.digest(key, text, "sha256").hex()[:_CODE].encode() + b"\n"


def _whole(handle: int) -> int:
    """Where the last whole line ends."""
    end = os.fstat(handle).st_size
    while end:
        start = max(0, end - 4096)
        place = os.pread(handle, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0


def _first(path: Path) -> bytes | None:
    """The first whole line of a file; None if there is none."""
    try:
        with path.open("rb") as stream:
            line = stream.readline()
    except FileNotFoundError:
        return None
    return line if line.endswith(b"\n") else None


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- reading ----------------------------------------------------------------------------------------------------


def _read(text: bytes, key: bytes) -> Line | None:
    """A line; None if it is not whole, not ours, or altered."""
    body, _, code = text.removesuffix(b"\n").rpartition(b" ")
    if not hmac.compare_digest(hmac.digest(key, body, "sha256").hex()[:_CODE].encode(), code):
        return None
    return msgspec.json.decode(body, type=Line)


def _lines(path: Path, key: bytes) -> Iterator[Line | None]:
    """Every whole line, None for one that cannot be read. Raises NotFound."""
    if not path.is_file():
        raise errors.NotFound("The refusal journal is not there", remedy="check its path")
    with path.open("rb") as stream:
        for text in stream:
            if text.endswith(b"\n"):
                yield _read(text, key)


def replay(house: House, path: Path) -> Replayed:
    """Put back what a journal holds. Raises NotFound; BadInput for a file that is no journal of this workspace."""
    read = list(_lines(path, code_key(house.keys)))
    found = [line for line in read if line is not None]
    if not found or found[0].what != OPENED or read[0] is None:
        raise errors.BadInput(
            "This is no refusal journal of this workspace", remedy="name the file that AMANA_JOURNAL named"
        )
    said = [line for line in found if line.what != OPENED]
    matches = _matches(house, said)
    fenced, recorded, suppressed = _fenced(said, matches), 0, 0
    for start in range(0, len(said), BATCH):
        batch = said[start : start + BATCH]
        added, listed = house.writing().write(partial(_put_back, house, batch, matches, fenced))
        recorded, suppressed = recorded + added, suppressed + listed
    forget.forget(house, sorted(fenced))
    unreadable = len(read) - len(found)
    late = _begun_too_late(house, found[0])
    lifted = not late and not unreadable and _lift(house, how="replayed")
    return Replayed(
        lines=len(said),
        recorded=recorded,
        erased=len(fenced),
        suppressed=suppressed,
        unreadable=unreadable,
        begun_too_late=late,
        lifted=lifted,
    )


def waive(house: House, *, reason: str, actor: str) -> bool:
    """Do without a replay, for a reason; whether a restore was lifted. Raises BadInput without a reason."""
    if not reason or not actor:
        raise errors.BadInput(
            "Going on without the refusals since the backup needs a reason",
            expected="why nobody can have refused since, or how it was made good",
            remedy='give it with --reason "…"',
        )
    return _lift(house, how="waived", reason=reason, actor=actor)


def _lift(house: House, *, how: str, reason: str = "", actor: str = "") -> bool:
    def work(session: Session) -> bool:
        held = restores.restored(session.connection)
        if held is None or held.lifted is not None:
            return False
        lifted = msgspec.structs.replace(held, lifted=session.now, how=how, reason=reason, actor=actor)
        restores.put_restored(session.connection, lifted)
        return True

    return house.writing().write(work)


def _begun_too_late(house: House, first: Line) -> bool:
    with house.database.read() as connection:
        held = restores.restored(connection)
    return held is not None and first.size > held.size


class _Matches(msgspec.Struct, frozen=True, kw_only=True):
    """Who here holds the addresses and ids that the journal names."""

    points: dict[str, set[tuple[int, int]]]  # (person, ordinal) by keyed hash of the address
    aliases: dict[str, int]

    def of(self, line: Line) -> list[int]:
        """Whom a line is about: its own person if they hold something of it, else whoever does."""
        found = {person for code in line.addresses for person, _ in self.points.get(code, ())}
        found |= {self.aliases[alias] for alias in line.aliases if alias in self.aliases}
        return [line.person] if line.person in found else sorted(found)

    def ordinals(self, line: Line, person: int) -> list[int]:
        """Under which numbers a person holds the addresses of a line."""
        held = {pair for code in line.addresses for pair in self.points.get(code, ())}
        return sorted(ordinal for one, ordinal in held if one == person)


def _matches(house: House, lines: Sequence[Line]) -> _Matches:
    """Open every address here, in memory and once, and keep those that the journal names."""
    wanted = {code for line in lines for code in line.addresses}
    aliases = list({bytes.fromhex(alias) for line in lines for alias in line.aliases})
    keyer = Keyer(house.keys)
    found: dict[str, set[tuple[int, int]]] = {}
    with house.database.read() as connection:
        for rows in _chunks(points.all_points(connection)):
            keys = house.keys.known_keys({row.person for row in rows})
            for row in rows:
                if row.person in keys:
                    for code in forget.suppression_hashes(keyer, keys[row.person], row):
                        if code.hex() in wanted:
                            found.setdefault(code.hex(), set()).add((row.person, row.ordinal))
        known = people.by_alias(connection, aliases)
    return _Matches(points=found, aliases={blind.hex(): person for blind, person in known.items()})


def _chunks(rows: Iterable[points.PointRow]) -> Iterator[list[points.PointRow]]:
    chunk: list[points.PointRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) >= BATCH:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _fenced(lines: Sequence[Line], matches: _Matches) -> set[int]:
    """People here who were erased later: of their own number only, so that nobody who shares an address goes too."""
    return {line.person for line in lines if line.what == FENCE and line.person in matches.of(line)}


def _put_back(
    house: House, lines: Sequence[Line], matches: _Matches, fenced: set[int], session: Session
) -> tuple[int, int]:
    """Record a batch of lines; how many events, and how many hashes were put on the suppression list."""
    key = house.keys.secret(EVENT_ID)
    wanted: list[tuple[int, events.AnyEvent]] = []
    listed: dict[bytes, None] = {}
    for line in lines:
        holders = matches.of(line)
        if not holders or line.what == FENCE:
            listed |= {bytes.fromhex(code): None for code in line.addresses}
        for person in holders:
            if person not in fenced:
                wanted += [(person, event) for event in _events(line, person, matches, key, session.terms)]
    known = log.known_ids(session.connection, [bytes.fromhex(event.id) for _, event in wanted])
    session.load({person for person, _ in wanted})
    fresh = {
        event.id: (person, event)
        for person, event in wanted
        if bytes.fromhex(event.id) not in known
        and not _stands(session.person(person).state, event, session.terms)
    }
    for person, event in fresh.values():
        session.record(session.person(person), event)
    before = register.suppressed(session.connection, list(listed))
    register.suppress(session.connection, listed, LIST, session.now)
    return len(fresh), len(listed.keys() - before)


def _stands(state: states.PersonState, event: events.AnyEvent, terms: Terms) -> bool:
    """Whether a refusal from before the backup is here already: the same words, kind and times."""
    if not isinstance(event, events.Permission):
        return False
    kind, when = states.CLASS_OF_STATUS[event.status], (event.occurred.lo, event.occurred.hi)
    held = state.cells.get(terms.cell(event.brand, event.purpose, event.channel, event.category), ())
    return any(claim.kind == kind and (claim.lo, claim.hi) == when for claim in held)


def _events(
    line: Line, person: int, matches: _Matches, key: bytes, terms: Terms
) -> Iterator[events.AnyEvent]:
    """What a line means for one person. Words that are not known here widen to every word."""
    when = Interval(lo=line.lo, hi=line.hi)
    number = hmac.digest(key, b"journal/%d/" % person + _encode(line), "sha256")[:16].hex()
    if line.what == RESTRICTED:
        yield events.Restriction(id=number, occurred=when, actor=Actor.RELAYED, source=0, on=True)
    elif line.what == BLOCKED:
        for ordinal in matches.ordinals(line, person):
            yield events.Point(
                id=hmac.digest(key, b"%d/" % ordinal + bytes.fromhex(number), "sha256")[:16].hex(),
                occurred=when,
                actor=Actor.RELAYED,
                source=0,
                point=ordinal,
                point_kind=PointKind(line.kind),
                change=BLOCKED,
                reason=line.reason,
            )
    else:
        yield events.Permission(
            id=number,
            occurred=when,
            actor=Actor.RELAYED,
            source=0,
            brand=line.brand if line.brand in terms.brands else ANY,
            purpose=line.purpose if line.purpose in terms.purposes else ANY,
            channel=terms.known_means(line.channel),
            category=line.category if line.category in terms.categories else "",
            status=Status.OBJECTED if line.what == FENCE else Status(line.what),
            reason=line.reason or LIST,
        )
