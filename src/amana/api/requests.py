"""Requests of people over HTTP: opened, listed, planned, decided about and run by another system.

Rule.
- A key with `request` opens requests in the name of somebody; what it says of their identity is a claim, so that what
  needs proof waits for the person's own. Only a key with `vouch` may say that papers were checked (`checked`).
- No answer holds an address or a name, the one with which a request was opened included: it names the reference.
  Opening one for an address that nobody knows is answered in the same form.
- A key sees and touches the requests of its own brands. One about the organisation as a whole belongs to keys of all.
- What a key does to a request is recorded as the key's doing. A run over HTTP does what can be done now; the worker
  goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar import Response, get, post
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath, FromQuery, JSONBody

from amana import errors
from amana.api import decisions, guarding
from amana.api.desk import Desk
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.core.rights import ENDED, Asker, Identity, Kind, Status, Via
from amana.services.record.api_keys import Caller
from amana.services.record.house import House
from amana.services.rights import following, requests, rights_preview, rights_run
from amana.services.rights.following import Standing
from amana.services.rights.requests import Said
from amana.storage.requests import RequestRow

MOST_VALUES = 50  # identities and corrections of one request
LONGEST = 500  # characters of a value
PATH = "/v1/requests"


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody asks for. One of person, email and phone names whom it is about."""

    kind: Kind
    person: str = ""
    email: str = ""
    phone: str = ""  # in international form
    brand: str = ""  # left out: the organisation as a whole, for a key of all brands
    asker: Asker = Asker.PERSON
    checked: bool = False  # papers were checked; for a key with `vouch`
    language: str = ""  # in which they are answered; the workspace's first if left out
    received: str = ""  # RFC 3339: when it came, if not now
    identities: dict[str, str] = {}  # further ones, e.g. customer_number; they count where they were checked
    corrections: dict[str, str] = {}  # of a rectification: field category -> right value


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why; it stands in the evidence and is told to the person."""

    reason: str


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person of the company decided."""

    go: bool
    reason: str
    person: str = ""  # whom it is about, where the address is several people's


class StageTold(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a request's way."""

    stage: str
    reached: str  # done | now | ahead


class RequestTold(msgspec.Struct, frozen=True, kw_only=True):
    """A request, without personal values."""

    ref: str
    kind: str
    status: str
    brand: str
    via: str
    asker: str
    proved: str  # claimed | controlled | stepped_up | checked
    received: str
    due: str
    due_law: str
    days_left: int
    extended: bool
    ended: str
    outcome: str
    systems: int
    systems_done: int
    stages: tuple[StageTold, ...]


class RequestsTold(msgspec.Struct, frozen=True, kw_only=True):
    """Requests, those due first."""

    requests: tuple[RequestTold, ...]


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to opening."""

    ref: str
    due: str


class KeptTold(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that would stay although they were asked to go."""

    path: str
    rows: int
    ground: str
    citation: str
    until: str


class CollectionTold(msgspec.Struct, frozen=True, kw_only=True):
    """One collection of a plan, in counts."""

    system: str
    collection: str
    asked_by: tuple[str, ...]
    found: int
    changes: int
    deletes: int
    trouble: str
    kept: tuple[KeptTold, ...]


class PlanTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do."""

    steps: tuple[str, ...]
    collections: tuple[CollectionTold, ...]
    untold: str  # why nobody could tell the person of their erasure, as a token; "" where somebody can


# ---- opening and reading ------------------------------------------------------------------------------------------


@post(PATH, status_code=201, guards=[needs("request")], security=SECURED, responses=answers())
async def open_(request: AnyRequest, data: JSONBody[Asked], desk: TheDesk) -> Response[Opened]:
    """Write a request down. What needs no proof takes effect at once; otherwise a link goes to the address on record.

    Asked again while it is open, it is the same request.
    """
    caller = caller_of(request)
    _check(caller, data)
    said = _said(desk.house, data)

    def work() -> Opened:
        row = requests.open_(desk.house, said, actor=_actor(caller))
        return Opened(ref=row.ref, due=decisions.stamp(row.due))

    return guarding.ready(await guarding.once(desk, request, work), 201)


@get(PATH, guards=[needs("request")], security=SECURED, responses=answers(409, 413, 415))
async def every(
    request: AnyRequest, desk: TheDesk, status: FromQuery[str] = "", ended: FromQuery[bool] = False
) -> RequestsTold:
    """Open requests of the key's brands, those due first; `ended=true` also those that are over."""
    caller = caller_of(request)
    if status and status not in {one.value for one in Status}:
        raise errors.BadInput(
            "There is no such status", expected=" | ".join(one.value for one in Status), remedy="name one"
        )
    open_only = not ended and status not in {one.value for one in ENDED}

    def work() -> RequestsTold:
        rows = requests.every(desk.house, status=status, open_only=open_only)
        return RequestsTold(requests=tuple(_told(desk.house, row) for row in rows if _is_theirs(caller, row)))

    return await desk.run(work)


@get(f"{PATH}/{{ref:str}}", guards=[needs("request")], security=SECURED, responses=answers(409, 413, 415))
async def one(request: AnyRequest, ref: FromPath[str], desk: TheDesk) -> RequestTold:
    """One request: its clock and how far it is."""
    caller = caller_of(request)
    return await desk.run(lambda: _told(desk.house, theirs(desk.house, caller, ref)))


@get(f"{PATH}/{{ref:str}}/plan", guards=[needs("request")], security=SECURED, responses=answers(413, 415))
async def plan(request: AnyRequest, ref: FromPath[str], desk: TheDesk) -> PlanTold:
    """What a run would find, change and keep, in counts; nothing is touched."""
    caller, house = caller_of(request), desk.house

    def work() -> PlanTold:
        row = theirs(house, caller, ref)
        if Status(row.status) in ENDED:
            raise errors.Conflict("This request is over", got=row.status, remedy="open a new one")
        with rights_run.open_systems(house) as systems:
            return _plan(rights_preview.preview(house, row, systems))

    return await desk.run(work)


# ---- acting -------------------------------------------------------------------------------------------------------


def _verb(name: str) -> post:
    """A route that does something to one request, for a key with `request`."""
    return post(
        f"{PATH}/{{ref:str}}/{name}",
        status_code=200,
        guards=[needs("request")],
        security=SECURED,
        responses=answers(),
    )


@_verb("decide")
async def decide(
    request: AnyRequest, ref: FromPath[str], data: JSONBody[Decision], desk: TheDesk
) -> Response[RequestTold]:
    """Decide about a request that waits for it: it goes on, or is refused with the reason."""
    about = decisions.person_id(data.person) if data.person else 0
    _check_reason(data.reason)

    def act(actor: str, row: RequestRow) -> RequestRow:
        return requests.decide(desk.house, row.ref, go=data.go, reason=data.reason, actor=actor, person=about)

    return await _act(request, desk, ref, act)


@_verb("extend")
async def extend(
    request: AnyRequest, ref: FromPath[str], data: JSONBody[Reason], desk: TheDesk
) -> Response[RequestTold]:
    """Take the longer deadline, once, before the first is over."""
    _check_reason(data.reason)

    return await _act(
        request, desk, ref, lambda actor, row: requests.extend(desk.house, row.ref, data.reason, actor=actor)
    )


@_verb("cancel")
async def cancel(request: AnyRequest, ref: FromPath[str], desk: TheDesk) -> Response[RequestTold]:
    """Take a request back on the wish of whoever asked, before it runs."""
    return await _act(
        request, desk, ref, lambda actor, row: requests.cancel(desk.house, row.ref, actor=actor)
    )


@_verb("run")
async def run(request: AnyRequest, ref: FromPath[str], desk: TheDesk) -> Response[RequestTold]:
    """Do what can be done now; the worker goes on with what waits."""

    def act(_: str, row: RequestRow) -> RequestRow:
        if Status(row.status) in ENDED:
            raise errors.Conflict("This request is over", got=row.status, remedy="open a new one")
        if row.run is None and row.status != Status.READY.value:
            raise errors.Conflict(
                "This request cannot run yet", got=row.status, remedy="see what it waits for"
            )
        with rights_run.open_systems(desk.house) as systems:
            return rights_run.run_now(desk.house, row, systems)

    return await _act(request, desk, ref, act)


async def _act(
    request: AnyRequest, desk: Desk, ref: str, act: Callable[[str, RequestRow], RequestRow]
) -> Response[RequestTold]:
    """Do something to a request of the key's brands, as the doing of the key, and tell how it stands then."""
    caller = caller_of(request)

    def work() -> RequestTold:
        row = act(_actor(caller), theirs(desk.house, caller, ref))
        return _told(desk.house, requests.get(desk.house, row.ref))

    return guarding.ready(await guarding.once(desk, request, work))


# ---- what may be, and how it is told ------------------------------------------------------------------------------


def _check(caller: Caller, data: Asked) -> None:
    if not caller.speaks_for(data.brand or "*"):
        raise PermissionDeniedException(
            "This key does not speak for that brand"
            if data.brand
            else "A request that names no brand is about all of them and needs a key of all brands"
        )
    if data.checked and not caller.may("vouch"):
        raise PermissionDeniedException("This key may not say that papers were checked")
    if sum(bool(value) for value in (data.person, data.email, data.phone)) != 1:
        raise errors.BadInput(
            "A request names whom it is about once", expected="one of person, email and phone"
        )
    values = [*data.identities.items(), *data.corrections.items()]
    if len(values) > MOST_VALUES or any(len(text) > LONGEST for pair in values for text in pair):
        raise errors.BadInput(
            "A request holds too much", expected=f"{MOST_VALUES} values of {LONGEST} characters"
        )
    if not all(text.strip() for pair in values for text in pair):
        raise errors.BadInput("A value of a request is empty", remedy="leave it out")


def _said(house: House, data: Asked) -> Said:
    languages = house.workspace.organisation.languages
    if data.language and data.language not in languages:
        raise errors.BadInput("The workspace does not speak this language", expected=", ".join(languages))
    return Said(
        kind=data.kind,
        via=Via.API,
        asker=data.asker,
        brand=data.brand,
        language=data.language or languages[0],
        person=decisions.person_id(data.person) if data.person else 0,
        address=data.email or data.phone,
        identities={name: (value,) for name, value in data.identities.items()},
        corrections=data.corrections,
        proved=Identity.CHECKED if data.checked else Identity.CLAIMED,
        received=decisions.moment(data.received or None) or 0,
    )


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > LONGEST:
        raise errors.BadInput("A decision has its reason", expected=f"up to {LONGEST} characters")


def _is_theirs(caller: Caller, row: RequestRow) -> bool:
    return caller.speaks_for(row.brand or "*")


def theirs(house: House, caller: Caller, ref: str) -> RequestRow:
    """A request of the key's brands. Raises NotFound for another's, as for none."""
    row = requests.get(house, ref)
    if not _is_theirs(caller, row):
        raise errors.NotFound("There is no request of this reference", remedy="see `amana request list`")
    return row


def _actor(caller: Caller) -> str:
    return f"api:{caller.name}"


def _told(house: House, row: RequestRow) -> RequestTold:
    found: Standing = following.standing(house, row)
    return RequestTold(
        ref=row.ref,
        kind=row.kind,
        status=row.status,
        brand=row.brand,
        via=row.via,
        asker=row.asker,
        proved=Identity(row.proved).name.lower(),
        received=decisions.stamp(row.received),
        due=decisions.stamp(row.due),
        due_law=row.due_law,
        days_left=found.days_left,
        extended=found.extended,
        ended=decisions.stamp(row.ended) if row.ended else "",
        outcome=row.outcome,
        systems=found.systems,
        systems_done=found.systems_done,
        stages=tuple(StageTold(stage=one.value, reached=far.value) for one, far in found.stages),
    )


def _plan(found: rights_preview.Preview) -> PlanTold:
    return PlanTold(
        steps=found.steps,
        untold=found.untold,
        collections=tuple(
            CollectionTold(
                system=looked.system,
                collection=looked.node,
                asked_by=looked.by,
                found=looked.found,
                changes=looked.changes,
                deletes=looked.deletes,
                trouble=looked.trouble,
                kept=tuple(
                    KeptTold(
                        path=kept.path,
                        rows=kept.rows,
                        ground=kept.ground,
                        citation=kept.citation,
                        until=kept.until,
                    )
                    for kept in looked.kept
                ),
            )
            for looked in found.collections
        ),
    )


ROUTES = (open_, every, one, plan, decide, extend, cancel, run)
