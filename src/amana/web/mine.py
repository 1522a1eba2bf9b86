"""My data: seen and corrected in a short session that a mailed link opens.

Rule. Opening the link shows a button; pressing it uses the link up and begins the session, whose word stands in a cookie
that no script and no other site can read. Every form of the session carries a word that only its pages know; one without
it is refused and changes nothing. Values are shown to nobody else, the look is recorded, and the history is told in plain
words, newest first.
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from amana import errors
from amana.core import events
from amana.services import links, own_data
from amana.services.history import Opened
from amana.services.own_data import Guest
from amana.web import naming
from amana.web.visit import Answer, Page, Plain, Visit
from amana.web.words import Words

HISTORY = 200  # events told


def link(visit: Visit) -> Answer:
    """The button that opens the session."""
    own_data.link_is_good(visit.house, visit.part)
    return Page(template="link", words=visit.words(), values={})


def enter(visit: Visit) -> Answer:
    """Open the session and show the data."""
    guest = own_data.begin(visit.house, visit.part)
    return _page(visit, guest, session=guest.word)


def show(visit: Visit) -> Answer:
    """The data, in a session."""
    return _page(visit, _guest(visit))


def correct(visit: Visit) -> Answer:
    """Store corrections, hand out a copy, or end the session."""
    guest = _guest(visit)
    if not hmac.compare_digest(visit.one("csrf"), guest.csrf(visit.house)):
        raise errors.BadInput("The form did not come from this session", remedy="open the page again")
    if visit.one("end"):
        own_data.end(visit.house, guest.word)
        return Page(template="ended", words=visit.words(), brand=guest.brand, session="")
    if visit.one("copy"):
        return _copy(visit, guest)
    before = own_data.show(visit.house, guest.person).fields
    sent = {
        key.removeprefix("field-"): value.strip() for key, value in visit.form if key.startswith("field-")
    }
    moved = {name: value for name, value in sent.items() if value != before.get(name)}
    spoken = visit.words()
    try:
        own_data.correct(visit.house, guest.person, moved, visit.context(spoken))
    except errors.BadInput:
        return _page(visit, guest, trouble=("value_wrong",))
    return _page(visit, guest, saved=True)


def _guest(visit: Visit) -> Guest:
    return own_data.guest(visit.house, visit.cookie)


def _copy(visit: Visit, guest: Guest) -> Plain:
    """Everything in one JSON document (GDPR art. 20)."""
    mine = own_data.show(visit.house, guest.person)
    told = [
        {"position": one.position, "event": msgspec.to_builtins(one.event)}
        for one in own_data.happened(visit.house, guest.person)
    ]
    document = {"points": mine.points, "fields": mine.fields, "events": told}
    return Plain(
        body=msgspec.json.format(msgspec.json.encode(document), indent=2),
        media="application/json",
        download="my-data.json",
    )


def _page(
    visit: Visit,
    guest: Guest,
    *,
    session: str | None = None,
    saved: bool = False,
    trouble: tuple[str, ...] = (),
) -> Page:
    house = visit.house
    spoken = visit.words()
    mine = own_data.show(house, guest.person)
    fields = [
        (
            name,
            naming.field(house.workspace, name, spoken),
            mine.fields[name],
            one.means,
            one.means not in own_data.FIXED,
        )
        for name, one in house.workspace.fields.items()
    ]
    values: dict[str, Any] = {
        "points": mine.points,
        "fields": fields,
        "history": [_told(visit, one, spoken) for one in own_data.happened(house, guest.person)[:HISTORY]],
        "csrf": guest.csrf(house),
        "saved": saved,
        "trouble": trouble,
        "home": links.page(house, "about", spoken.language),
    }
    return Page(
        template="mine",
        words=spoken,
        brand=guest.brand,
        values=values,
        session=session,
        status=400 if trouble else 200,
    )


def _told(visit: Visit, opened: Opened, spoken: Words) -> tuple[int, Any]:
    """When, and what happened in plain words."""
    workspace = visit.house.workspace
    match opened.event:
        case events.Permission() as event:
            words = spoken(
                f"told_{event.status.value}",
                purpose=naming.purpose(workspace, event.purpose, spoken),
                channel=naming.channel(event.channel, spoken),
            )
        case events.Point() as event:
            words = spoken(f"told_point_{event.change}")
        case events.Profile():
            words = spoken("told_profile")
        case events.Preference():
            words = spoken("told_preference")
        case events.Restriction() as event:
            words = spoken("told_restricted" if event.on else "told_unrestricted")
        case _:
            words = spoken("told_other")
    return opened.event.recorded, words
