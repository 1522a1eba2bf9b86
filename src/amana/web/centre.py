"""The preference centre: what somebody agreed to, and every switch of theirs.

Rule. Whoever holds a message's link sees switches and no address, name or number. A switch is on, off, or waiting for
its confirmation, exactly as the gate decides. A message that was about no brand in particular leaves all of them. What
the page showed is sent back with the form, so that only what the person moved changes. Turning off is at once, turning
on asks for confirmation, under the notices that stand on the page; where they were changed meanwhile, the page is shown
again (`core.shown`) and all else that was moved is kept. A browser that says no to being sold (Sec-GPC) is taken at its
word when the form is sent, for advertising audiences only. Each change that took effect has a receipt. What data may be
used for has a form of its own (`data_use`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from amana.core import facts
from amana.core import state as states
from amana.core.statements import ANY
from amana.core.vocabulary import Channel
from amana.services.choices import own_data
from amana.services.collection import preferences
from amana.services.collection.capture import Choice
from amana.services.collection.preferences import Change, Switch, View
from amana.services.record import tokens
from amana.services.record.house import House
from amana.services.record.tokens import Opened
from amana.storage import people, register
from amana.storage import tokens as token_rows
from amana.web import confirming, data_use, naming
from amana.web import visit as visits
from amana.web.forms import key_of
from amana.web.visit import Answer, Page, Visit
from amana.web.words import LANGUAGES, Words

PAUSES = (7, 30, 90)  # days
PACES = (1, 2, 4, 8)  # messages in thirty days
DAY = 86_400
SENT = 10  # messages listed where somebody asks why
PARTS = {"night": range(6), "morning": range(6, 12), "afternoon": range(12, 18), "evening": range(18, 24)}
MASKS = {name: sum(1 << hour for hour in hours) for name, hours in PARTS.items()}


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """Whose page this is, about which brand."""

    person: int
    brand: str  # whose switches are shown
    brands: tuple[str, ...]  # whose messages leaving everything reaches
    purpose: str  # of the message that brought them, ANY if it named none
    channel: str
    language: str  # the one on record
    cell: int


def seat(visit: Visit) -> Seat:
    """The seat that a message's token gives. Raises NotFound for a token that is not good."""
    opened = tokens.peek(visit.house, visit.part, token_rows.MESSAGE)
    return _seat(visit.house, opened)


def show(visit: Visit) -> Answer:
    """The switches."""
    return _page(visit, seat(visit))


def change(visit: Visit) -> Answer:
    """Make the changes that were sent."""
    held = seat(visit)
    house = visit.house
    spoken = visit.words(held.language)
    before = preferences.view(house, held.person, held.brand)
    if visit.one("of-data") or visit.one("data-stop"):
        made_off = data_use.turned_off(visit, held.person, held.brand, held.brands)
        return _page(visit, held, saved=True, receipts=confirming.downloads(house, made_off))
    language = visit.one("speak")
    if language in LANGUAGES and language != held.language and _language_field(house):
        own_data.correct(house, held.person, {_language_field(house): language}, visit.context(spoken))
        spoken = visit.words(language)
    wanted = Change(leave=True) if visit.one("leave") else _wanted(visit, before)
    if visit.gpc:
        wanted = msgspec.structs.replace(wanted, object_to=_sold(house, held.person, before))
    context = visit.context(spoken)
    if wanted.leave:
        made = preferences.change_all(house, held.person, held.brands, wanted, context)
    else:
        made = preferences.change(house, held.person, held.brand, wanted, context, mailed=True)
    pending = confirming.lines(house, made.pending, spoken)
    saved = {
        "saved": not made.unread or bool(made.events or pending),
        "trouble": ("text_changed",) if made.unread else (),
        "mailed": made.mailed,
        "pending": pending,
        "receipts": confirming.downloads(house, made.events),
    }
    page = _page(
        msgspec.structs.replace(visit, query={**visit.query, "lang": spoken.language}), held, **saved
    )
    return msgspec.structs.replace(page, status=409) if made.unread else page


def why(visit: Visit) -> Answer:
    """Why somebody got a message: what it rested on."""
    held = seat(visit)
    spoken = visit.words(held.language)
    found = own_data.why(visit.house, held.person, held.cell)
    workspace = visit.house.workspace
    return Page(
        template="why",
        words=spoken,
        brand=held.brand,
        values={
            "found": found,
            "shown": found.sent[:SENT],
            "earlier": len(found.sent[SENT:]),
            "token": visit.part,
            "purpose": naming.purpose(workspace, held.purpose, spoken),
            "channel": naming.channel(held.channel, spoken),
        },
    )


def ask_link(visit: Visit) -> Answer:
    """Send a link to the person's own data; the answer is always the same."""
    held = seat(visit)
    spoken = visit.words(held.language)
    own_data.ask(visit.house, held.person, held.brand, spoken.language)
    return Page(template="link_sent", words=spoken, brand=held.brand, values={"token": visit.part})


def _seat(house: House, opened: Opened) -> Seat:
    with house.database.read() as connection:
        terms = register.terms(connection)
        held = people.get(connection, [opened.person])
    brand, purpose, channel = terms.words(opened.cell)
    if opened.person not in held:
        raise visits.gone()
    brands = tuple(house.workspace.brands) if brand == ANY else (brand,)
    return Seat(
        person=opened.person,
        brand=brands[0],
        brands=brands,
        purpose=purpose,
        channel=channel,
        language=states.attribute(held[opened.person].state, "language"),
        cell=opened.cell,
    )


# ---- what was moved -------------------------------------------------------------------------------------------------


def _wanted(visit: Visit, before: View) -> Change:
    """The difference between what the page showed and what was sent back."""
    shown = dict(one.rsplit(":", 1) for one in visit.all("was") if one.count(":") == 2)
    on = set(visit.all("on"))
    moved_off = [one for one in before.switches if shown.get(key_of(choice(one)), "off") != "off"]
    moved_on = [one for one in before.switches if shown.get(key_of(choice(one))) == "off"]
    return Change(
        off=tuple(choice(one) for one in moved_off if key_of(choice(one)) not in on),
        on=tuple(choice(one) for one in moved_on if key_of(choice(one)) in on and _may_turn_on(one, visit)),
        paused_until=_pause(visit),
        per_month=_pace(visit),
        hours=_mask(visit, "hours", before.hours, MASKS),
        days=_mask(visit, "days", before.days, {str(day): 1 << day for day in range(7)}),
        topics_off=_topics(visit, before),
        shown=tuple(visit.all("shown")),
    )


def choice(one: Switch) -> Choice:
    """The choice that a switch stands for."""
    return Choice(purpose=one.purpose, channel=one.channel)


def _may_turn_on(one: Switch, visit: Visit) -> bool:
    return not (visit.gpc and one.channel is Channel.ADS_AUDIENCE)


def _pause(visit: Visit) -> int | None:
    days = visit.one("pause")
    if days == "0":
        return visit.house.clock()
    return visit.house.clock() + int(days) * DAY if days in map(str, PAUSES) else None


def _pace(visit: Visit) -> int | None:
    pace = visit.one("pace")
    if pace == visit.one("was-pace"):
        return None
    if pace == "any":
        return facts.NO_CAP
    return int(pace) if pace in map(str, PACES) else None


def _mask(visit: Visit, name: str, before: int, bits: dict[str, int]) -> int | None:
    """A bit mask of boxes, if somebody moved one; none ticked is read as all: pausing is another switch."""
    was, ticked = set(visit.all(f"was-{name}")), set(visit.all(name))
    if f"shown-{name}" not in dict(visit.form) or was == ticked:
        return None
    mask = sum(bit for key, bit in bits.items() if key in ticked)
    return mask or sum(bits.values())


def _topics(visit: Visit, before: View) -> tuple[str, ...] | None:
    was, ticked = set(visit.all("was-topic")), set(visit.all("topic"))
    if was == ticked:
        return None
    known = set(visit.house.workspace.topics)
    off = (set(before.topics_off) | (was - ticked)) - (ticked - was)
    return tuple(sorted(off & known))


def _sold(house: House, person: int, before: View) -> tuple[Choice, ...]:
    """The advertising audiences that the person has not objected to yet."""
    with house.database.read() as connection:
        terms = register.terms(connection)
        state = people.get(connection, [person])[person].state
    return tuple(
        choice(one)
        for one in before.switches
        if one.channel is Channel.ADS_AUDIENCE
        and not any(
            claim.kind == states.OBJECTED
            for claim in facts.binding_refusals(
                state, terms.cell(before.brand, one.purpose, one.channel.value)
            )
        )
    )


# ---- the page -------------------------------------------------------------------------------------------------------


def _page(visit: Visit, held: Seat, **saved: Any) -> Page:
    house = visit.house
    language = (saved and visit.query.get("lang")) or held.language
    spoken = visit.words(held.language)
    view = preferences.view(house, held.person, held.brand)
    values: dict[str, Any] = {
        "saved": False,
        "trouble": (),
        "mailed": False,
        "pending": [],
        "receipts": [],
        "token": visit.part,
        "view": view,
        "switches": _switches(house, view, spoken),
        "notices": naming.notices(house, [one.purpose for one in view.switches if one.state != "on"]),
        "topics": [(name, naming.topic(house.workspace, name, spoken)) for name in house.workspace.topics],
        "paused": view.paused_until > house.clock(),
        "pauses": PAUSES,
        "paces": PACES,
        "no_cap": facts.NO_CAP,
        "parts_of_day": {name: bool(view.hours & mask) for name, mask in MASKS.items()},
        "spans": PARTS,
        "may_speak": bool(_language_field(house)),
        "speaks": language if language in LANGUAGES else spoken.language,
        **data_use.block(house, held.person, held.brand, spoken),
    }
    return Page(template="centre", words=spoken, brand=held.brand, values=values | saved)


def _switches(house: House, view: View, spoken: Words) -> list[tuple[str, list[tuple[str, str, Switch]]]]:
    """Purposes with their switches, each with its key and its channel's name."""
    grouped: dict[str, list[tuple[str, str, Switch]]] = {}
    for one in view.switches:
        name = naming.purpose(house.workspace, one.purpose, spoken)
        grouped.setdefault(name, []).append((key_of(choice(one)), spoken.channel(one.channel.value), one))
    return list(grouped.items())


def _language_field(house: House) -> str:
    return next((name for name, one in house.workspace.fields.items() if one.means == "language"), "")
