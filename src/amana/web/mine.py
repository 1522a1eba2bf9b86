"""My data: seen and corrected in a short session that a mailed link opens.

Rule. Opening the link shows a button; pressing it uses the link up and begins the session, whose word stands in a
cookie that no script and no other site can read. Every form of the session carries a word that only its pages know; one
without it is refused and changes nothing. Values are shown to nobody else, the look is recorded, and the history is
told in plain words, newest first, a page at a time, each line with its receipt. Who else looked, and which files with
the person's values left the house, stands there too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from amana import errors
from amana.core import events
from amana.services.choices import data_choices, own_data
from amana.services.choices.own_data import Guest, Look
from amana.services.keeping.exports import Export
from amana.services.record.history import Opened
from amana.web import naming, requests
from amana.web.visit import Answer, Page, Plain, Visit, gone
from amana.web.words import Words

HISTORY = 20  # events on a page
LOOKS = 20  # looks of others that are listed; the copy has all
DIGITS = 18  # of a log position in an address


def link(visit: Visit) -> Answer:
    """The button that opens the session."""
    own_data.link_is_good(visit.house, visit.part)
    return Page(template="link", words=visit.words(), values={})


def enter(visit: Visit) -> Answer:
    """Open the session and show the data."""
    guest = own_data.begin(visit.house, visit.part)
    requests.begun(visit.house, guest)
    return _page(visit, guest, session=guest.word)


def show(visit: Visit) -> Answer:
    """The data, in a session."""
    return _page(visit, requests.guest(visit))


def correct(visit: Visit) -> Answer:
    """Store corrections, hand out a copy, or end the session."""
    guest = requests.signed(visit)
    if visit.one("end"):
        own_data.end(visit.house, guest.word)
        return msgspec.structs.replace(closed(visit), brand=guest.brand, session="")
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


def closed(visit: Visit) -> Page:
    """What stands there after the session."""
    return Page(template="ended", words=visit.words())


def receipt(visit: Visit) -> Answer:
    """The receipt of one line of the history, as a file."""
    guest = requests.guest(visit)
    position = _position(visit.part)
    if position is None:
        raise gone()
    text = own_data.receipt(visit.house, guest.person, position)
    return Plain(body=text.encode(), media="application/octet-stream", download=f"receipt-{position}.txt")


def _position(text: str) -> int | None:
    """A log position as an address spells it; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None


def _copy(visit: Visit, guest: Guest) -> Plain:
    """Everything in one JSON document (GDPR art. 20)."""
    mine = own_data.show(visit.house, guest.person)
    told = [
        {"position": one.position, "event": msgspec.to_builtins(one.event)}
        for one in own_data.happened(visit.house, guest.person)
    ]
    document = {
        "points": mine.points,
        "fields": mine.fields,
        "events": told,
        "looks": msgspec.to_builtins(own_data.looks(visit.house, guest.person)),
        "shared": [_export(one) for one in own_data.shared(visit.house, guest.person)],
    }
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
    looks = own_data.looks(house, guest.person)
    values: dict[str, Any] = {
        "points": mine.points,
        "fields": requests.fields(house, mine, spoken),
        "own_looks": looks.own,
        "looks": [_look(visit, one, spoken) for one in looks.others[:LOOKS]],
        "more_looks": len(looks.others[LOOKS:]),
        "exports": own_data.shared(house, guest.person),
        **_history(visit, guest, spoken),
        **requests.block(house, guest),
        "uses_data": bool(data_choices.declared(house, guest.brand)),
        "csrf": guest.csrf(house),
        "saved": saved,
        "trouble": trouble,
    }
    return Page(
        template="mine",
        words=spoken,
        brand=guest.brand,
        values=values,
        session=session,
        status=400 if trouble else 200,
    )


def _history(visit: Visit, guest: Guest, spoken: Words) -> dict[str, Any]:
    """One page of what happened: the newest, or what came before a position that the address names."""
    happened = own_data.happened(visit.house, guest.person)
    before = _position(visit.query.get("before", ""))
    told = [one for one in happened if before is None or one.position < before]
    return {
        "history": [_told(visit, one, spoken) for one in told[:HISTORY]],
        "older": told[HISTORY - 1].position if len(told) > HISTORY else 0,
        "is_newest": len(told) == len(happened),
        "events": len(happened),
    }


def _look(visit: Visit, look: Look, spoken: Words) -> tuple[int, str, str, list[str]]:
    """When, who in words, what for, and at what."""
    registered = visit.house.workspace.fields
    seen = [
        spoken.plain("mine_points")
        if name == "points"
        else naming.field(visit.house.workspace, name, spoken)
        if name in registered
        else name
        for name in look.fields
    ]
    people = spoken.plain("look_itself" if look.itself else "look_people")
    who = spoken("look_system", system=look.system) if look.system else people
    return look.at, who, look.purpose, seen


def _export(one: Export) -> dict[str, Any]:
    return {"recipient": one.recipient, "at": one.at, "until": one.expires, "recall": one.recall}


def _told(visit: Visit, opened: Opened, spoken: Words) -> tuple[int, int, Any]:
    """Log position, when, and what happened in plain words."""
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
    return opened.position, opened.event.recorded, words
