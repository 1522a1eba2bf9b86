"""Restriction of processing (GDPR art. 18), as requests put it on a person and take it off again.

Rule.
- A proved request to restrict restricts; so does a proved erasure, until it has ended: nobody who asked to be
  forgotten is contacted while it runs.
- It ends with the request that put it on, if that is refused or taken back, or by a person's word once the ground is
  gone; the person is told before (art. 18(3)). As long as another request of theirs holds it, it stays.
- A restriction holds unless it was lifted strictly later, in seconds (`core.state`): a lift in the second of its
  beginning has to be said again.
"""

from __future__ import annotations

from amana.core import events
from amana.core.rights import NEEDED, Kind, Status
from amana.core.statements import Interval
from amana.core.vocabulary import Actor
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import requests
from amana.storage.requests import RequestRow

RESTRICTS = frozenset({Kind.ERASURE.value, Kind.RESTRICTION.value})
LIFTED = "lifted"
"""Outcome of a restriction that holds no more."""
_NOT_YET = frozenset({Status.RECEIVED.value, Status.VERIFYING.value})
_OVER = frozenset({Status.REFUSED.value, Status.CANCELLED.value})


def begin(house: House, session: Session, row: RequestRow, source: int) -> None:
    """A request was proved: what it asks takes effect in this transaction."""
    if row.kind in RESTRICTS and row.status == Status.READY.value:
        session.record(session.person(row.person), _event(house, session, row, source, on=True))


def end(house: House, session: Session, row: RequestRow, source: int, actor: Actor = Actor.STAFF) -> bool:
    """A request holds its restriction no more; whether that lifted it, and no other request holds it."""
    if row.kind not in RESTRICTS:
        return False
    session.load([row.person])
    person = session.people.get(row.person)  # None once they were erased
    others = requests.of_person(session.connection, row.person)
    if (
        person is None
        or person.state.restricted < 0
        or any(_holds(one) for one in others if one.id != row.id)
    ):
        return False
    session.record(person, _event(house, session, row, source, on=False, actor=actor))
    return True


def _holds(row: RequestRow) -> bool:
    """Whether a request restricts its person now."""
    if row.kind not in RESTRICTS or row.status in _NOT_YET or row.status in _OVER:
        return False
    return row.proved >= NEEDED[Kind(row.kind)] and row.outcome != LIFTED


def _event(
    house: House, session: Session, row: RequestRow, source: int, *, on: bool, actor: Actor = Actor.PERSON
) -> events.Restriction:
    return events.Restriction(
        id=house.random(16).hex(),
        occurred=Interval(lo=session.now, hi=session.now),
        actor=actor,
        source=source,
        evidence=row.ref,
        on=on,
    )
