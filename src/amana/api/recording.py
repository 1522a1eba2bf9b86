"""Recording: what people said, told by another system; and captures that they confirm themselves.

Rule. `/v1/events` relays: refusals and preferences count at once, grants only with evidence, and a relayed grant never
lifts a refusal. `/v1/captures` is the way to a permission of the person's own: it is confirmed by message or code; only
a key with `capture:<point>` may use a capture point that proves the address itself. Either may say which wording of a
notice was shown, by version and hash; a yes belongs to that one or is not taken (`core.shown`). All words of a request
are read before anything of it is recorded. Requests that hold nothing but refusals are never limited, and neither is
leaving with the token of a message, which needs no key.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec
from litestar import Response, post
from litestar.exceptions import PermissionDeniedException
from litestar.params import JSONBody

from amana import errors
from amana.api import decisions, guarding
from amana.api.desk import Desk
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.core import shown, workspace
from amana.core.statements import ANY, Interval, PersonRow, Statement
from amana.core.vocabulary import REFUSING, Actor, Channel, Status
from amana.services.collection import capture, preferences, telling
from amana.storage import register

MOST = 500  # statements in one request


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """A person's own pace and times. What is left out stays as it is."""

    paused_until: str | None = None  # RFC 3339
    hours: int | None = None  # bit mask of local hours 0-23
    days: int | None = None  # bit mask of weekdays, bit 0 Monday
    per_month: int | None = None
    topics_off: tuple[str, ...] | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One statement about one person, named by id, address or number."""

    brand: str
    person: str = ""  # p12
    email: str = ""
    phone: str = ""
    status: Status | None = (
        None  # given, refused, withdrawn, objected, unknown …; left out for preferences alone
    )
    purpose: str = ANY
    channel: str = ANY  # one of the channels, or * in a refusal
    occurred: str = ""  # RFC 3339; a grant without one proves nothing
    proof: tuple[str, ...] = ()  # evidence checks that are documented, by name
    evidence: str = ""  # reference to the document; never a personal value
    notice: str = ""  # id@version shown; with #hash, it is that wording or none
    preferences: Pace | None = None


class SaidAll(msgspec.Struct, frozen=True, kw_only=True):
    """Statements, recorded in order."""

    events: tuple[Said, ...]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one statement: its log positions, each with a receipt; and what could not be taken."""

    events: tuple[int, ...]
    rejected: tuple[str, ...] = ()


class RecordedAll(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each statement."""

    recorded: tuple[Recorded, ...]


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """One switch that was turned on."""

    purpose: str
    channel: Channel


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor of a form, a shop or an app said yes to."""

    capture_point: str
    brand: str
    choices: tuple[Chosen, ...]
    email: str = ""
    phone: str = ""
    country: str = ""  # ISO 3166-1 alpha-2: where they live, unless `fields` says it; reads a national number
    fields: dict[str, str] = {}
    language: str = "en"
    page: str = ""
    shown: tuple[str, ...] | None = None  # notices shown, id@version#hash each; left out: the latest


class CaptureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The same for everybody who sends the same: a confirmation is on its way, or the grants' log positions."""

    pending: bool
    events: tuple[int, ...] = ()


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """The token of a confirmation's link."""

    token: str


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """The token of a message; everything of the brand, or what the message was for."""

    token: str
    everything: bool = False


class Positions(msgspec.Struct, frozen=True, kw_only=True):
    """Log positions; each has a receipt."""

    events: tuple[int, ...]


@post("/v1/events", status_code=200, guards=[needs("record")], security=SECURED, responses=answers())
async def record(request: AnyRequest, data: JSONBody[SaidAll], desk: TheDesk) -> Response[RecordedAll]:
    """Relay refusals, preferences and grants."""
    caller = caller_of(request)
    if not data.events or len(data.events) > MOST:
        raise errors.BadInput("Too few or too many statements", expected=f"1 to {MOST}")
    if any(one.status not in REFUSING for one in data.events):
        guarding.limited(request)
    for said in data.events:
        guarding.speaks_for(caller, said.brand)
    await desk.run(_check_all, desk, data.events)
    source, page = f"api/{caller.name}", f"api/{caller.name}"
    context = request.headers.get("idempotency-key", "").encode() or desk.house.random(16)

    def work() -> RecordedAll:
        return RecordedAll(
            recorded=tuple(
                _one(desk, source, page, said, caller.digest + context + b"/%d" % number)
                for number, said in enumerate(data.events, start=1)
            )
        )

    return guarding.ready(await guarding.once(desk, request, work))


@post("/v1/captures", status_code=200, guards=[needs("capture")], security=SECURED, responses=answers())
async def submit(request: AnyRequest, data: JSONBody[Captured], desk: TheDesk) -> Response[CaptureAnswer]:
    """Hand in a capture: the holder of the address is asked to confirm, unless the capture point proves it."""
    caller = caller_of(request)
    guarding.speaks_for(caller, data.brand)
    point = desk.house.workspace.capture_points.get(data.capture_point)
    named = caller.may(f"capture:{data.capture_point}")
    if not named and (not caller.may("capture") or (point is not None and point.confirmed)):
        raise PermissionDeniedException("This key may not use that capture point")
    _word("brand", data.brand, desk.house.workspace.brands)
    said = capture.Submission(
        capture_point=data.capture_point,
        brand=data.brand,
        choices=tuple(capture.Choice(purpose=one.purpose, channel=one.channel) for one in data.choices),
        email=data.email,
        phone=data.phone,
        country=data.country,
        fields=_with_residence(desk, data),
        context=capture.Context(
            agent=f"api/{caller.name}", language=data.language[:16], page=data.page[:200]
        ),
        shown=data.shown,
    )

    def work() -> CaptureAnswer:
        done = capture.submit(desk.house, said)
        return CaptureAnswer(pending=done.pending, events=done.events)

    return guarding.ready(await guarding.once(desk, request, work))


def _with_residence(desk: Desk, data: Captured) -> dict[str, str]:
    """The fields of a capture; its country is the residence where the workspace keeps one and nothing else is said."""
    kept = next((name for name, one in desk.house.workspace.fields.items() if one.means == "residence"), "")
    if not kept or not data.country or data.fields.get(kept, "").strip():
        return data.fields
    return {**data.fields, kept: data.country}


@post(
    "/v1/captures/confirm", status_code=200, guards=[needs("capture")], security=SECURED, responses=answers()
)
async def confirm(request: AnyRequest, data: JSONBody[Confirmed], desk: TheDesk) -> Positions:
    """Spend a confirmation's token: the holder of the address followed its link in an app."""
    context = capture.Context(agent=f"api/{caller_of(request).name}")
    granted = await desk.run(capture.confirm, desk.house, data.token, context)
    return Positions(events=granted.events)


@post("/v1/withdrawals", status_code=200, responses=answers(401, 403))
async def leave(request: AnyRequest, data: JSONBody[Leaving], desk: TheDesk) -> Positions:
    """Leave with the token of a message: no key, no limit, at once."""
    try:
        events = await desk.run(telling.left, desk.house, data.token, data.everything, "api/withdrawals")
    except errors.NotFound:
        guarding.limited(request)
        raise
    return Positions(events=events)


def _one(desk: Desk, source: str, page: str, said: Said, context: bytes) -> Recorded:
    if not said.person:
        statement = _statement(msgspec.structs.replace(said, notice=_on_record(desk, said.notice)))
        row = PersonRow(part="", line=1, email=said.email, phone=said.phone, statements=(statement,))
        done = telling.rows(desk.house, source, said.brand, [row], context)[0]
        return Recorded(events=done.events, rejected=done.rejected)
    person = decisions.person_id(said.person)
    positions: tuple[int, ...] = ()
    if said.status is not None:
        objected = said.status is Status.OBJECTED
        positions = telling.refused_by_id(
            desk.house, person, said.brand, said.purpose, said.channel, objected=objected, page=page
        )
    if said.preferences is not None:
        context_said = capture.Context(page=page)
        wanted = _change(said.preferences)
        positions += preferences.change(desk.house, person, said.brand, wanted, context_said).events
    return Recorded(events=positions)


def _on_record(desk: Desk, notice: str) -> str:
    """The notice that a statement names: one named with its hash is known only if that is the wording on record."""
    name, hashed, _ = notice.partition("#")
    if not hashed:
        return notice
    with desk.house.database.read() as connection:
        versions = register.notice_versions(connection)
    return name if any(shown.mark(one) == notice for one in versions) else notice


def _statement(said: Said) -> Statement:
    when = decisions.moment(said.occurred or None)
    return telling.supported(
        Statement(
            status=said.status or Status.UNKNOWN,
            purpose=said.purpose,
            channel=None if said.channel == ANY else Channel(said.channel),
            occurred=None if when is None else Interval(lo=when, hi=when),
            proof=workspace.proof_bits(said.proof),
            actor=Actor.RELAYED,
            notice=said.notice,
        ),
        said.evidence,
    )


def _change(pace: Pace) -> preferences.Change:
    return preferences.Change(
        paused_until=decisions.moment(pace.paused_until),
        hours=pace.hours,
        days=pace.days,
        per_month=pace.per_month,
        topics_off=pace.topics_off,
    )


def _check_all(desk: Desk, told: tuple[Said, ...]) -> None:
    for said in told:
        _check(desk, said)


def _check(desk: Desk, said: Said) -> None:
    """Refuse a statement that cannot be recorded, before anything of its request is. Raises BadInput, NotFound."""
    definition = desk.house.workspace
    _word("brand", said.brand, definition.brands)
    if said.purpose != ANY:
        _word("purpose", said.purpose, definition.purposes)
    if said.channel != ANY:
        _word("channel", said.channel, [one.value for one in Channel])
    if sum(bool(one) for one in (said.person, said.email or said.phone)) != 1:
        raise errors.BadInput(
            "A statement names nobody, or somebody twice", expected="an id, or an address or number"
        )
    if said.status is None and said.preferences is None:
        raise errors.BadInput("A statement says nothing", expected="a status or preferences")
    try:
        workspace.proof_bits(said.proof)
    except errors.BadWorkspace as unknown:
        raise errors.BadInput("There is no such evidence check", expected=unknown.expected) from None
    if said.person:
        _check_by_id(desk, said)
    else:
        _check_by_address(desk, said)


def _check_by_id(desk: Desk, said: Said) -> None:
    if said.status is not None and said.status not in REFUSING:
        raise errors.BadInput(
            "A grant names the address it was given for", expected="email or phone instead of person"
        )
    if said.preferences is not None:
        pace = _change(said.preferences)
        bounds = ((pace.hours, 1 << 24), (pace.days, 1 << 7), (pace.per_month, 1 << 15))
        if any(value is not None and not 0 <= value < end for value, end in bounds):
            raise errors.BadInput("A preference is out of its bounds", expected="hours < 2^24, days < 2^7")
        for topic in pace.topics_off or ():
            _word("topic", topic, desk.house.workspace.topics)
    telling.known_person(desk.house, decisions.person_id(said.person))


def _check_by_address(desk: Desk, said: Said) -> None:
    if said.preferences is not None:
        raise errors.BadInput("Preferences name the person by id", expected="person instead of an address")
    if said.status not in REFUSING and ANY in (said.purpose, said.channel):
        raise errors.BadInput("A grant names its purpose and its channel", expected="one of each")
    _statement(said)
    telling.readable(desk.house, PersonRow(part="", line=1, email=said.email, phone=said.phone))


def _word(kind: str, word: str, known: Container[str]) -> None:
    if word not in known:
        raise errors.NotFound(
            f"There is no such {kind}", remedy="check the spelling, or add it to amana.toml"
        )


ROUTES = (record, submit, confirm, leave)
