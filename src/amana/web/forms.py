"""Hosted forms: where somebody says yes, having been told what to.

Rule. A form shows the published notice in the visitor's language and one switch for each purpose and channel, all off. It
asks for the address that the switches need and for the fields that its capture point names, no more. Nothing is shown if
nothing is published. Who sends it gets the same answer whether the address is known or not. A robot that fills what
nobody sees gets that answer too, and nothing happens. Where an age counts, the month of birth is asked first and plainly;
whoever may not consent alone is asked for their guardian's address instead of their own. A form in a frame is the same
form. Advertising audiences are not offered to a browser that says no to them (Sec-GPC). Anybody can type anybody's
address here: it is confirmed by its holder, also where the capture point says that addresses are proved (`confirmed`).
The form carries the marks of the wording it shows (`core.shown`); one that does not hold any more is shown again as it is
now, with what was typed, and its switches are off again: nobody said yes to it yet.
"""

from __future__ import annotations

from typing import Any

import msgspec

from amana import errors
from amana.core import qr, regimes
from amana.core.cells import CHANNEL_OF_CODE
from amana.core.vocabulary import POINT_OF_CHANNEL, Channel, PointKind
from amana.core.workspace import CapturePoint
from amana.services.collection import ages, capture
from amana.services.collection.ages import Standing
from amana.services.collection.capture import Choice, Submission
from amana.services.record import links
from amana.services.record.house import House
from amana.storage import register
from amana.web import naming
from amana.web import visit as visits
from amana.web.naming import Notice
from amana.web.visit import Answer, Page, Plain, Visit
from amana.web.words import LANGUAGES, Words

HOSTED = frozenset({"form", "store"})
TRAP = "website"  # a field that nobody sees
LONGEST = 200  # characters of a value
OLDEST = 120  # years


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One form of one brand."""

    point: str
    kind: CapturePoint
    brand: str
    notices: tuple[Notice, ...]
    choices: tuple[Choice, ...]
    fields: tuple[str, ...]
    ages: bool  # an age counts for something here


def show(visit: Visit) -> Answer:
    """The form."""
    return _form(visit, _offer(visit), framed=False)


def embedded(visit: Visit) -> Answer:
    """The form for a frame on another site."""
    return _form(visit, _offer(visit), framed=True)


def code(visit: Visit) -> Answer:
    """A QR code of the form's address, for print."""
    offer = _offer(visit)
    address = links.form(visit.house, offer.point, visit.query.get("lang", ""))
    return Plain(body=qr.svg(address).encode(), media="image/svg+xml", cached=3600, shared=True)


def send(visit: Visit) -> Answer:
    """Take the form. What is missing or wrong is said beside it, with everything typed still there."""
    offer = _offer(visit)
    framed = visit.one("framed") == "yes"
    if visit.one(TRAP):
        return _sent(visit, offer, "", framed=framed)
    said, trouble = _read(visit, offer)
    if unread := _unread(visit, offer, said):
        return _again(visit, offer, said, unread, framed=framed)
    if not trouble and offer.ages and not ages.is_birth(visit.house, _born(visit)):
        trouble = ("birth_missing",)
    if not trouble:
        step = _age(visit, offer, said)
        if step is Standing.NEVER:
            # It shows no notice, so that the languages of notices do not bind it.
            return Page(template="too_young", words=visit.words(), brand=offer.brand, framed=framed)
        if step is Standing.WITH_GUARDIAN and not said.guardian:
            said = msgspec.structs.replace(said, guardian=True, email="", phone="")
            return _form(visit, offer, framed=framed, said=said)
        trouble = _addresses(said)
    if not trouble:
        try:
            answered = capture.submit(visit.house, said)
        except errors.NoticeChanged:  # published since the look above
            return _again(visit, _offer(visit), said, {one.purpose for one in said.choices}, framed=framed)
        except errors.BadInput:
            trouble = ("bad_address",)
        else:
            return _sent(visit, offer, answered.handle, said, framed=framed)
    return _form(visit, offer, framed=framed, said=said, trouble=trouble)


# ---- what is offered ------------------------------------------------------------------------------------------------


def _offer(visit: Visit) -> Offer:
    house, name = visit.house, visit.part
    point = house.workspace.capture_points.get(name)
    if point is None or point.kind not in HOSTED:
        raise visits.gone()
    brand = visit.query.get("brand") or visit.one("brand") or next(iter(house.workspace.brands))
    if brand not in house.workspace.brands:
        raise visits.gone()
    notices = _notices(house, point)
    channels = {
        Choice(purpose=purpose, channel=channel)
        for one in notices
        for purpose in one.purposes
        if purpose in house.workspace.purposes  # published since this file was read, it may name others
        for channel in house.workspace.purposes[purpose].channels
        if channel.value in one.channels and _can_be_asked(channel, gpc=visit.gpc)
    }
    order = list(CHANNEL_OF_CODE.values())
    names = list(house.workspace.purposes)
    choices = sorted(channels, key=lambda one: (names.index(one.purpose), order.index(one.channel)))
    purposes = {one.purpose for one in choices}
    fields = [one for one in point.fields if purposes & set(house.workspace.fields[one].purposes)]
    return Offer(
        point=name,
        kind=point,
        brand=brand,
        notices=notices,
        choices=tuple(choices),
        fields=tuple(
            one for one in fields if house.workspace.fields[one].means not in ("guardian", "language")
        ),
        ages=any(house.workspace.purposes[one].min_age for one in purposes)
        or any(house.workspace.fields[one].means == "birth_date" for one in fields),
    )


def _can_be_asked(channel: Channel, *, gpc: bool) -> bool:
    """Channels whose address a form can ask for; no advertising audience where the browser refuses them."""
    if channel is Channel.ADS_AUDIENCE:
        return not gpc
    return POINT_OF_CHANNEL[channel] in (PointKind.EMAIL, PointKind.PHONE)


def _notices(house: House, point: CapturePoint) -> tuple[Notice, ...]:
    """The published notices that the form shows. Raises NotFound if one is missing: nothing is asked unexplained."""
    with house.database.read() as connection:
        latest = {one.id: one for one in register.notice_versions(connection)}
    wanted = [point.notice] if point.notice else [one.notice for one in house.workspace.purposes.values()]
    if any(name not in latest for name in wanted):
        raise visits.gone()
    return tuple(naming.notice(latest[name]) for name in dict.fromkeys(wanted))


# ---- what was sent --------------------------------------------------------------------------------------------------


def _read(visit: Visit, offer: Offer) -> tuple[Submission, tuple[str, ...]]:
    """The submission as sent, and what is missing in it."""
    spoken = _words(visit, offer)
    on = set(visit.all("choice"))
    choices = tuple(one for one in offer.choices if key_of(one) in on)
    fields = {name: visit.one(f"field-{name}")[:LONGEST] for name in offer.fields}
    birth, country = _means(visit.house, "birth_date"), _means(visit.house, "residence")
    if offer.ages and birth:
        fields[birth] = _born(visit)
    if country and (offer.ages or country in fields):
        fields[country] = visit.one("country")[:LONGEST]
    if _means(visit.house, "language"):
        fields[_means(visit.house, "language")] = spoken.language
    said = Submission(
        capture_point=offer.point,
        brand=offer.brand,
        choices=choices,
        email=visit.one("email")[:LONGEST],
        phone=visit.one("phone")[:LONGEST],
        country=_phone_country(visit, fields.get(country, "")),
        fields={name: value for name, value in fields.items() if value},
        context=visit.context(spoken),
        guardian=visit.one("guardian") == "yes" and offer.ages,
        public=True,
        shown=tuple(visit.all("shown")),
    )
    return said, () if choices else ("nothing_chosen",)


def _unread(visit: Visit, offer: Offer, said: Submission) -> set[str]:
    """The purposes that were switched on under a wording that does not hold any more; those not offered now included."""
    with visit.house.database.read() as connection:
        held = capture.still_shown(visit.house, connection, said)
    unread = {one.purpose for one in said.choices if one not in held}
    if any(one.mark not in visit.all("shown") for one in offer.notices):
        offered = {key_of(one) for one in offer.choices}
        unread |= {one.partition(":")[0] for one in visit.all("choice") if one not in offered}
    return unread


def _age(visit: Visit, offer: Offer, said: Submission) -> Standing | None:
    """Whether the visitor may consent alone; None where no age counts. Leaves what the purpose is not meant for."""
    if not offer.ages:
        return None
    born = _born(visit)
    years = ages.years_now(visit.house, born)
    if any(years < visit.house.workspace.purposes[one.purpose].min_age for one in said.choices):
        return Standing.NEVER
    return ages.standing(visit.house, born, visit.one("country"))


def _born(visit: Visit) -> str:
    """The month of birth as typed, `YYYY-MM`."""
    return f"{visit.one('birth-year')}-{visit.one('birth-month').zfill(2)}"


def _addresses(said: Submission) -> tuple[str, ...]:
    """Which address a choice needs that was not given."""
    kinds = {POINT_OF_CHANNEL[one.channel] or PointKind.EMAIL for one in said.choices}
    missing = []
    if PointKind.EMAIL in kinds and not said.email:
        missing.append("email_missing")
    if PointKind.PHONE in kinds and not said.phone:
        missing.append("phone_missing")
    return tuple(missing)


def _phone_country(visit: Visit, residence: str) -> str:
    code = regimes.country_code(residence) or visit.house.workspace.organisation.country
    return "GB" if code == "UK" else code


def _means(house: House, meaning: str) -> str:
    """The name of the registered field with a meaning; empty if there is none."""
    return next((name for name, one in house.workspace.fields.items() if one.means == meaning), "")


# ---- pages ----------------------------------------------------------------------------------------------------------


def _words(visit: Visit, offer: Offer) -> Words:
    """The visitor's language among those that every notice shown is written in."""
    offered = [
        one
        for one in visit.house.workspace.organisation.languages
        if one in LANGUAGES and all(one in notice.text for notice in offer.notices)
    ]
    written = [one for one in LANGUAGES if all(one in notice.text for notice in offer.notices)]
    return visit.words(offered=tuple(offered or written))


def _form(
    visit: Visit, offer: Offer, *, framed: bool, said: Submission | None = None, trouble: tuple[str, ...] = ()
) -> Page:
    this_year = ages.year(visit.house)
    values: dict[str, Any] = {
        "said": said,
        "trouble": trouble,
        "on": {key_of(one) for one in said.choices} if said else set(),
        "kinds": {POINT_OF_CHANNEL[one.channel] or PointKind.EMAIL for one in offer.choices},
        "PointKind": PointKind,
        "years": range(this_year, this_year - OLDEST, -1),
        "birth": _means(visit.house, "birth_date"),
        "country": _means(visit.house, "residence"),
        "born": _born(visit),
        "lives": visit.one("country"),
    }
    return _page(visit, offer, "form", framed=framed, status=400 if trouble else 200, **values)


def _again(visit: Visit, offer: Offer, said: Submission, unread: set[str], *, framed: bool) -> Page:
    """The form with its text as it is now: what was typed is still there, the yes to the earlier text is not."""
    kept = tuple(one for one in said.choices if one.purpose not in unread)
    said = msgspec.structs.replace(said, choices=kept)
    page = _form(visit, offer, framed=framed, said=said, trouble=("text_changed",))
    return msgspec.structs.replace(page, status=409)


def _sent(visit: Visit, offer: Offer, handle: str, said: Submission | None = None, *, framed: bool) -> Page:
    kinds = {POINT_OF_CHANNEL[one.channel] or PointKind.EMAIL for one in said.choices} if said else set()
    return _page(
        visit,
        offer,
        "sent",
        framed=framed,
        handle=handle,
        mailed=PointKind.EMAIL in kinds or not kinds,
        texted=PointKind.PHONE in kinds,
        guardian=said.guardian if said else False,
        trouble=(),
    )


def _page(
    visit: Visit, offer: Offer, template: str, *, framed: bool, status: int = 200, **values: Any
) -> Page:
    spoken = _words(visit, offer)
    shown = {
        "offer": offer,
        "name_purpose": lambda name: naming.purpose(visit.house.workspace, name, spoken),
        "name_channel": spoken.channel,
        "name_field": lambda name: naming.field(visit.house.workspace, name, spoken),
        "meaning": lambda name: visit.house.workspace.fields[name].means,
        "key_of": key_of,
    }
    return Page(
        template=template,
        words=spoken,
        values=shown | values,
        status=status,
        brand=offer.brand,
        framed=framed,
    )


def key_of(choice: Choice) -> str:
    """A choice as a form spells it."""
    return f"{choice.purpose}:{choice.channel.value}"
