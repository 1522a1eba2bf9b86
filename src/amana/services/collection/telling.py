"""Telling: what another system says about people, told over the interface, one statement at a time.

Rule. A statement is taken as an import's row is: a refusal needs nothing and binds every holder of the address; a grant
needs evidence, the `demonstrable` check and a date, else it becomes *unknown*; and a relayed grant never lifts a refusal.
A refusal or a preference may also name the person by id: then it is the person's own word, which the caller vouches for,
and it takes effect at once. A grant names the address it was given for, so an id is not enough for one.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from amana import errors
from amana.core.statements import ANY, PersonRow, Statement
from amana.core.vocabulary import REFUSING, Channel, Proof, Status
from amana.keys.store import EVENT_ID
from amana.services.collection import capture, preferences
from amana.services.collection.identities import Crowd, Identity, Recogniser
from amana.services.collection.intake import Intake, Origin
from amana.services.record import tokens
from amana.services.record.house import House
from amana.services.record.writing import Session, Staged
from amana.storage import people, register
from amana.storage import tokens as token_rows


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row: the log positions of its events, and what could not be taken."""

    events: tuple[int, ...]
    rejected: tuple[str, ...] = ()


def rows(
    house: House,
    source: str,
    brand: str,
    told: Sequence[PersonRow],
    context: bytes,
    *,
    erased_too: bool = False,
) -> list[Taken]:
    """Record rows in one durable transaction, in order. `context` makes the ids of their events.

    `erased_too`: the people speak for themselves, so that somebody who was erased may come back.

    Raises BadInput for a row without a usable address, NotFound for words the workspace lacks.
    """
    _known(house, brand, told)
    recogniser = Recogniser(house.keys, source, house.workspace, house.address_rules)
    identities = [_identity(recogniser, row) for row in told]

    def work(session: Session) -> list[tuple[list[Staged], tuple[str, ...]]]:
        intake = Intake(
            session,
            Crowd(session, identities),
            _origin(house, session, source, brand, context, erased_too),
            house.workspace,
        )
        taken: list[tuple[list[Staged], tuple[str, ...]]] = []
        for identity in identities:
            before, rejects = len(session.staged), len(intake.rejects)
            intake.take([identity])
            taken.append((session.staged[before:], tuple(one.reason for one in intake.rejects[rejects:])))
        register.put_reviews(session.connection, intake.reviews)
        return taken

    return [
        Taken(events=tuple(one.position for one in staged), rejected=rejected)
        for staged, rejected in house.writing().write(work)
    ]


def refused_by_id(
    house: House, person: int, brand: str, purpose: str, channel: str, *, objected: bool, page: str
) -> tuple[int, ...]:
    """A person's own No, by id; the log positions. What it leaves open it refuses: * is every purpose, every channel.

    Raises NotFound.
    """
    status = Status.OBJECTED if objected else Status.WITHDRAWN
    wanted = preferences.Change(refuse=((purpose, channel, status),))
    return preferences.change(house, person, brand, wanted, capture.Context(page=page)).events


def readable(house: House, row: PersonRow) -> None:
    """Refuse a row that nobody can be recognised by. Raises BadInput."""
    _identity(Recogniser(house.keys, "", house.workspace, house.address_rules), row)


def known_person(house: House, person: int) -> None:
    """Refuse an id that is nobody's. Raises NotFound."""
    with house.database.read() as connection:
        found = people.get(connection, [person]) if person > 0 else {}
    if person not in found:
        raise errors.NotFound("There is no such person", remedy="check the id")


def left(house: House, token: str, everything: bool, page: str) -> tuple[int, ...]:
    """Whoever holds a message's token leaves what the message was for, or everything; the log positions.

    Raises NotFound for a token that is not good, without saying why.
    """
    opened = house.writing().write(lambda session: tokens.look(house, session, token, token_rows.MESSAGE))
    with house.database.read() as connection:
        brand, purpose, channel = register.terms(connection).words(opened.cell)
    context = capture.Context(page=page)
    if everything or ANY in (purpose, channel):
        wanted = preferences.Change(leave=True)
    else:
        wanted = preferences.Change(off=(capture.Choice(purpose=purpose, channel=Channel(channel)),))
    brands = list(house.workspace.brands) if brand == ANY else [brand]
    return preferences.change_all(house, opened.person, brands, wanted, context).events


def supported(said: Statement, evidence: str) -> Statement:
    """A statement with its evidence; without any, a grant proves nothing."""
    if said.status in REFUSING or evidence:
        return msgspec.structs.replace(said, evidence=evidence)
    return msgspec.structs.replace(said, proof=Proof(0))


def _known(house: House, brand: str, told: Sequence[PersonRow]) -> None:
    if brand not in house.workspace.brands:
        raise errors.NotFound(f"There is no brand called {brand!r}", remedy="check the spelling")
    for row in told:
        for said in row.statements:
            if said.purpose != ANY and said.purpose not in house.workspace.purposes:
                raise errors.NotFound(
                    f"There is no purpose called {said.purpose!r}",
                    expected=f"one of: {', '.join(house.workspace.purposes)}",
                    remedy="check the spelling",
                )


def _identity(recogniser: Recogniser, row: PersonRow) -> Identity:
    identity, _ = recogniser.identify(row)
    if identity is None:
        raise errors.BadInput(
            "A statement has no usable address or number",
            expected="an e-mail address, or a number in international form",
            got=f"statement {row.line}",
            remedy="correct it; nothing of the request was recorded",
        )
    return identity


def _origin(
    house: House, session: Session, source: str, brand: str, context: bytes, erased_too: bool
) -> Origin:
    number = capture.source_of(session, source)
    secret = house.keys.secret(EVENT_ID)
    return Origin(
        source=number,
        siblings=frozenset({number}),
        brand=brand,
        evidenced=True,  # each statement brings its own evidence, or has lost its proof
        id_key=hmac.digest(secret, b"relayed", sha256),
        id_context=context,
        notices={f"{one.id}@{one.version}": one for one in register.notice_versions(session.connection)},
        erased_too=erased_too,
    )
