"""The clock of a request that is open: days that do not count, and the longer deadline.

Rule.
- Whole days in which we waited for somebody to prove who they are do not count where the packs of the countries
  concerned say so (`law_book.clocks.pausing`), if a link had gone out to them in time (`core.rights.waited`). Whom no
  link reached was asked nothing, and waited for nobody.
- They are left out when the proof comes, not before: until then the deadline stands as it was, so that nobody rests.
- A deadline never becomes earlier. What was left out is written into the request's log, and counts when it is extended.
"""

from __future__ import annotations

import msgspec

from amana.core import facts, rights
from amana.core.rights import Due
from amana.core.vocabulary import Channel
from amana.services.law_book import clocks
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import requests
from amana.storage.requests import RequestRow

PAUSED = "clock_paused"
"""What the log says where days did not count."""
ASKED = ("opened", "decided")
"""The lines with which a link for a proof goes out."""
_encode = msgspec.json.Encoder(order="sorted").encode


def without_waiting(house: House, session: Session, row: RequestRow) -> RequestRow:
    """The request without the days in which the proof that came now was waited for, as part of a transaction."""
    asked = [one.at for one in requests.logged(session.connection, row.id) if one.what in ASKED]
    if not asked or not _was_reached(house, session, row):
        return row
    days = rights.waited(row.received, asked[-1], session.now)
    due = _due(house, session, row, waited=days, extended=row.extended is not None)
    if due.at <= row.due:
        return row
    requests.update(session.connection, row.id, due=due.at, due_law=law_of(due), reminded=None)
    detail = _encode({"days": days, "until": due.at}).decode()
    requests.log(session.connection, [(row.id, session.now, "amana", PAUSED, detail)])
    return row._replace(due=due.at, due_law=law_of(due), reminded=None)


def extended(house: House, session: Session, row: RequestRow) -> Due:
    """Until when a request must be answered if it is extended."""
    lines = [one for one in requests.logged(session.connection, row.id) if one.what == PAUSED]
    days = int(msgspec.json.decode(lines[-1].detail)["days"]) if lines else 0
    return _due(house, session, row, waited=days, extended=True)


def law_of(due: Due) -> str:
    """The country and citation of a deadline, as a request's row keeps them."""
    return f"{due.country}: {due.citation}" if due.country else due.citation


def _due(house: House, session: Session, row: RequestRow, *, waited: int, extended: bool) -> Due:
    state = session.person(row.person).state
    laws = clocks.deadlines(house, state, row.received)
    pausing = clocks.pausing(house, state, row.received)
    return rights.due(row.received, laws, extended=extended, waited=waited, pausing=pausing)


def _was_reached(house: House, session: Session, row: RequestRow) -> bool:
    """Whether a link could go out."""
    state = session.person(row.person).state
    by_mail = house.workspace.mail is not None and facts.current_point(state, Channel.EMAIL) >= 0
    return by_mail or (house.workspace.sms is not None and facts.current_point(state, Channel.SMS) >= 0)
