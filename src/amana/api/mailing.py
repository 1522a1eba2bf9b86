"""Mailings over HTTP: start one, see how it stands, stop it, go on with it.

Rule. A key needs the scope `send`, and sees the mailings of its own brands alone: another brand's is no different from
none. What is answered is counts; nobody is named. Starting is done once for an Idempotency-Key. The workers send, each
copy with a permit taken in that moment; a permit is never handed out here.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from amana import errors
from amana.api import acting, decisions, guarding
from amana.api.decisions import Action, Subject
from amana.api.desk import Desk
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.services.messaging import mailings
from amana.services.messaging.mailings import Order, Text, Told
from amana.services.record.api_keys import Caller
from amana.services.record.house import House

MOST_PEOPLE = acting.MOST_PEOPLE


class MailingWanted(msgspec.Struct, frozen=True, kw_only=True):
    """One message, for one purpose, to an audience: everybody, or some people by id."""

    subject: Subject
    action: Action
    messages: dict[str, Text]  # by language: en, he, ar, th, ru
    people: tuple[str, ...] | None = None
    hours: int = mailings.HOURS  # after which what still waits is dropped
    dry_run: bool = False  # screen only, and queue nothing


class MailingTold(msgspec.Struct, frozen=True, kw_only=True):
    """How a mailing stands, in counts."""

    id: str
    state: str  # preview | queueing | sending | stopped | done, or the code of what ended it
    brand: str
    purpose: str
    channel: str
    languages: tuple[str, ...]
    made: str  # RFC 3339
    ends: str
    by: str
    audience: int
    chosen: int
    left_out: dict[str, int]
    sent: int
    waiting: dict[str, int]
    not_sent: dict[str, int]


@post("/v1/mailings", status_code=202, guards=[needs("send")], security=SECURED, responses=answers())
async def start(request: AnyRequest, data: JSONBody[MailingWanted], desk: TheDesk) -> Response[MailingTold]:
    """Send one message to everybody who may have it; each copy needs a permit in the moment of sending."""
    inquiry = await acting.inquiry_of(request, desk, data.subject, data.action)
    people = None if data.people is None else tuple(map(decisions.person_id, data.people))
    if people is not None and not 1 <= len(people) <= MOST_PEOPLE:
        raise errors.BadInput(
            "Too few or too many people", expected=f"1 to {MOST_PEOPLE}, or none for everybody"
        )
    order = Order(
        inquiry=inquiry,
        letters=data.messages,
        people=people,
        hours=data.hours,
        by=f"api:{caller_of(request).name}",
    )

    def work() -> MailingTold:
        made = mailings.preview if data.dry_run else mailings.start
        try:
            return _told(made(desk.house, order))
        except errors.BadWorkspace as silent:  # its owner can mend that, and is told how
            raise errors.Conflict(silent.what, expected=silent.expected, remedy=silent.remedy) from silent

    return guarding.ready(await guarding.once(desk, request, work), 202)


@get("/v1/mailings", guards=[needs("send")], security=SECURED, responses=answers(404, 409, 413, 415))
async def listing(request: AnyRequest, desk: TheDesk) -> list[MailingTold]:
    """The latest mailings of the key's brands, newest first."""
    caller = caller_of(request)
    found = await desk.run(mailings.every, desk.house)
    return [_told(one) for one in found if caller.speaks_for(one.brand)]


@get("/v1/mailings/{number:str}", guards=[needs("send")], security=SECURED, responses=answers(409, 413, 415))
async def standing(request: AnyRequest, number: FromPath[str], desk: TheDesk) -> MailingTold:
    """How a mailing stands: sent, waiting, and not sent by reason."""
    return _told(await desk.run(_own, desk, caller_of(request), number))


@post(
    "/v1/mailings/{number:str}/stop",
    status_code=200,
    guards=[needs("send")],
    security=SECURED,
    responses=answers(),
)
async def stop(request: AnyRequest, number: FromPath[str], desk: TheDesk) -> MailingTold:
    """Send no more of a mailing; a few copies that are in hand may still leave."""
    return await desk.run(_moved, desk, caller_of(request), number, mailings.stop)


@post(
    "/v1/mailings/{number:str}/continue",
    status_code=200,
    guards=[needs("send")],
    security=SECURED,
    responses=answers(),
)
async def go_on(request: AnyRequest, number: FromPath[str], desk: TheDesk) -> MailingTold:
    """Go on with a mailing that was stopped."""
    return await desk.run(_moved, desk, caller_of(request), number, mailings.go_on)


def _own(desk: Desk, caller: Caller, number: str) -> Told:
    found = mailings.told(desk.house, number)
    if not caller.speaks_for(found.brand):
        raise errors.NotFound("There is no such mailing", remedy="see /v1/mailings")
    return found


def _moved(desk: Desk, caller: Caller, number: str, move: Callable[[House, str], Told]) -> MailingTold:
    _own(desk, caller, number)
    return _told(move(desk.house, number))


def _told(told: Told) -> MailingTold:
    moments = {"made": decisions.stamp(told.made), "ends": decisions.stamp(told.ends)}
    return MailingTold(**msgspec.structs.asdict(told) | moments)


ROUTES = (start, listing, standing, stop, go_on)
