"""What scripts of declared sites may ask: banner choices, captures, a token holder's own preferences and decisions.

Rule.
- No key and no cookie. Scripts of the origins in `[web]` may speak with us, and our own pages; any other origin is 403.
  Bodies are JSON under `text/plain`, so that a browser asks no leave first; there is nothing ambient to forge with.
- Decisions and preferences are of the one person whose token or session word is shown: nobody learns here whether an
  address is known. A capture's answer is the same for everybody.
- `Sec-GPC: 1`, or `gpc: true` from the script, switches off what sells data, whatever was chosen.
- A No with a good token is never limited, in requests of at most `MOST_ENTRIES`; everything else counts against the
  visitor's address.
- A yes may say which wording was shown; where that does not hold any more it is a 409 (`notice_changed`), and every No
  of the same request is taken all the same.
- A yes that a site's own page took shows what `[web]` says that such pages show, and no more (`capture.SITE`).
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.exceptions import PermissionDeniedException

from amana import errors
from amana.api import decisions, guarding, origins
from amana.api.decisions import Action, Ask, Asker, Resource, Subject
from amana.api.desk import Desk
from amana.api.guarding import AnyRequest, TheDesk
from amana.core.statements import ANY
from amana.core.vocabulary import Channel
from amana.services.choices import data_choices, web_signals
from amana.services.choices.data_choices import DataChoice
from amana.services.choices.web_signals import Known
from amana.services.collection import capture, preferences
from amana.services.collection.capture import Choice, Context
from amana.services.record.api_keys import Caller

MOST_ENTRIES = 100
"""Of each list of a request about preferences, the same one said twice included."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """Segment's form of a choice; a category that is missing is off."""

    categoryPreferences: dict[str, Any] = {}  # noqa: N815  the field's name at Segment


class SegmentContext(msgspec.Struct, frozen=True, kw_only=True):
    """Segment's context, as far as it is about consent."""

    consent: Consent = Consent()


class ChoicesSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen on the banner: by category, or in Segment's form."""

    categories: dict[str, Any] = {}  # true is on; everything else is off
    context: SegmentContext = SegmentContext()
    gpc: bool = False
    token: str = ""  # of a message or a session, if the visitor came with one


class RecordShown(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier choice."""

    record: str = ""
    gpc: bool = False
    token: str = ""


class FormSent(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor of a declared site said yes to."""

    capture_point: str
    choices: tuple[Choice, ...]
    brand: str = ""  # empty: the site's
    email: str = ""
    phone: str = ""
    country: str = ""
    fields: dict[str, str] = {}
    language: str = "en"
    gpc: bool = False
    shown: tuple[str, ...] | None = None  # notices shown, id@version#hash each; left out: the latest


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a person changes, or nothing, to see how things stand."""

    token: str
    off: tuple[Choice, ...] = ()
    on: tuple[Choice, ...] = ()  # asked for: a confirmation goes to the address
    leave: bool = False
    refuse: tuple[DataChoice, ...] = ()
    object_to: tuple[DataChoice, ...] = ()
    allow: tuple[DataChoice, ...] = ()  # only with the word of a session
    express: bool = False  # the page asked for an express statement
    shown: tuple[str, ...] | None = None  # notices that were shown beside what is turned on


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """May this be done about the person who holds the token?"""

    token: str
    action: Action


class ContactStands(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose on one channel."""

    purpose: str
    channel: Channel
    state: str


class Stands(msgspec.Struct, frozen=True, kw_only=True):
    """A person's preferences for one brand, without contact values."""

    brand: str
    left: bool
    contact: tuple[ContactStands, ...]
    data: tuple[data_choices.DataSwitch, ...]
    events: tuple[int, ...] = ()  # log positions of what was recorded now


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """One reason of a No."""

    code: str
    sentence: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, without evidence or law: those are for the people who run the site."""

    decision: bool
    reasons: tuple[Why, ...] = ()
    valid_until: str = ""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The same for everybody who sends the same."""

    pending: bool


@post("/web/v1/choices", status_code=200, include_in_schema=False)
async def choose(request: AnyRequest, desk: TheDesk) -> Response[Any]:
    """Take a banner choice; the record of it goes back to the browser."""
    said = await _said(request, desk, ChoicesSaid)
    categories = {**said.context.consent.categoryPreferences, **said.categories}
    chosen = await desk.run(
        lambda: web_signals.choose(desk.house, categories, gpc=said.gpc or _gpc(request), token=said.token)
    )
    return _open(request, chosen)


@post("/web/v1/signals", status_code=200, include_in_schema=False)
async def signals(request: AnyRequest, desk: TheDesk) -> Response[Any]:
    """What an earlier choice means now; without one everything is off."""
    said = await _said(request, desk, RecordShown)
    chosen = await desk.run(
        lambda: web_signals.read(desk.house, said.record, gpc=said.gpc or _gpc(request), token=said.token)
    )
    return _open(request, chosen)


@post("/web/v1/captures", status_code=200, include_in_schema=False)
async def submit(request: AnyRequest, desk: TheDesk) -> Response[Any]:
    """Hand in a form; the holder of the address is asked to confirm."""
    said = await _said(request, desk, FormSent)
    workspace = desk.house.workspace
    point = workspace.capture_points.get(said.capture_point)
    if point is None or point.kind != "form" or point.confirmed:
        raise errors.NotFound("There is no such form", remedy="name a capture point of the kind form")
    brand = said.brand or (workspace.web.brand if workspace.web else "")
    if brand not in workspace.brands:
        raise errors.NotFound("There is no such brand", remedy="check the spelling")
    quiet = said.gpc or _gpc(request)
    handed = capture.Submission(
        capture_point=said.capture_point,
        brand=brand,
        choices=tuple(one for one in said.choices if not (quiet and one.channel is Channel.ADS_AUDIENCE)),
        email=said.email,
        phone=said.phone,
        country=said.country,
        fields=said.fields,
        context=Context(agent="web/sdk", language=said.language[:16], page=_origin(request)[:200]),
        shown=said.shown,
    )
    answered = await desk.run(capture.submit, desk.house, handed)
    return _open(request, Sent(pending=answered.pending))


@post("/web/v1/preferences", status_code=200, include_in_schema=False)
async def prefer(request: AnyRequest, desk: TheDesk) -> Response[Any]:
    """How things stand for the holder of a token, after what they change."""
    try:
        said = _bounded(await _said(request, desk, Wanted))
    except (errors.BadInput, PermissionDeniedException):
        guarding.limited(request)
        raise
    try:
        known = await desk.run(web_signals.holder, desk.house, said.token)
    except errors.NotFound:
        guarding.limited(request)
        raise
    if not (said.off or said.leave or said.refuse or said.object_to) or said.on or said.allow:
        guarding.limited(request)
    context = Context(agent="web/sdk", page=_origin(request)[:200])
    return _open(request, await desk.run(_preferred, desk, known, said, context))


@post("/web/v1/decisions", status_code=200, include_in_schema=False)
async def decide(request: AnyRequest, desk: TheDesk) -> Response[Any]:
    """May this be done about the person who holds the token?"""
    said = await _said(request, desk, Question)
    phrases = decisions.language(request.headers.get("accept-language", ""))

    def work() -> Verdict:
        known = web_signals.holder(desk.house, said.token)
        caller = Caller(
            name="web", brands=frozenset({known.brand}), actions=frozenset({"decide"}), digest=b""
        )
        ask = Ask(
            subject=Subject(type="brand", id=known.brand),
            action=said.action,
            resource=Resource(type="person", id=f"p{known.person}"),
        )
        answer = Asker(desk.gate(), caller, phrases).one(ask)
        return Verdict(
            decision=answer.decision,
            reasons=tuple(Why(code=one.code, sentence=one.sentence) for one in answer.context.reasons),
            valid_until=answer.context.valid_until,
        )

    return _open(request, await desk.run(work))


@get("/web/v1/amana-sdk.js", include_in_schema=False)
async def sdk(request: AnyRequest) -> Response[bytes]:
    """The script for other sites."""
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "public, max-age=86400",
    }
    return Response(_script(), media_type="text/javascript", headers=headers)


@cache
def _script() -> bytes:
    return (resources.files("amana.data") / "web" / "amana-sdk.js").read_bytes()


def _preferred(desk: Desk, known: Known, said: Wanted, context: Context) -> Stands:
    house, person = desk.house, known.person
    brands = list(house.workspace.brands) if known.brand == ANY else [known.brand]
    events: tuple[int, ...] = ()
    unread = False
    for brand in brands:
        if said.off or said.on or said.leave:
            wanted = preferences.Change(off=said.off, on=said.on, leave=said.leave, shown=said.shown)
            made = preferences.change(house, person, brand, wanted, context, point=capture.SITE)
            events, unread = events + made.events, unread or bool(made.unread)
        if said.refuse:
            events += data_choices.refuse(house, person, brand, said.refuse, context, point=capture.SITE)
        if said.object_to:
            events += data_choices.refuse(
                house, person, brand, said.object_to, context, objected=True, point=capture.SITE
            )
    brand = brands[0]
    if said.allow:
        events += data_choices.allow(
            house,
            said.token,
            said.allow,
            context,
            express=said.express,
            point=capture.SITE,
            marks=said.shown,
        )
    if unread:
        raise capture.wording_changed()
    view = preferences.view(house, person, brand)
    return Stands(
        brand=brand,
        left=view.left,
        contact=tuple(
            ContactStands(purpose=one.purpose, channel=one.channel, state=one.state) for one in view.switches
        ),
        data=data_choices.view(house, person, brand),
        events=events,
    )


def _bounded(said: Wanted) -> Wanted:
    """The same with each entry once. Raises BadInput for a list of more than `MOST_ENTRIES`."""
    lists = {
        "off": said.off,
        "on": said.on,
        "refuse": said.refuse,
        "object_to": said.object_to,
        "allow": said.allow,
    }
    for name, entries in lists.items():
        if len(entries) > MOST_ENTRIES:
            raise errors.BadInput(
                f"The list {name} has too many entries",
                expected=f"at most {MOST_ENTRIES}",
                got=str(len(entries)),
                remedy="say the wider thing once, such as use.* or share.*, or send several requests",
            )
    once: dict[str, Any] = {name: tuple(dict.fromkeys(entries)) for name, entries in lists.items()}
    return msgspec.structs.replace(said, **once)


async def _said(request: AnyRequest, desk: Desk, form: type[Any]) -> Any:
    """The body, of a script that may speak here. Raises BadInput, PermissionDeniedException."""
    origin = _origin(request)
    if origin and not origins.are_welcome(desk.house.workspace, origin, request.headers.get("host", "")):
        raise PermissionDeniedException("This site is not declared")
    try:
        return msgspec.json.decode(await request.body(), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise errors.BadInput("The body is not what it should be", remedy="see docs/sdk.md") from bad


def _origin(request: AnyRequest) -> str:
    return str(request.headers.get("origin", ""))


def _gpc(request: AnyRequest) -> bool:
    """Whether any Sec-GPC header says 1; any other value says nothing."""
    return any(
        name.lower() == "sec-gpc" and value.strip() == "1" for name, value in request.headers.multi_items()
    )


def _open(request: AnyRequest, answer: Any) -> Response[Any]:
    """An answer that the asking site's script may read."""
    headers = {"Vary": "Origin, Sec-GPC"}
    if origin := _origin(request):
        headers["Access-Control-Allow-Origin"] = origin
    return Response(msgspec.json.encode(answer), media_type="application/json", headers=headers)


ROUTES = (choose, signals, submit, prefer, decide, sdk)
