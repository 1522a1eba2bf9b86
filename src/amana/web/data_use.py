"""What data may be used for, and with whom it is shared: the same switches on two pages.

Rule.
- Each use and each recipient that the workspace declares is one switch, on exactly if the gate lets it now.
- On the page that a message's link opens, what is on may be turned off, and everything may be ruled out for good, which
  counts at once and needs no more proof. Nothing is turned on there.
- In the session of one's own data a switch may also be turned on, under the published notice that it rests on; it is
  offered only where the person's Yes alone turns the gate's answer, so that no switch does nothing. What the law wants
  agreed to in express words has such words beside its switch.
- What the page showed is sent back with the form, so that only what the person moved changes; the marks of its notices
  too, so that a Yes is under the wording that was read, or the page is shown again (`core.shown`). A No never waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from amana import errors
from amana.core import cells
from amana.services.choices import data_choices
from amana.services.choices.data_choices import DataChoice
from amana.services.choices.own_data import Guest
from amana.services.gate.handling import Handling
from amana.services.record.house import House
from amana.web import confirming, naming, requests
from amana.web.visit import Answer, Page, Visit, gone
from amana.web.words import Words

EVERYTHING = (DataChoice(action=cells.EVERY_USE), DataChoice(action=cells.EVERY_SHARE))


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One switch."""

    key: str
    data: str
    purpose: str
    allowed: bool
    since: int  # UTC second of what the person said; 0 for nothing
    agreed: bool  # they said yes, whatever the gate answers
    offered: bool  # may be turned on here
    express: bool  # in express words


def block(
    house: House, person: int, brand: str, spoken: Words, offered: dict[Handling, bool] | None = None
) -> dict[str, Any]:
    """What a page shows of uses and recipients: switches by what is done; `offered` are those to turn on here."""
    grouped: dict[str, list[Line]] = {}
    for one in data_choices.view(house, person, brand):
        asked = Handling(brand=brand, purpose=one.purpose, action=one.action, category=one.category)
        line = Line(
            key=key_of(asked),
            data=naming.data(house.workspace, asked, spoken),
            purpose=naming.purpose(house.workspace, one.purpose, spoken),
            allowed=one.allowed,
            since=one.since,
            agreed=one.said == "yes",
            offered=asked in (offered or {}),
            express=(offered or {}).get(asked, False),
        )
        grouped.setdefault(naming.handled(house.workspace, one.action, spoken), []).append(line)
    return {"uses": list(grouped.items())}


def key_of(asked: Handling) -> str:
    """A switch in a form. None of its parts has a stroke in it."""
    return f"{asked.purpose}|{asked.action}|{asked.category}"


def turned_off(visit: Visit, person: int, brand: str, brands: Sequence[str]) -> tuple[int, ...]:
    """Record what a form turned off, or rules out for good for `brands`; the log positions."""
    house, context = visit.house, visit.context(visit.words())
    if visit.one("data-stop"):
        return tuple(
            position
            for one in brands
            for position in data_choices.refuse(house, person, one, EVERYTHING, context, objected=True)
        )
    was, on = set(visit.all("was-data")), set(visit.all("data"))
    known = [one for one in data_choices.declared(house, brand) if key_of(one) in was - on]
    return data_choices.refuse(house, person, brand, [_choice(one) for one in known], context)


def show(visit: Visit) -> Answer:
    """The switches in a session of one's own data."""
    return _page(visit, requests.guest(visit))


def change(visit: Visit) -> Answer:
    """Turn off, and turn on, what was moved in a session."""
    held = requests.signed(visit)
    house = visit.house
    made = turned_off(visit, held.person, held.brand, (held.brand,))
    trouble: tuple[str, ...] = ()
    ticked = set(visit.all("data")) - set(visit.all("was-data"))
    if not visit.one("data-stop"):
        wanted = data_choices.open_to_yes(house, held.person, held.brand) if ticked else {}
        trouble = _withdrawn(visit, held, ticked - {key_of(one) for one in wanted})
        for express in (False, True):
            said = [_choice(one) for one, how in wanted.items() if how is express and key_of(one) in ticked]
            done, changed = _allowed(visit, held, said, express=express)
            made += done
            trouble = ("text_changed",) if changed else trouble
    page = _page(
        visit,
        held,
        saved=bool(made) or not trouble,
        trouble=trouble,
        receipts=confirming.downloads(house, made),
    )
    return msgspec.structs.replace(page, status=409) if trouble else page


def _allowed(
    visit: Visit, held: Guest, said: Sequence[DataChoice], *, express: bool
) -> tuple[tuple[int, ...], bool]:
    """Record each Yes whose wording holds: the log positions, and whether another one's has changed."""
    house, marks = visit.house, tuple(visit.all("shown"))
    context = visit.context(visit.words())
    made: tuple[int, ...] = ()
    changed = False
    for one in said:
        try:
            made += data_choices.allow(house, held.word, [one], context, express=express, marks=marks)
        except errors.NoticeChanged:
            changed = True
    return made, changed


def _withdrawn(visit: Visit, held: Guest, keys: set[str]) -> tuple[str, ...]:
    """What is said of switches that were turned on and are not offered any more because their wording changed."""
    house = visit.house
    purposes = [one.purpose for one in data_choices.declared(house, held.brand) if key_of(one) in keys]
    stale = any(one.mark not in visit.all("shown") for one in naming.notices(house, purposes))
    return ("text_changed",) if stale else ()


def _choice(asked: Handling) -> DataChoice:
    return DataChoice(action=asked.action, purpose=asked.purpose, category=asked.category)


def _page(visit: Visit, held: Guest, **saved: Any) -> Page:
    house, spoken = visit.house, visit.words()
    if not data_choices.declared(house, held.brand):
        raise gone()
    offered = data_choices.open_to_yes(house, held.person, held.brand)
    values: dict[str, Any] = {
        "saved": False,
        "trouble": (),
        "receipts": [],
        "csrf": held.csrf(house),
        "notices": naming.notices(house, [one.purpose for one in offered]),
        **block(house, held.person, held.brand, spoken, offered),
    }
    return Page(template="data", words=spoken, brand=held.brand, values=values | saved)
