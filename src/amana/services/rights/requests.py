"""Requests of people: opened, proved, decided about, and followed until they are answered.

Rule.
- A request is a row before anything else happens, so that none is lost. Its clock starts with receipt, not when
  somebody got round to it (`core.rights.due`).
- Whoever asks is matched to a person by an address; somebody nobody knows is entered with the address alone, because
  the connected systems may know them. An address of several people is a matter for a person to decide.
- Whole days of waiting for a proof of identity are left out of the clock once it came, where the law of each country
  concerned says so and a link had gone out for it in time (`core.rights.waited`).
- Who asks proves it in proportion (`rights.NEEDED`). Until then the request says `verifying`, and a link goes to the
  address on record, never to another that the request names; of somebody nobody knows, that is the address asked about.
- Objection and withdrawal take effect when the request is written down; restriction, and with an erasure the end of
  all contact, when it is proved. No run is waited for.
- Asking again for what is open is the same request. What is repeated beyond reason, or touches other people, goes to
  a person, with the ground written down (GDPR art. 12(5), 15(4)); nothing is refused by a machine.
- What was said is sealed under the person's key. The log of a request holds tokens and counts, no personal values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.core import rights
from amana.core import state as states
from amana.core.rights import Asker, Identity, Kind, Status, Via
from amana.core.statements import ANY, PersonRow, Statement
from amana.core.vocabulary import Actor
from amana.core.vocabulary import Status as PermissionStatus
from amana.ledger import sealing
from amana.services.choices import own_data
from amana.services.collection import capture, preferences, telling
from amana.services.law_book import clocks
from amana.services.record import addresses, reveal
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.rights import concerns, request_clock, restricting, rights_handed
from amana.storage import people, requests
from amana.storage.requests import RequestRow

SOURCE = "requests"
"""The capture point under which requests record events."""
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that is misread on the phone
IDENTITY_KIND = {"email": "email", "phone": "phone_number"}
"""What the data map calls our kinds of address."""
DAY = 86_400
_encode = msgspec.json.Encoder(order="sorted").encode


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for."""

    kind: Kind
    via: Via
    asker: Asker = Asker.PERSON
    brand: str = ""  # "": the organisation as a whole
    language: str = "en"
    person: int = 0  # known already: a session, or a staff member who chose; 0: found by the address
    address: str = ""  # e-mail, or a phone number in international form
    identities: dict[str, tuple[str, ...]] = {}  # further ones, e.g. customer_number
    corrections: dict[str, str] = {}  # of a rectification: field category -> new value
    words: str = ""
    proved: Identity = Identity.CLAIMED
    received: int = 0  # UTC seconds; 0: now
    ground: str = ""  # why a person should look first, where the edge knows one


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What stands sealed in a request."""

    identities: dict[str, tuple[str, ...]] = {}
    corrections: dict[str, str] = {}
    words: str = ""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a request's log."""

    at: int
    actor: str
    what: str
    detail: dict[str, Any]


# ---- opening ------------------------------------------------------------------------------------------------------


def open_(house: House, said: Said, *, actor: str) -> RequestRow:
    """Write a request down; the same one if it is open already. Raises BadInput, NotFound.

    What needs no proof takes effect before this returns.
    """
    _check(house, said)
    held = _whose(house, said)
    refusals = _refuse(house, said) if said.kind in (Kind.OBJECTION, Kind.WITHDRAWAL) else []

    def work(session: Session) -> tuple[RequestRow, bool]:
        person = held[0]
        session.load([person])
        known = requests.of_person(session.connection, person)
        for one in known:
            if _is_same(house, session, one, said):
                _log(session, one.id, actor, "asked_again", via=said.via.value)
                return _proved(house, session, one, said, actor), False
        row = _row(house, session, said, person)
        concern = said.ground or concerns.of(session, said.kind, said.asker, said.proved, held, known)
        concern = concern or concerns.unheld(house, said.corrections)
        if concern:
            row = row._replace(status=Status.DECIDING.value)
        number = requests.add(session.connection, row)
        row = row._replace(id=number)
        _log(session, number, actor, "opened", via=said.via.value, asker=said.asker.value)
        if refusals:
            _log(session, number, "amana", "took_effect", entries=refusals)
        if concern:
            _log(session, number, actor, "to_decide", ground=concern)
        _on(house, session, row)
        return row, True

    row, is_new = house.writing().write(work)
    if is_new and row.status == Status.VERIFYING.value:
        own_data.ask(house, row.person, row.brand or next(iter(house.workspace.brands)), row.language)
    return row


def _is_same(house: House, session: Session, row: RequestRow, said: Said) -> bool:
    """Whether what is asked now is asked already: for no other brand, and with the same corrections."""
    if row.kind != said.kind.value or Status(row.status) in rights.ENDED or row.brand not in ("", said.brand):
        return False
    known = said.kind is not Kind.RECTIFICATION or not said.corrections
    return known or opened(house, session.key_of(row.person), row).corrections == said.corrections


def _check(house: House, said: Said) -> None:
    if said.brand and said.brand not in house.workspace.brands:
        raise errors.NotFound("There is no such brand", remedy="check the spelling, or leave it out")
    if bool(said.person) == bool(said.address):
        raise errors.BadInput(
            "A request names whom it is about once", expected="a person or an address", remedy="give one"
        )
    if said.kind is Kind.RECTIFICATION and not said.corrections and not said.ground:
        raise errors.BadInput(
            "A request to correct says what is wrong",
            expected="a field category and its right value",
            remedy="add corrections",
        )
    if said.kind is not Kind.RECTIFICATION and said.corrections:
        raise errors.BadInput("Only a request to correct has corrections", remedy="leave them out")


def _proved(house: House, session: Session, row: RequestRow, said: Said, actor: str) -> RequestRow:
    """A request that waited for the proof with which it was asked again goes on."""
    if row.status != Status.VERIFYING.value or said.proved < rights.NEEDED[said.kind]:
        return row
    return _go_on(house, session, row, said.proved, actor)


def _whose(house: House, said: Said) -> list[int]:
    """The people a request may be about, the likeliest first; somebody new is entered."""
    if said.person:
        telling.known_person(house, said.person)
        return [said.person]
    address = Keyer(house.keys).typed(said.address, "")
    with house.database.read() as connection:
        held = addresses.holders(connection, [address]).get(address.blind, [])
    if held:
        return sorted({person for person, _ in held})
    row = PersonRow(
        part="",
        line=1,
        email=said.address if "@" in said.address else "",
        phone="" if "@" in said.address else said.address,
    )
    brand = said.brand or next(iter(house.workspace.brands))
    telling.rows(house, SOURCE, brand, [row], house.random(16), erased_too=True)
    with house.database.read() as connection:
        held = addresses.holders(connection, [address]).get(address.blind, [])
    return sorted({person for person, _ in held})


def _refuse(house: House, said: Said) -> list[int]:
    """A No needs no proof: it binds everybody who holds the address. The log positions of what it recorded."""
    entries: list[int] = []
    status = PermissionStatus.OBJECTED if said.kind is Kind.OBJECTION else PermissionStatus.WITHDRAWN
    for brand in [said.brand] if said.brand else house.workspace.brands:
        if said.person:
            context = capture.Context(page=SOURCE)
            everything = preferences.Change(refuse=((ANY, ANY, status),))
            entries += preferences.change(house, said.person, brand, everything, context).events
            continue
        row = PersonRow(
            part="",
            line=1,
            email=said.address if "@" in said.address else "",
            phone="" if "@" in said.address else said.address,
            statements=(Statement(status=status, purpose=ANY, actor=Actor.RELAYED, reason="request"),),
        )
        taken = telling.rows(house, SOURCE, brand, [row], house.random(16))
        entries += [position for one in taken for position in one.events]
    return entries


def _row(house: House, session: Session, said: Said, person: int) -> RequestRow:
    received = said.received or session.now
    if received > session.now:
        raise errors.BadInput("A request cannot have been received in the future", remedy="check the date")
    laws = clocks.deadlines(house, session.person(person).state, received)
    due = rights.due(received, laws)
    enough = said.proved >= rights.NEEDED[said.kind]
    content = Content(identities=said.identities, corrections=said.corrections, words=said.words)
    ref = _reference(house)
    return RequestRow(
        id=0,
        ref=ref,
        person=person,
        kind=said.kind.value,
        status=(Status.READY if enough else Status.VERIFYING).value,
        via=said.via.value,
        asker=said.asker.value,
        brand=said.brand,
        language=said.language,
        proved=int(said.proved),
        countries=" ".join(country for country, _ in laws),
        received=received,
        due=due.at,
        due_law=request_clock.law_of(due),
        extended=None,
        reminded=None,
        ended=None,
        outcome="",
        run=None,
        sealed=seal(house, session.key_of(person), ref, content),
    )


def _reference(house: House) -> str:
    letters = "".join(ALPHABET[byte % 32] for byte in house.random(8))
    return f"R-{letters[:4]}-{letters[4:]}"


# ---- clocks -------------------------------------------------------------------------------------------------------


def extend(house: House, ref: str, reason: str, *, actor: str) -> RequestRow:
    """Take the longer deadline, once and before the first is over (art. 12(3)). Raises Conflict, NotFound."""

    def work(session: Session) -> RequestRow:
        row = _open_row(session, ref)
        laws = clocks.deadlines(house, session.person(row.person).state, row.received)
        if row.extended is not None or session.now > row.due or not rights.can_extend(laws):
            raise errors.Conflict(
                "This request cannot be extended",
                expected="a country that knows an extension, not used yet, before the first deadline",
                remedy="answer it",
            )
        due = request_clock.extended(house, session, row)
        requests.update(
            session.connection,
            row.id,
            due=due.at,
            due_law=request_clock.law_of(due),
            extended=session.now,
            reminded=None,
        )
        _log(session, row.id, actor, "extended", reason=reason, until=due.at)
        return row._replace(due=due.at, extended=session.now)

    return house.writing().write(work)


def remind(house: House) -> list[RequestRow]:
    """Requests that are due soon and that nobody was reminded of; each is told once."""

    def work(session: Session) -> list[RequestRow]:
        before = session.now + int(rights.REMIND_BEFORE.total_seconds())
        rows = requests.to_remind(session.connection, before, 500)
        for row in rows:
            requests.update(session.connection, row.id, reminded=session.now)
            _log(session, row.id, "amana", "reminder", due=row.due)
        return rows

    with house.database.read() as connection:
        before = house.clock() + int(rights.REMIND_BEFORE.total_seconds())
        if not requests.to_remind(connection, before, 1):
            return []
    return house.writing().write(work)


# ---- proof and decision -------------------------------------------------------------------------------------------


def prove(
    house: House,
    person: int,
    level: Identity,
    *,
    actor: str,
    kinds: Collection[Kind] = tuple(Kind),
    ref: str = "",
) -> list[RequestRow]:
    """Somebody proved to be this person: requests of theirs that waited for it go on; which.

    `kinds` and `ref` narrow them: a proof of who somebody is says nothing about what was asked in their name.
    """

    def waiting(connection: sa.Connection) -> list[RequestRow]:
        return [
            row
            for row in requests.of_person(connection, person)
            if row.status == Status.VERIFYING.value
            and Kind(row.kind) in kinds
            and ref in ("", row.ref)
            and rights.NEEDED[Kind(row.kind)] <= level
        ]

    def work(session: Session) -> list[RequestRow]:
        return [_go_on(house, session, row, level, actor) for row in waiting(session.connection)]

    with house.database.read() as connection:
        if not waiting(connection):
            return []
    return house.writing().write(work)


def _go_on(house: House, session: Session, row: RequestRow, level: Identity, actor: str) -> RequestRow:
    row = row._replace(status=Status.READY.value, proved=int(level))
    requests.update(session.connection, row.id, proved=row.proved, status=row.status)
    _log(session, row.id, actor, "proved", level=level.name.lower())
    row = request_clock.without_waiting(house, session, row)
    _on(house, session, row)
    return row


def decide(house: House, ref: str, *, go: bool, reason: str, actor: str, person: int = 0) -> RequestRow:
    """A person decides about a request that waits for it: it goes on, or is refused with the reason.

    `person` says whom it is about where the address is several people's. Raises Conflict, NotFound.
    """

    def work(session: Session) -> RequestRow:
        row = _open_row(session, ref)
        if row.status != Status.DECIDING.value:
            raise _cannot("This request waits for nobody's decision", row)
        if row.run is not None:
            return _decided_about_run(house, session, row, go=go, reason=reason, actor=actor, person=person)
        about = person or row.person
        if go and row.outcome:  # a person looked: nothing is left that could be done
            _log(session, row.id, actor, "decided", go=go, reason=reason)
            return answered(session, row, row.outcome, rows=0)
        sealed = row.sealed
        _require_corrections(house, session, row, go=go)
        if about != row.person:
            content = opened(house, session.key_of(row.person), row)
            session.person(about)
            sealed = seal(house, session.key_of(about), row.ref, content)
        status = Status.REFUSED if not go else Status.READY
        if go and row.proved < rights.NEEDED[Kind(row.kind)]:
            status = Status.VERIFYING
        values: dict[str, object] = {"status": status.value, "person": about, "sealed": sealed}
        if not go:
            values |= {"ended": session.now, "outcome": "refused"}
            _off(house, session, row)
        requests.update(session.connection, row.id, **values)
        _log(session, row.id, actor, "decided", go=go, reason=reason)
        row = row._replace(status=status.value, person=about, sealed=sealed)
        _on(house, session, row)
        return row

    row = house.writing().write(work)
    if row.status == Status.VERIFYING.value:
        own_data.ask(house, row.person, row.brand or next(iter(house.workspace.brands)), row.language)
    return row


def _require_corrections(house: House, session: Session, row: RequestRow, *, go: bool) -> None:
    """A letter asked for a correction and a machine does not guess which: nothing could be done. Raises Conflict."""
    if not go or row.kind != Kind.RECTIFICATION.value:
        return
    if not opened(house, session.key_of(row.person), row).corrections:
        raise errors.Conflict(
            "This request to correct does not say what the right values are",
            remedy=f"`amana request open {row.kind} p{row.person} --correct CATEGORY=VALUE`, then refuse this one",
        )


def _decided_about_run(
    house: House, session: Session, row: RequestRow, *, go: bool, reason: str, actor: str, person: int
) -> RequestRow:
    """A decision about a request whose run waits for somebody: back to work, or refused. Raises Busy, Conflict."""
    if person not in (0, row.person):
        raise errors.Conflict(
            "A request that runs already is not given to another person",
            remedy=f"`amana request decide {row.ref} --refuse`, then `amana request open {row.kind} p{person}`",
        )
    _log(session, row.id, actor, "decided", go=go, reason=reason)
    if go:
        rights_handed.again(session, row, actor=actor)
        return row._replace(status=Status.RUNNING.value)
    rights_handed.leave(session, row)
    _off(house, session, row)
    requests.update(
        session.connection, row.id, status=Status.REFUSED.value, ended=session.now, outcome="refused"
    )
    return row._replace(status=Status.REFUSED.value, ended=session.now, outcome="refused")


def cancel(house: House, ref: str, *, actor: str) -> RequestRow:
    """Whoever asked takes it back, before it runs. Raises Conflict, NotFound, Busy."""

    def work(session: Session) -> RequestRow:
        row = _open_row(session, ref)
        if Status.CANCELLED not in rights.MOVES[Status(row.status)]:
            raise _cannot("This request cannot be taken back any more", row)
        rights_handed.leave(session, row)
        _off(house, session, row)
        requests.update(
            session.connection, row.id, status=Status.CANCELLED.value, ended=session.now, outcome="cancelled"
        )
        _log(session, row.id, actor, "cancelled")
        return row._replace(status=Status.CANCELLED.value)

    return house.writing().write(work)


def lift(house: House, ref: str, reason: str, *, actor: str) -> RequestRow:
    """End a restriction whose ground is gone; the person was told before (art. 18(3)). Raises Conflict, NotFound."""

    def work(session: Session) -> RequestRow:
        row = requests.get(session.connection, ref.strip().upper())
        if row is None:
            raise _no_such()
        ended = row.status == Status.ANSWERED.value and row.outcome != restricting.LIFTED
        if row.kind != Kind.RESTRICTION.value or not ended:
            raise _cannot("There is no restriction to lift here", row)
        row = row._replace(outcome=restricting.LIFTED)
        requests.update(session.connection, row.id, outcome=row.outcome)
        lifted = _off(house, session, row)
        _log(session, row.id, actor, "lifted", reason=reason, held_by_another=not lifted)
        return row

    return house.writing().write(work)


def to_decide(house: House, row: RequestRow, ground: str, *, actor: str) -> None:
    """Hand a request that nobody began to a person; nothing if it moved meanwhile."""

    def work(session: Session) -> None:
        now = requests.get(session.connection, row.ref)
        if now is not None and Status.DECIDING in rights.MOVES[Status(now.status)] and now.run is None:
            requests.update(session.connection, row.id, status=Status.DECIDING.value)
            _log(session, row.id, actor, "to_decide", ground=ground)

    house.writing().write(work)


def handed(session: Session, row: RequestRow, outcome: str) -> None:
    """Hand a request to a person, as part of a transaction, with the outcome that it has if they agree."""
    requests.update(session.connection, row.id, status=Status.DECIDING.value, outcome=outcome)
    _log(session, row.id, "amana", "to_decide", ground=outcome)


def answered(session: Session, row: RequestRow, outcome: str, *, rows: int) -> RequestRow:
    """Answer a request, as part of a transaction; `rows` is how many were found elsewhere."""
    status = Status.ANSWERED.value
    requests.update(session.connection, row.id, status=status, ended=session.now, outcome=outcome)
    _log(session, row.id, "amana", status, outcome=outcome, rows=rows, late=session.now > row.due)
    return row._replace(status=status, ended=session.now, outcome=outcome)


def _on(house: House, session: Session, row: RequestRow) -> None:
    """What takes effect the moment a request is proved, in the transaction that says so."""
    restricting.begin(house, session, row, capture.source_of(session, SOURCE))


def _off(house: House, session: Session, row: RequestRow) -> bool:
    """What ends with a request that ends unanswered, or whose restriction is lifted; whether anything did."""
    return restricting.end(house, session, row, capture.source_of(session, SOURCE))


# ---- reading ------------------------------------------------------------------------------------------------------


def get(house: House, ref: str) -> RequestRow:
    """A request by its reference. Raises NotFound."""
    with house.database.read() as connection:
        row = requests.get(connection, ref.strip().upper())
    if row is None:
        raise _no_such()
    return row


def of_person(house: House, person: int) -> list[RequestRow]:
    """A person's requests, latest first."""
    with house.database.read() as connection:
        return requests.of_person(connection, person)


def every(house: House, *, status: str = "", open_only: bool = False) -> list[RequestRow]:
    """Requests, those due first."""
    with house.database.read() as connection:
        return requests.every(connection, status=status, open_only=open_only)


def happened(house: House, row: RequestRow) -> list[Happened]:
    """What happened to a request, in order."""
    with house.database.read() as connection:
        rows = requests.logged(connection, row.id)
    return [
        Happened(at=one.at, actor=one.actor, what=one.what, detail=msgspec.json.decode(one.detail))
        for one in rows
    ]


def content(house: House, row: RequestRow) -> Content:
    """What was said. Raises KeyMissing once the person was erased."""
    return opened(house, house.keys.keys([row.person])[row.person], row)


def seal(house: House, key: bytes, ref: str, said: Content) -> bytes:
    """A request's content under its person's key."""
    return sealing.wrap(key, house.random(12), _encode(said), _context(ref))


def opened(house: House, key: bytes, row: RequestRow) -> Content:
    """A request's content; empty once it was emptied."""
    if not row.sealed:
        return Content()
    return msgspec.json.decode(sealing.unwrap(key, row.sealed, _context(row.ref)), type=Content)


def _context(ref: str) -> bytes:
    return b"request/" + ref.encode()


def identities(house: House, rows: Sequence[RequestRow]) -> dict[int, dict[str, tuple[str, ...]]]:
    """By what the people of these requests are found in connected systems: request number -> kind -> values.

    Kinds are those of the data map: email, phone_number, amana_id, and what the request named where somebody checked it.
    The looks are recorded. Raises KeyMissing for somebody who was erased meanwhile.
    """
    about = [row.person for row in rows]
    seen = reveal.reveal_many(house, about, [reveal.POINTS], actor="amana", purpose="answering their request")
    keys = house.keys.keys(about)
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    for row, revealed in zip(rows, seen, strict=True):
        mine: dict[str, list[str]] = {"amana_id": [f"p{row.person}"]}
        for kind, value in revealed.points:
            mine.setdefault(IDENTITY_KIND.get(kind, kind), []).append(value)
        if row.proved >= Identity.CHECKED:
            for kind, values in opened(house, keys[row.person], row).identities.items():
                mine.setdefault(kind, []).extend(values)
        found[row.id] = {kind: tuple(dict.fromkeys(values)) for kind, values in mine.items()}
    return found


def log(house: House, numbers: Sequence[int], actor: str, what: str, **detail: object) -> None:
    """Write something down for requests. `detail` holds tokens and counts only."""

    def work(session: Session) -> None:
        for number in numbers:
            _log(session, number, actor, what, **detail)

    house.writing().write(work)


def _log(session: Session, number: int, actor: str, what: str, **detail: object) -> None:
    requests.log(session.connection, [(number, session.now, actor, what, _encode(detail).decode())])


def _cannot(what: str, row: RequestRow) -> errors.Conflict:
    got = f"{row.kind}, {row.status}"
    return errors.Conflict(what, got=got, remedy=f"`amana request show {row.ref}` says what it waits for")


def _no_such() -> errors.NotFound:
    return errors.NotFound("There is no request of this reference", remedy="see `amana request list`")


def _open_row(session: Session, ref: str) -> RequestRow:
    row = requests.get(session.connection, ref.strip().upper())
    if row is None:
        raise _no_such()
    if Status(row.status) in rights.ENDED:
        raise errors.Conflict("This request is over", got=row.status, remedy="open a new one")
    return row


def people_here(house: House, ids: Sequence[int]) -> Mapping[int, states.PersonState]:
    """The states of people who are still here."""
    with house.database.read() as connection:
        return {one: row.state for one, row in people.get(connection, list(ids)).items()}
