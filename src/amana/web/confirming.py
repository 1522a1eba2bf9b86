"""Confirming: the holder of an address says that it was them.

Rule. Looking at the link changes nothing, so that a mail scanner confirms nothing; a button does. The page says what
will be confirmed in the words of the notice that was shown at the form. The answer to a confirmation is its receipts,
which the person keeps: we do not; and the way to all their choices. A code that came by text message is typed under the
handle that the form's answer carried.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from amana import errors
from amana.core.notices import Published
from amana.core.vocabulary import POINT_OF_CHANNEL, PointKind
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Granted, Submission
from amana.services.record import links, receipts, tokens
from amana.services.record.house import House
from amana.storage import tokens as token_rows
from amana.web import naming
from amana.web.visit import Answer, Page, Visit
from amana.web.words import Words


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt to download."""

    number: int
    link: str  # a data: address, so that nothing is kept here


def show(visit: Visit) -> Answer:
    """What would be confirmed."""
    opened = tokens.peek(visit.house, visit.part, token_rows.CONFIRM)
    said = msgspec.convert(opened.data["said"], Submission)
    notices = msgspec.convert(opened.data["notices"], dict[str, Published])
    spoken = visit.words(said.context.language)
    proven = PointKind(opened.data["proven"])
    choices = [one for one in said.choices if (POINT_OF_CHANNEL[one.channel] or PointKind.EMAIL) is proven]
    shown = {one.hash: naming.notice(one) for one in notices.values()}
    return Page(
        template="confirm",
        words=spoken,
        brand=said.brand,
        values={
            "lines": lines(visit.house, choices, spoken),
            "notices": list(shown.values()),
            "guardian": said.guardian,
        },
    )


def confirm(visit: Visit) -> Answer:
    """Confirm, and give the receipts."""
    opened = tokens.peek(visit.house, visit.part, token_rows.CONFIRM)
    said = msgspec.convert(opened.data["said"], Submission)
    spoken = visit.words(said.context.language)
    return done(visit, spoken, capture.confirm(visit.house, visit.part, visit.context(spoken)))


def ask_code(visit: Visit) -> Answer:
    """The page on which a code is typed."""
    links.handled(visit.house, visit.part)
    return _code(visit, ())


def take_code(visit: Visit) -> Answer:
    """Take a code. A wrong one may be typed again, a few times."""
    person = links.handled(visit.house, visit.part)
    spoken = visit.words()
    digits = "".join(str(int(one)) for one in visit.one("code") if one.isdecimal())  # also ٠–٩ and ๐–๙
    try:
        granted = capture.confirm_code(visit.house, person, digits, visit.context(spoken))
    except errors.BadInput:
        return _code(visit, ("code_wrong",))
    return done(visit, spoken, granted)


def done(visit: Visit, spoken: Words, granted: Granted) -> Page:
    """It is on: receipts, and the way to all choices."""
    values: dict[str, Any] = {
        "receipts": downloads(visit.house, granted.events),
        "token": granted.token,
    }
    return Page(template="done", words=spoken, brand=granted.brand, values=values)


def downloads(house: House, positions: Sequence[int]) -> list[Receipt]:
    """The receipts of what was recorded, ready to download."""
    made = receipts.many(house, positions) if positions else []
    return [
        Receipt(
            number=number,
            link="data:application/octet-stream;base64," + base64.b64encode(text.encode()).decode(),
        )
        for number, text in enumerate(made, start=1)
    ]


def of_events(house: House, ids: Sequence[str]) -> list[Receipt]:
    """The receipts of events by their ids, ready to download."""
    return downloads(house, [receipts.find(house, one) for one in ids])


def lines(house: House, choices: Sequence[Choice], spoken: Words) -> list[tuple[str, str]]:
    """Choices in words: purpose and channel."""
    return [
        (naming.purpose(house.workspace, one.purpose, spoken), spoken.channel(one.channel.value))
        for one in choices
    ]


def _code(visit: Visit, trouble: tuple[str, ...]) -> Page:
    return Page(
        template="code",
        words=visit.words(),
        values={"handle": visit.part, "trouble": trouble},
        status=400 if trouble else 200,
        dead=bool(trouble),
    )
