"""Acknowledging: the one message that follows what somebody turned on or changed on a page of theirs.

Rule.
- What was turned on is told to the address it was turned on for; what was changed in the preference centre, to the
  address in use, e-mail before text. The message carries the receipts and a link to the preference centre.
- It is queued in the transaction of its cause and learns its log positions there: no change without its message, no
  message without its change.
- Whoever leaves is not written to about it: the page answers, and the receipt stays there and in their own history.
- At most `MOST` of these a day go to one person about changes; the page answers each change all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from amana.core import facts
from amana.core.statements import ANY
from amana.core.vocabulary import Channel, PointKind
from amana.services.record import links, tasks
from amana.services.record.house import House
from amana.services.record.writing import Session, Staged, Writing
from amana.storage import tasks as task_rows

MOST = 10
DAY = 86_400
TURNED_ON, RECEIPT = "turned_on", "receipt"


def turned_on(
    house: House,
    session: Session,
    person: Writing,
    *,
    brand: str,
    kind: PointKind,
    point: int,
    language: str,
    choices: Sequence[tuple[str, str]],
    staged: Sequence[Staged],
) -> str:
    """Tell the holder of an address what is on now, with the receipts; the token of the preference centre's link.

    `choices` are (purpose, channel); `staged` their grants. In a session's transaction.
    """
    purpose, channel = choices[0] if len(choices) == 1 else (ANY, ANY)
    cell = session.terms.cell(brand, purpose, channel)
    token = links.for_message(house, session, person.id, cell).token
    told = {"brand": brand, "point": point, "language": language, "token": token}
    _queue(house, session, TURNED_ON, kind, person.id, told | {"choices": list(map(list, choices))}, staged)
    return token


def changed(
    house: House, session: Session, person: Writing, *, brand: str, language: str, staged: Sequence[Staged]
) -> bool:
    """Send the receipts of a change to the address in use; whether there is one, and the day's measure is not full."""
    email = facts.current_point(person.state, Channel.EMAIL)
    kind = PointKind.EMAIL if email >= 0 else PointKind.PHONE
    point = email if email >= 0 else facts.current_point(person.state, Channel.SMS)
    recent = task_rows.made_since(session.connection, person.id, f"{RECEIPT}/", session.now - DAY)
    if point < 0 or recent >= MOST or not staged:
        return False
    token = links.for_message(house, session, person.id, session.terms.cell(brand, ANY, ANY)).token
    told = {"brand": brand, "point": point, "language": language, "token": token}
    _queue(house, session, RECEIPT, kind, person.id, told, staged)
    return True


def _queue(
    house: House,
    session: Session,
    template: str,
    kind: PointKind,
    person: int,
    told: dict[str, Any],
    staged: Sequence[Staged],
) -> None:
    key = f"{template}/{house.random(12).hex()}"

    def add(_: sa.Connection) -> None:
        entries = [one.position for one in staged]
        payload = {"template": template, **told, "entries": entries}
        tasks.add(house, session, "sms" if kind is PointKind.PHONE else "mail", key, person, payload)

    session.once_placed(add)
