"""Feedback: what carriers and mail providers report back about messages and addresses.

Rule.
- The person is found by our own message token first, because reports often hide the address; by the address second.
- A hard bounce blocks the address for everybody who holds it. A complaint blocks it too, and withdraws the brand's whole
  channel. Leaving withdraws what was left. A bounce of an address that nobody holds is dropped: it makes nobody known.
- START after STOP lifts a block that STOP or the carrier set on the number, and nothing else: where another reason blocks
  the number too, it stays blocked, and the withdrawal stands until the person's own confirmed grant.
- Whoever reports gets the same answer whether an address is known or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from amana import errors
from amana.core import events, facts
from amana.core.contact_points import Phone, read_phone
from amana.core.statements import ANY, Interval, PersonRow, Statement
from amana.core.vocabulary import POINT_OF_CHANNEL, Actor, Channel, PointKind, Status
from amana.services.collection import capture, inheritance, telling
from amana.services.record import addresses, history, tokens
from amana.services.record.addresses import Address, Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import points
from amana.storage import tokens as token_rows

BOUNCE, COMPLAINT, LEAVE, START = "bounce", "complaint", "leave", "start"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a provider reports."""

    kind: str  # bounce | complaint | leave | start
    channel: Channel
    token: str = ""  # our own message token, if the report carries it
    email: str = ""
    phone: str = ""
    purpose: str = ANY  # what was left; everything unless it says so
    at: int | None = None  # UTC second
    reason: str = ""


def take(house: House, source: str, brand: str, reports: Sequence[Report], context: bytes) -> tuple[int, ...]:
    """Record reports, each durably, in order; the log positions. Raises NotFound for a brand the workspace lacks."""
    positions: list[int] = []
    for number, report in enumerate(reports, start=1):
        if report.kind == START:
            positions.extend(_lift(house, source, report))
            continue
        holder = _by_token(house, report.token)
        if holder is not None:
            positions.extend(_of_person(house, source, brand, holder, report))
        elif _worth_recording(house, report):
            row = _row(report, number)
            positions.extend(telling.rows(house, source, brand, [row], context + b"/%d" % number)[0].events)
    return tuple(positions)


def _by_token(house: House, token: str) -> int | None:
    if not token:
        return None
    try:
        return house.writing().write(
            lambda session: tokens.look(house, session, token, token_rows.MESSAGE).person
        )
    except errors.NotFound:
        return None


def _of_person(house: House, source: str, brand: str, person: int, report: Report) -> tuple[int, ...]:
    def work(session: Session) -> list[Any]:
        number = capture.source_of(session, source)
        held = _held(session, person, report.channel)
        staged = []
        for owner, ordinal, kind in held:
            if report.kind != LEAVE and ordinal >= 0:
                staged.append(_point(house, session, number, owner, ordinal, kind, "blocked", report.reason))
            if report.kind != BOUNCE:
                staged.append(_refusal(house, session, number, brand, owner, report, own=owner == person))
        return staged

    return tuple(one.position for one in house.writing().write(work))


def _held(session: Session, person: int, channel: Channel) -> list[tuple[int, int, PointKind]]:
    """Everybody who holds the address in use of a person: (person, ordinal, kind), the person first."""
    kind = POINT_OF_CHANNEL[channel] or PointKind.EMAIL
    ordinal = facts.current_point(session.person(person).state, channel)
    mine = points.of_people(session.connection, [person]).get(person, [])
    blind = next((row.blind for row in mine if row.ordinal == ordinal), None)
    if blind is None:
        return [(person, -1, kind)]
    pairs = points.holders(session.connection, [blind])[blind]
    return sorted(((owner, number, kind) for owner, number in pairs), key=lambda one: one[0] != person)


def _refusal(
    house: House, session: Session, source: int, brand: str, person: int, report: Report, *, own: bool
) -> Any:
    event = events.Permission(
        **_told(house, session, source, Actor.PERSON if own else Actor.RELAYED),
        brand=brand,
        purpose=report.purpose,
        channel=report.channel.value,
        status=Status.WITHDRAWN,
        reason=report.reason if own else "shared_address",
    )
    return session.record(session.person(person), event)


def _point(
    house: House,
    session: Session,
    source: int,
    person: int,
    ordinal: int,
    kind: PointKind,
    change: str,
    why: str,
) -> Any:
    event = events.Point(
        **_told(house, session, source, Actor.RELAYED),
        point=ordinal,
        point_kind=kind,
        change=change,
        reason=why,
    )
    return session.record(session.person(person), event)


def _told(house: House, session: Session, source: int, actor: Actor) -> dict[str, Any]:
    now = Interval(lo=session.now, hi=session.now)
    return {"id": house.random(16).hex(), "occurred": now, "actor": actor, "source": source}


def _worth_recording(house: House, report: Report) -> bool:
    """Whether a report by address says something: a refusal always does, a bounce only of an address that is held."""
    try:
        address = Keyer(house.keys).typed(report.email or report.phone, "")
    except errors.BadInput:
        return False
    return report.kind != BOUNCE or bool(_holders(house, address))


def _holders(house: House, address: Address) -> list[tuple[int, int]]:
    with house.database.read() as connection:
        return addresses.holders(connection, [address]).get(address.blind, [])


def _row(report: Report, line: int) -> PersonRow:
    when = None if report.at is None else Interval(lo=report.at, hi=report.at)
    said: list[Statement] = []
    if report.kind != LEAVE:
        said.append(
            Statement(
                status=Status.UNKNOWN,
                channel=report.channel,
                occurred=when,
                reason=report.reason,
                point_blocked=True,
            )
        )
    if report.kind != BOUNCE:
        said.append(
            Statement(
                status=Status.WITHDRAWN,
                purpose=report.purpose,
                channel=report.channel,
                occurred=when,
                reason=report.reason,
            )
        )
    return PersonRow(part="", line=line, email=report.email, phone=report.phone, statements=tuple(said))


def _lift(house: House, source: str, report: Report) -> tuple[int, ...]:
    phone = read_phone(report.phone)
    if not isinstance(phone, Phone):
        return ()
    address = Keyer(house.keys).phone(phone)

    def work(session: Session) -> list[Any]:
        number = capture.source_of(session, source)
        staged = []
        for owner, ordinal in addresses.holders(session.connection, [address]).get(address.blind, []):
            reasons = _standing(house, session, owner, ordinal)
            if reasons and reasons <= inheritance.CARRIER_BLOCKS:
                staged.append(
                    _point(house, session, number, owner, ordinal, PointKind.PHONE, "unblocked", "start")
                )
        return staged

    return tuple(one.position for one in house.writing().write(work))


def _standing(house: House, session: Session, person: int, ordinal: int) -> set[str]:
    """Why a contact point is blocked now: the reason of every block that nothing lifted; none if it is not.

    The folded state keeps the latest reason only, so that the person's own record is read.
    """
    point = session.person(person).state.points.get(ordinal)
    if point is None or point.blocked < point.unblocked or point.blocked < 0:
        return set()
    told = [one.event for one in history.of_person(house, person)]
    told += [one.event for one in session.staged if one.person == person]
    return {
        event.reason
        for event in told
        if isinstance(event, events.Point)
        and event.point == ordinal
        and event.change == "blocked"
        and event.occurred.hi >= point.unblocked
    }
