"""Leaving: the link in every message, and the one click of the mail program (RFC 8058).

Rule. Looking changes nothing. One click is a POST with `List-Unsubscribe=One-Click`, in either form encoding, without a
cookie, a redirect or a word from us to prove anything; it turns off what the message was about, or everything where the
message was about nothing in particular. On the page the person says which of the two. Leaving is never limited, never
asked about, and answered with a receipt: at once on the page, and for whoever left by one click when they look again.
Whoever left is told what stopped and since when, and how to come back.
"""

from __future__ import annotations

import msgspec

from amana import errors
from amana.core.statements import ANY
from amana.core.vocabulary import Channel
from amana.services.collection import preferences
from amana.services.collection.capture import Choice
from amana.services.collection.preferences import Change, View
from amana.web import centre, confirming, naming
from amana.web.centre import Seat
from amana.web.visit import Answer, Page, Visit
from amana.web.words import Words

ONE_CLICK = ("List-Unsubscribe", "One-Click")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody stands with what a message was about."""

    left: str = ""  # this | everything | "" for neither
    since: int = 0  # UTC second
    events: tuple[str, ...] = ()  # ids of the refusals that count
    is_on: bool = True  # what the message was about is on, or waits to be


def show(visit: Visit) -> Answer:
    """The two buttons; or what has stopped."""
    held = centre.seat(visit)
    return _page(visit, held, visit.words(held.language), fresh=False)


def leave(visit: Visit) -> Answer:
    """Leave what the message was about, or everything. Raises BadInput for neither."""
    held = centre.seat(visit)
    spoken = visit.words(held.language)
    one_click = visit.one(ONE_CLICK[0]) == ONE_CLICK[1]
    scope = "this" if one_click else visit.one("scope")
    if scope not in ("this", "everything"):
        raise errors.BadInput("The form does not say what to leave", remedy="press one of the buttons")
    wanted = Change(leave=True) if scope == "everything" or not _named(held) else Change(off=(_choice(held),))
    preferences.change_all(visit.house, held.person, held.brands, wanted, visit.context(spoken))
    return _page(visit, held, spoken, fresh=True, bare=one_click)


def _named(held: Seat) -> bool:
    return ANY not in (held.purpose, held.channel)


def _choice(held: Seat) -> Choice:
    return Choice(purpose=held.purpose, channel=Channel(held.channel))


def _standing(held: Seat, views: list[View]) -> Standing:
    """What of it is off, over all the brands that the message stands for."""
    if all(one.left for one in views):
        return Standing(
            left="everything",
            since=max(one.left_since for one in views),
            events=tuple(one.left_event for one in views),
            is_on=False,
        )
    if not _named(held):
        return Standing()
    switches = [one for view in views for one in view.switches if centre.choice(one) == _choice(held)]
    is_on = not switches or any(one.state != "off" for one in switches)
    refused = [one for one in switches if one.since]
    if is_on or len(refused) < len(switches):
        return Standing(is_on=is_on)
    return Standing(
        left="this",
        since=max(one.since for one in refused),
        events=tuple(one.event for one in refused),
        is_on=False,
    )


def _page(visit: Visit, held: Seat, spoken: Words, *, fresh: bool, bare: bool = False) -> Page:
    """The page as things stand; `fresh` right after leaving, `bare` for a program, which reads nothing."""
    house = visit.house
    workspace = house.workspace
    views = [preferences.view(house, held.person, brand) for brand in held.brands]
    standing = _standing(held, views)
    only = len(held.brands) == 1
    values = {
        "token": visit.part,
        "named": _named(held),
        "purpose": naming.purpose(workspace, held.purpose, spoken),
        "channel": naming.channel(held.channel, spoken),
        "standing": standing,
        "fresh": fresh,
        "sender": workspace.brands[held.brand].name if only else workspace.organisation.name,
        "receipts": confirming.of_events(house, standing.events) if standing.left and not bare else [],
    }
    template = "left" if standing.left else "leave"
    return Page(template=template, words=spoken, brand=held.brand, values=values)
