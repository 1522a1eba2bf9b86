"""People and words: what is recorded of a person without contact values, and what the workspace says of itself.

Rule. A person's page holds ids, states and moments, never an address or a name. Identifying values are opened by a POST,
with a scope of its own and an `X-Amana-Purpose` header, because the look is written down before the answer. A receipt
of an event that holds such a value is not given out here. To a key of some brands a receipt is of an event of theirs:
any other position, of another brand, of none (a restriction, an erasure, a notice, a person's address), looks empty.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, HeaderParameter, JSONBody

from amana import errors
from amana.api import decisions
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.core.facts import ALL_DAYS, ALL_HOURS, NO_CAP
from amana.services.collection import preferences, telling
from amana.services.record import receipts, reveal
from amana.storage import register

ALL = "*"
"""The word of a key that speaks for every brand."""


class SwitchTold(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose on one channel."""

    purpose: str
    channel: str
    state: str  # on | pending | off
    since: str = ""  # RFC 3339


class BrandTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a person allows one brand."""

    brand: str
    left: bool
    switches: tuple[SwitchTold, ...]
    topics_off: tuple[str, ...]
    paused_until: str
    hours: int | None  # None: no choice of hours
    days: int | None
    per_month: int | None


class PersonTold(msgspec.Struct, frozen=True, kw_only=True):
    """A person, without contact values."""

    id: str
    brands: tuple[BrandTold, ...]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which values are to be opened: registered sealed fields, or `points`."""

    fields: tuple[str, ...]


class PointTold(msgspec.Struct, frozen=True, kw_only=True):
    """One contact point."""

    kind: str
    value: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """Identifying values; that they were looked at is on record."""

    id: str
    points: tuple[PointTold, ...]
    fields: dict[str, str]


class NoticeTold(msgspec.Struct, frozen=True, kw_only=True):
    """A published version of a notice."""

    id: str
    version: str
    hash: str
    material: bool
    content: dict[str, object]


class PurposeTold(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose of the workspace."""

    name: str
    notice: str
    channels: tuple[str, ...]
    category: str


class PointOfCapture(msgspec.Struct, frozen=True, kw_only=True):
    """A capture point of the workspace."""

    name: str
    kind: str
    notice: str
    confirmed: bool


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The words that requests may use."""

    brands: tuple[str, ...]
    purposes: tuple[PurposeTold, ...]
    topics: dict[str, dict[str, str]]
    capture_points: tuple[PointOfCapture, ...]


@get("/v1/people/{person:str}", guards=[needs("read")], security=SECURED, responses=answers(409, 413, 415))
async def person_told(request: AnyRequest, person: FromPath[str], desk: TheDesk) -> PersonTold:
    """What is recorded of a person for the key's brands: states in words, no contact values."""
    caller, number = caller_of(request), decisions.person_id(person)

    def work() -> PersonTold:
        telling.known_person(desk.house, number)
        brands = [one for one in desk.house.workspace.brands if caller.speaks_for(one)]
        return PersonTold(
            id=f"p{number}", brands=tuple(_brand(preferences.view(desk.house, number, one)) for one in brands)
        )

    return await desk.run(work)


@post(
    "/v1/people/{person:str}/reveal",
    status_code=200,
    guards=[needs("reveal")],
    security=SECURED,
    responses=answers(),
)
async def open_values(
    request: AnyRequest,
    person: FromPath[str],
    data: JSONBody[Wanted],
    desk: TheDesk,
    purpose: Annotated[str, HeaderParameter(name="X-Amana-Purpose", max_length=200)] = "",
) -> Opened:
    """Open contact values; who looked, and what for, is recorded first."""
    if not purpose.strip() or not data.fields:
        raise errors.BadInput(
            "A look at personal data needs to say what for, and at what",
            expected="an X-Amana-Purpose header, and at least one field",
        )
    actor, number = f"api:{caller_of(request).name}", decisions.person_id(person)

    def work() -> Opened:
        telling.known_person(desk.house, number)
        found = reveal.reveal(desk.house, number, data.fields, actor=actor, purpose=purpose)
        points = tuple(PointTold(kind=kind, value=value) for kind, value in found.points)
        return Opened(id=f"p{number}", points=points, fields=found.fields)

    return await desk.run(work)


@get(
    "/v1/receipts/{position:int}",
    guards=[needs("read")],
    security=SECURED,
    media_type="text/plain",
    responses=answers(413, 415),
)
async def receipt(request: AnyRequest, position: FromPath[int], desk: TheDesk) -> Response[str]:
    """The receipt of an event: a C2SP tlog-proof that anybody can verify offline. Of no brand: for keys of all brands."""
    caller = caller_of(request)
    missing = errors.NotFound("No event is stored at this position", remedy="check it")
    if not 0 <= position < 1 << 62:
        raise missing
    try:
        text = await desk.run(receipts.of, desk.house, position)
    except errors.Conflict:  # an address or a profile stands in it, and both are of no brand
        if caller.speaks_for(ALL):
            raise
        raise missing from None
    except errors.NotFound:
        raise missing from None
    if not caller.speaks_for(receipts.brand_of(text) or ALL):
        raise missing  # another brand's event is no different from none
    return Response(text, media_type="text/plain; charset=utf-8")


@get("/v1/notices", guards=[needs("read")], security=SECURED, responses=answers(404, 409, 413, 415))
async def notices(request: AnyRequest, desk: TheDesk) -> list[NoticeTold]:
    """Every published version of every notice, with its wording."""
    caller_of(request)

    def work() -> list[NoticeTold]:
        with desk.house.database.read() as connection:
            versions = register.notice_versions(connection)
        return [
            NoticeTold(
                id=one.id, version=one.version, hash=one.hash, material=one.material, content=one.content
            )
            for one in versions
        ]

    return await desk.run(work)


@get("/v1/words", guards=[needs("read")], security=SECURED, responses=answers(404, 409, 413, 415))
async def words(request: AnyRequest, desk: TheDesk) -> Words:
    """Brands, purposes, topics and capture points."""
    caller = caller_of(request)
    definition = desk.house.workspace
    return Words(
        brands=tuple(one for one in definition.brands if caller.speaks_for(one)),
        purposes=tuple(
            PurposeTold(
                name=name,
                notice=one.notice,
                channels=tuple(channel.value for channel in one.channels),
                category=one.category,
            )
            for name, one in definition.purposes.items()
        ),
        topics=definition.topics,
        capture_points=tuple(
            PointOfCapture(name=name, kind=one.kind, notice=one.notice, confirmed=one.confirmed)
            for name, one in definition.capture_points.items()
        ),
    )


def _brand(view: preferences.View) -> BrandTold:
    return BrandTold(
        brand=view.brand,
        left=view.left,
        switches=tuple(
            SwitchTold(
                purpose=one.purpose,
                channel=one.channel.value,
                state=one.state,
                since=decisions.stamp(one.since) if one.since else "",
            )
            for one in view.switches
        ),
        topics_off=view.topics_off,
        paused_until=decisions.stamp(view.paused_until) if view.paused_until else "",
        hours=None if view.hours == ALL_HOURS else view.hours,
        days=None if view.days == ALL_DAYS else view.days,
        per_month=None if view.per_month == NO_CAP else view.per_month,
    )


ROUTES = (person_told, open_values, receipt, notices, words)
