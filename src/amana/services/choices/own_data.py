"""A person's own data: the fresh proof that opens it, and what they may then see and correct.

Rule.
- Whoever holds the link of a message sees switches, never values. Values need a *step-up*: a link mailed now to an
  address on record, good once and for half an hour, which opens a session of a quarter of an hour. The answer to who
  asks for one is always the same.
- Every look at values is recorded, the person's own too.
- A correction is an event of the person's. A birth date, a guardian and a legal form decide whose law applies, so that
  they are corrected by people who can check them; addresses change where addresses are proved, on a form.
- Who looked is told by what they are (the person, another system by its name, our own people) and what for, not by
  name: the person is owed the looks, and colleagues are not exposed for doing their work (CJEU C-579/21, Pankki S).
- A session's forms carry a word that only the session's page knows (CSRF).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from amana import errors
from amana.core import events, facts
from amana.core import state as states
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Channel, Hold
from amana.keys.store import EVENT_ID
from amana.services.collection import capture, fields
from amana.services.collection.capture import Context
from amana.services.collection.preferences import CAPTURE_POINT
from amana.services.keeping import exports
from amana.services.keeping.exports import Export
from amana.services.record import history, receipts, reveal, tasks, tokens
from amana.services.record.history import Opened
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import exports as export_rows
from amana.storage import people, permits, proofs, register, sources
from amana.storage import tokens as token_rows
from amana.storage.permits import PermitRow

LINK_LIFE = 30 * 60
SESSION_LIFE = 15 * 60
MOST_LINKS = 10  # links and sessions of one person in a day
LONGEST = 200  # characters of a corrected value
THEMSELVES, PURPOSE = "the person", "access to their own data"
"""Actor and purpose of a person's looks at their own data."""
SYSTEM = "api:"
"""What the actor of another system begins with."""
ITSELF = "amana"
"""The actor of what the product does by itself: writing permissions into copies, answering requests, retention."""
FIXED = frozenset({"birth_date", "guardian", "legal_form"})
"""Meanings of fields that a person sees and does not change by themselves."""


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """What is held about a person, as they see it."""

    points: tuple[tuple[str, str], ...]  # (kind, address)
    fields: dict[str, str]  # registered field -> value, "" where nothing is held


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """What a message of one purpose on one channel rested on."""

    sent: tuple[int, ...]  # UTC seconds of messages sent under a permit, latest first
    granted: int = 0  # when the permission it rests on was given; 0 if it rests on something else, or none is
    source: str = ""  # the form, import or interface through which that came
    notice: str = ""  # id@version that was shown


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at values of a person, by somebody else."""

    at: int  # UTC second
    system: str  # the name of the system that looked; "" for one of our people, and for the product itself
    itself: bool = False  # no person looked: the product did, to do what it was told to
    purpose: str
    fields: tuple[str, ...]  # registered fields, and `points`


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """Who looked."""

    own: int  # how often the person did
    others: tuple[Look, ...]  # latest first


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """Whose session it is."""

    person: int
    brand: str
    word: str

    def csrf(self, house: House) -> str:
        """The word that the session's forms carry."""
        digest = hmac.digest(house.keys.secret(EVENT_ID), b"csrf/" + self.word.encode(), sha256)
        return base64.urlsafe_b64encode(digest[:18]).decode()


def ask(house: House, person_id: int, brand: str, language: str) -> None:
    """Send a person a link to their own data, at the address in use. Raises NotFound for somebody not here."""

    def work(session: Session) -> None:
        person = session.person(person_id)
        recent = token_rows.made_since(
            session.connection, person_id, token_rows.STEP_UP, session.now - capture.DAY
        )
        email = facts.current_point(person.state, Channel.EMAIL)
        point = email if email >= 0 else facts.current_point(person.state, Channel.SMS)
        if recent >= MOST_LINKS or point < 0:
            return
        token = tokens.make(
            house, session, token_rows.STEP_UP, person_id, life=LINK_LIFE, data={"brand": brand}
        )
        payload = {
            "template": "step_up",
            "brand": brand,
            "point": point,
            "language": language,
            "token": token,
        }
        tasks.add(
            house,
            session,
            "mail" if email >= 0 else "sms",
            f"step_up/{house.random(12).hex()}",
            person_id,
            payload,
        )

    house.writing().write(work)


def begin(house: House, token: str) -> Guest:
    """Open a session with a mailed link, which is then used up. Raises NotFound for a dead one."""

    def work(session: Session) -> Guest:
        opened = tokens.spend(house, session, token, token_rows.STEP_UP)
        if "session" in opened.data:
            raise tokens.gone()
        data = {"session": True, "brand": opened.data["brand"]}
        word = tokens.make(house, session, token_rows.STEP_UP, opened.person, life=SESSION_LIFE, data=data)
        return Guest(person=opened.person, brand=opened.data["brand"], word=word)

    return house.writing().write(work)


def link_is_good(house: House, token: str) -> None:
    """Look whether a mailed link would open a session. Raises NotFound."""
    if "session" in tokens.peek(house, token, token_rows.STEP_UP).data:
        raise tokens.gone()


def guest(house: House, word: str) -> Guest:
    """Whose session this is. Raises NotFound for none, or one that ended."""
    opened = tokens.peek(house, word, token_rows.STEP_UP)
    if "session" not in opened.data:
        raise tokens.gone()
    return Guest(person=opened.person, brand=opened.data["brand"], word=word)


def end(house: House, word: str) -> None:
    """Close a session."""
    house.writing().write(lambda session: tokens.spend(house, session, word, token_rows.STEP_UP))


def show(house: House, person: int) -> Mine:
    """What is held about a person; the look is recorded as their own. Raises NotFound, KeyMissing."""
    registered = house.workspace.fields
    sealed = [name for name, field in registered.items() if field.hold is Hold.SEALED]
    seen = reveal.reveal(house, person, [reveal.POINTS, *sealed], actor=THEMSELVES, purpose=PURPOSE)
    with house.database.read() as connection:
        state = people.get(connection, [person])[person].state
    values = {
        name: states.attribute(state, field.means or name)
        if field.hold is Hold.COLUMN
        else seen.fields.get(name, "")
        for name, field in registered.items()
    }
    return Mine(points=seen.points, fields=values)


def correct(house: House, person_id: int, values: Mapping[str, str], context: Context) -> None:
    """Store corrected values. Raises UnregisteredField, BadInput."""
    registered = house.workspace.fields
    for name, value in values.items():
        if name not in registered:
            raise errors.UnregisteredField("This field is not held", remedy="leave it out")
        if registered[name].means in FIXED:
            raise errors.BadInput("This field is corrected by people who can check it", remedy="write to us")
        if len(value) > LONGEST:
            raise errors.BadInput("A value is too long", expected=f"at most {LONGEST} characters")
    typed = fields.read(house.workspace, values)
    if typed.wrong:
        raise errors.BadInput(
            "A value cannot be what the field means", got=", ".join(typed.wrong), remedy="check it"
        )
    if not typed.columns and not typed.sealed:
        return

    def work(session: Session) -> None:
        person = session.person(person_id)
        session.merge_profile(person, typed.sealed)
        event = events.Profile(
            id=house.random(16).hex(),
            occurred=Interval(lo=session.now, hi=session.now),
            actor=Actor.PERSON,
            source=capture.source_of(session, CAPTURE_POINT),
            evidence=capture.evidence(CAPTURE_POINT, context),
            columns=typed.columns,
            sealed=typed.sealed,
        )
        session.record(person, event)

    house.writing().write(work)


def happened(house: House, person: int) -> list[Opened]:
    """A person's events, latest first, each opened and verified. Raises as `history.of_person`."""
    return history.of_person(house, person)[::-1]


def looks(house: House, person: int) -> Looks:
    """Every look at a person's values."""
    with house.database.read() as connection:
        rows = register.looks(connection, person)
    others = [
        Look(
            at=at,
            system=actor.removeprefix(SYSTEM) if actor.startswith(SYSTEM) else "",
            itself=actor == ITSELF,
            purpose=purpose,
            fields=tuple(seen.split()),
        )
        for at, actor, purpose, _, seen in rows
        if actor != THEMSELVES
    ]
    return Looks(own=len(rows) - len(others), others=tuple(others[::-1]))


def shared(house: House, person: int) -> tuple[Export, ...]:
    """The files that left the house with a person's values and were not called back, latest first."""
    with house.database.read() as connection:
        held = export_rows.holding(connection, person)
    return tuple(one for one in exports.listing(house)[::-1] if one.id in held)


def receipt(house: House, person: int, position: int) -> str:
    """The receipt of an event of a person's own; the look is recorded. Raises NotFound for anybody else's."""
    with house.database.read() as connection:
        row = proofs.event_at(connection, position)
    if row is None or row.person != person:
        raise tokens.gone()
    return receipts.revealed(house, position, actor=THEMSELVES, purpose=PURPOSE)


def why(house: House, person: int, cell: int) -> Why:
    """What messages of one cell to a person rested on. Raises NotFound for somebody not here."""
    with house.database.read() as connection:
        held = people.get(connection, [person])
        rows = permits.of_person(connection, person)
        names = {one.id: one.name for one in sources.all_sources(connection)}
    if person not in held:
        raise tokens.gone()
    sent = [row for row in rows if row.cell == cell and row.redeemed is not None]
    rests_on = _rests_on(held[person].state, cell, sent)
    if not rests_on:
        return Why(sent=_times(sent))
    for one in happened(house, person):
        if one.event.id == rests_on and isinstance(one.event, events.Permission):
            return Why(
                sent=_times(sent),
                granted=one.event.occurred.lo,
                source=names.get(one.event.source, ""),
                notice=one.event.notice,
            )
    return Why(sent=_times(sent))


def _rests_on(state: states.PersonState, cell: int, sent: list[PermitRow]) -> str:
    """The event behind the latest message, else behind the permission that counts now; "" for none."""
    if sent:
        return sent[-1].grant
    grant = facts.counting_grant(state, cell) if cell & 0xFF else None
    return grant.event.hex() if grant else ""


def _times(sent: list[PermitRow]) -> tuple[int, ...]:
    return tuple(row.redeemed for row in reversed(sent) if row.redeemed is not None)
