"""Leaving: the link in every message, and the one click of the mail program (RFC 8058).

Rule. Looking changes nothing. One click is a POST with `List-Unsubscribe=One-Click`, in either form encoding, without a
cookie, a redirect or a word from us to prove anything; it turns off what the message was about, or everything where the
message was about nothing in particular. On the page the person says which of the two. Leaving is never limited, never
asked about, and answered with a receipt.
"""

from __future__ import annotations

from amana import errors
from amana.core.statements import ANY
from amana.core.vocabulary import Channel
from amana.services import preferences
from amana.services.capture import Choice
from amana.services.preferences import Change
from amana.web import centre, confirming, naming
from amana.web.centre import Seat
from amana.web.visit import Answer, Page, Visit

ONE_CLICK = ("List-Unsubscribe", "One-Click")


def show(visit: Visit) -> Answer:
    """The two buttons."""
    held = centre.seat(visit)
    return _page(visit, held, "leave")


def leave(visit: Visit) -> Answer:
    """Leave what the message was about, or everything. Raises BadInput for neither."""
    held = centre.seat(visit)
    spoken = visit.words(held.language)
    one_click = visit.one(ONE_CLICK[0]) == ONE_CLICK[1]
    scope = "this" if one_click else visit.one("scope")
    if scope not in ("this", "everything"):
        raise errors.BadInput("The form does not say what to leave", remedy="press one of the buttons")
    wanted = Change(leave=True) if scope == "everything" or not _named(held) else Change(off=(_choice(held),))
    made = preferences.change(visit.house, held.person, held.brand, wanted, visit.context(spoken))
    return _page(
        visit,
        held,
        "left",
        everything=wanted.leave,
        receipts=[] if one_click else confirming.downloads(visit.house, made.events),
    )


def _named(held: Seat) -> bool:
    return ANY not in (held.purpose, held.channel)


def _choice(held: Seat) -> Choice:
    return Choice(purpose=held.purpose, channel=Channel(held.channel))


def _page(visit: Visit, held: Seat, template: str, **more: object) -> Page:
    spoken = visit.words(held.language)
    values = {
        "token": visit.part,
        "named": _named(held),
        "purpose": naming.purpose(visit.house.workspace, held.purpose, spoken),
        "channel": naming.channel(held.channel, spoken),
    }
    return Page(template=template, words=spoken, brand=held.brand, values=values | more)
