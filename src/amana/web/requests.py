"""A person's requests: asked for on the page of one's own data, followed there and by a link.

Rule.
- Asking needs the session that a fresh proof opened, so that what is asked here runs at once. What cannot be undone, an
  erasure, and what needs values, a correction, are asked for on a page of their own.
- A session proves who is there, not what was asked in their name before it began: what shows or stops something goes
  on by itself, what erases or changes waits until the person says on its page that it is theirs, or takes it back.
- A request is told in stages, with its day and what is left until then. Systems are counted and never named.
- A link to one request (`/q/…`) shows how it stands and can do nothing. Copies are fetched in a session only, and
  each fetch is recorded.
"""

from __future__ import annotations

import hmac
from typing import Any

from amana import errors
from amana.core import state as states
from amana.core.rights import Asker, Identity, Kind, Status, Via
from amana.services.choices import own_data
from amana.services.choices.own_data import Guest, Mine
from amana.services.collection import fields as registered
from amana.services.record.house import House
from amana.services.rights import copies, following, requests
from amana.services.rights.following import Standing
from amana.services.rights.requests import Said
from amana.storage.requests import RequestRow
from amana.web import naming
from amana.web import visit as visits
from amana.web.visit import Answer, Page, Plain, Visit
from amana.web.words import Words

ACTOR = "the person"
KINDS = (
    Kind.ACCESS,
    Kind.PORTABILITY,
    Kind.RECTIFICATION,
    Kind.RESTRICTION,
    Kind.OBJECTION,
    Kind.WITHDRAWAL,
    Kind.ERASURE,
)
"""In the order in which they are offered: what shows first, what erases last."""
ON_A_PAGE = frozenset({Kind.ERASURE, Kind.RECTIFICATION})
"""Kinds that are asked for, and confirmed, on a page of their own."""
BY_ITSELF = tuple(one for one in Kind if one not in ON_A_PAGE)
"""Kinds that go on when a session begins."""
LISTED = 20  # requests on the page of one's own data


def guest(visit: Visit) -> Guest:
    """Whose session it is. Raises NotFound for none."""
    return own_data.guest(visit.house, visit.cookie)


def signed(visit: Visit) -> Guest:
    """Whose session a form comes from. Raises BadInput for a form without the session's word."""
    held = guest(visit)
    if not hmac.compare_digest(visit.one("csrf").encode(), held.csrf(visit.house).encode()):
        raise errors.BadInput("The form did not come from this session", remedy="open the page again")
    return held


def begun(house: House, held: Guest) -> None:
    """A session began: what waited for the proof, and harms nobody, goes on."""
    requests.prove(house, held.person, Identity.STEPPED_UP, actor=ACTOR, kinds=BY_ITSELF)


def block(house: House, held: Guest) -> dict[str, Any]:
    """What the page of one's own data shows of requests."""
    rows = requests.of_person(house, held.person)
    return {
        "asked": [following.standing(house, row) for row in rows[:LISTED]],
        "kinds": [(one.value, one in ON_A_PAGE) for one in KINDS],
        "to_confirm": {row.ref for row in rows if _waits_for_yes(row)},
    }


def fields(house: House, mine: Mine, spoken: Words) -> list[tuple[str, str, str, str, bool]]:
    """Registered fields as a form shows them: name, label, value, meaning, and whether the person may change it."""
    return [
        (
            name,
            naming.field(house.workspace, name, spoken),
            mine.fields[name],
            one.means,
            one.means not in own_data.FIXED,
        )
        for name, one in house.workspace.fields.items()
    ]


# ---- asking -----------------------------------------------------------------------------------------------------


def offer(visit: Visit) -> Answer:
    """What a kind means, and the button that asks for it."""
    return _offer(visit, guest(visit), _kind(visit))


def ask(visit: Visit) -> Answer:
    """Ask for it; how the request stands."""
    held, kind = signed(visit), _kind(visit)
    if kind is Kind.ERASURE and not visit.one("sure"):
        return _offer(visit, held, kind)
    corrections: dict[str, str] = {}
    if kind is Kind.RECTIFICATION:
        corrections, trouble = _corrections(visit, held)
        if trouble:
            return _offer(visit, held, kind, trouble=(trouble,))
    row = requests.open_(visit.house, _said(visit, held, kind, corrections), actor=ACTOR)
    return _request(visit, held, row)


def _said(visit: Visit, held: Guest, kind: Kind, corrections: dict[str, str]) -> Said:
    state = requests.people_here(visit.house, [held.person])[held.person]
    return Said(
        kind=kind,
        via=Via.CENTRE,
        asker=Asker.GUARDIAN if states.attribute(state, "guardian") == "yes" else Asker.PERSON,
        language=visit.words().language,
        person=held.person,
        corrections=corrections,
        proved=Identity.STEPPED_UP,
    )


def _corrections(visit: Visit, held: Guest) -> tuple[dict[str, str], str]:
    """The new values by category, and what is wrong with them."""
    house = visit.house
    before = own_data.show(house, held.person).fields
    moved = {
        name: value
        for name, one in house.workspace.fields.items()
        if one.means not in own_data.FIXED
        and f"field-{name}" in dict(visit.form)
        and (value := visit.one(f"field-{name}")) != before[name]
    }
    if not moved:
        return {}, "nothing_corrected"
    too_long = any(len(value) > own_data.LONGEST for value in moved.values())
    if too_long or registered.read(house.workspace, moved).wrong:
        return {}, "value_wrong"
    return {house.workspace.fields[name].category: value for name, value in moved.items()}, ""


def _offer(visit: Visit, held: Guest, kind: Kind, trouble: tuple[str, ...] = ()) -> Page:
    spoken, house = visit.words(), visit.house
    values: dict[str, Any] = {"kind": kind.value, "csrf": held.csrf(house), "trouble": trouble, "fields": []}
    if kind is Kind.RECTIFICATION:
        values["fields"] = fields(house, own_data.show(house, held.person), spoken)
    return Page(template="ask", words=spoken, brand=held.brand, values=values, status=400 if trouble else 200)


def _kind(visit: Visit) -> Kind:
    try:
        return Kind(visit.part)
    except ValueError:
        raise visits.gone() from None


# ---- following --------------------------------------------------------------------------------------------------


def show(visit: Visit) -> Answer:
    """One request, in a session."""
    held = guest(visit)
    return _request(visit, held, _own(visit, held))


def change(visit: Visit) -> Answer:
    """Take a request back, or say that it is one's own."""
    held = signed(visit)
    row = _own(visit, held)
    if visit.one("cancel"):
        requests.cancel(visit.house, row.ref, actor=ACTOR)
    elif visit.one("sure"):
        requests.prove(visit.house, held.person, Identity.STEPPED_UP, actor=ACTOR, ref=row.ref)
    return _request(visit, held, requests.get(visit.house, row.ref))


def copy(visit: Visit) -> Answer:
    """The copy of a request as files in one archive."""
    held = guest(visit)
    row = _own(visit, held)
    package = copies.package(visit.house, row, actor=own_data.THEMSELVES)
    return Plain(body=copies.zipped(package), media="application/zip", download=f"{row.ref}.zip")


def copy_page(visit: Visit) -> Answer:
    """The copy as a page to read, which runs and loads nothing."""
    held = guest(visit)
    package = copies.package(visit.house, _own(visit, held), actor=own_data.THEMSELVES)
    return Plain(body=copies.page(package).encode(), media="text/html", reading=True)


def copy_pdf(visit: Visit) -> Answer:
    """The copy as a PDF. Raises NotFound where this machine cannot make one: the page can be printed."""
    held = guest(visit)
    row = _own(visit, held)
    try:
        printed = copies.printed(visit.house, row, actor=own_data.THEMSELVES)
    except errors.BadSettings:
        raise visits.gone() from None
    except errors.NotNow as slow:
        raise errors.Busy("The printer is busy", remedy="try again, or read the page") from slow
    return Plain(body=printed, media="application/pdf", download=f"{row.ref}.pdf")


def follow(visit: Visit) -> Answer:
    """How one request stands, by its link."""
    row = following.opened(visit.house, visit.part)
    spoken = visit.words(row.language)
    brand = row.brand or next(iter(visit.house.workspace.brands))
    standing = following.standing(visit.house, row)
    return Page(template="follow", words=spoken, brand=brand, values=_values(standing))


def _request(visit: Visit, held: Guest, row: RequestRow) -> Page:
    values = _values(following.standing(visit.house, row)) | {
        "reason": following.reason(visit.house, row),
        "to_confirm": _waits_for_yes(row),
        "follow": following.word(visit.house, row.ref),
        "csrf": held.csrf(visit.house),
    }
    return Page(template="request", words=visit.words(), brand=held.brand, values=values)


def _values(standing: Standing) -> dict[str, Any]:
    return {"one": standing, "is_open": not standing.ended}


def _own(visit: Visit, held: Guest) -> RequestRow:
    """A request of the session's own person. Raises NotFound for anybody else's, as for none."""
    row = next((one for one in requests.of_person(visit.house, held.person) if one.ref == visit.part), None)
    if row is None:
        raise visits.gone()
    return row


def _waits_for_yes(row: RequestRow) -> bool:
    return row.status == Status.VERIFYING.value and Kind(row.kind) in ON_A_PAGE
