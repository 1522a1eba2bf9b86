"""Soft bounces: an address that takes no message now, again and again, is one that takes none.

Rule. A soft bounce is recorded with the address it is about, at most one a day, and changes no answer by itself. After
`MOST` of them over at least `SPAN` seconds, with no success in between, the address is blocked as a hard bounce blocks
it. A message that a provider says was delivered, a confirmation by the holder, and the lifting of a block begin the count
anew. The count is read from the person's own events, so it can be proved, and it goes when the person does.
"""

from __future__ import annotations

from collections.abc import Sequence

from amana import errors
from amana.core import events, facts
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, Channel, PointKind
from amana.services.collection import capture
from amana.services.messaging.feedback import Report
from amana.services.record import addresses, history, tokens
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session, Staged
from amana.storage import tokens as token_rows

SOFT, DELIVERED = "soft", "delivered"
"""Kinds of `feedback.Report` that are counted here."""
SOFT_BOUNCED, BLOCKED = "soft_bounced", "blocked"
RESETS = frozenset({"added", "verified", "unblocked", DELIVERED})
MOST = 5
DAY = 86_400
SPAN = 7 * DAY


def take(house: House, source: str, reports: Sequence[Report]) -> tuple[int, ...]:
    """Record soft bounces and deliveries that a provider reports; the log positions."""
    return tuple(
        position
        for report in reports
        for person, ordinal in _about(house, report)
        for position in note(house, source, person, ordinal, delivered=report.kind == DELIVERED)
    )


def note(house: House, source: str, person: int, ordinal: int, *, delivered: bool = False) -> tuple[int, ...]:
    """Record one soft bounce of an e-mail address, or one delivery to it; the log positions."""

    def work(session: Session) -> list[Staged]:
        counted = _counted(house, session, person, ordinal)
        if delivered:
            return [_point(house, session, source, person, ordinal, DELIVERED)] if counted else []
        if ordinal not in session.person(person).state.points or any(
            at // DAY == session.now // DAY for at in counted
        ):
            return []
        staged = [_point(house, session, source, person, ordinal, SOFT_BOUNCED)]
        if len(counted) + 1 >= MOST and session.now - counted[0] >= SPAN:
            staged.append(_point(house, session, source, person, ordinal, BLOCKED))
        return staged

    try:
        return tuple(one.position for one in house.writing().write(work))
    except (errors.KeyMissing, errors.NotFound):
        return ()  # whoever was erased has no address any more


def _counted(house: House, session: Session, person: int, ordinal: int) -> list[int]:
    """When the soft bounces since the last success were, oldest first; those of the same batch are among them."""
    recorded = [one.event for one in history.of_person(house, person)]
    recorded += [one.event for one in session.staged if one.person == person]
    told = [one for one in recorded if isinstance(one, events.Point) and one.point == ordinal]
    since = max((one.occurred.lo for one in told if one.change in RESETS), default=-1)
    return sorted(one.occurred.lo for one in told if one.change == SOFT_BOUNCED and one.occurred.lo >= since)


def _about(house: House, report: Report) -> list[tuple[int, int]]:
    """Which person's which address a report is about: by our own token first, else everybody who holds the address."""
    if report.token:
        try:
            return [_by_token(house, report.token)]
        except errors.NotFound:
            pass  # not one of ours: the address may be
    try:
        address = Keyer(house.keys).typed(report.email, "")
    except errors.BadInput:
        return []
    with house.database.read() as connection:
        return addresses.holders(connection, [address]).get(address.blind, [])


def _by_token(house: House, token: str) -> tuple[int, int]:
    """The address in use of whoever a message went to. Raises NotFound."""

    def work(session: Session) -> tuple[int, int]:
        person = tokens.look(house, session, token, token_rows.MESSAGE).person
        return person, facts.current_point(session.person(person).state, Channel.EMAIL)

    return house.writing().write(work)


def _point(house: House, session: Session, source: str, person: int, ordinal: int, change: str) -> Staged:
    event = events.Point(
        id=house.random(16).hex(),
        occurred=Interval(lo=session.now, hi=session.now),
        actor=Actor.RELAYED,
        source=capture.source_of(session, source),
        point=ordinal,
        point_kind=PointKind.EMAIL,
        change=change,
        reason="" if change == DELIVERED else "bounce_soft",
    )
    return session.record(session.person(person), event)
