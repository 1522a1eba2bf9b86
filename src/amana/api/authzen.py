"""AuthZEN routes: evaluation, evaluations, searches, and the document that says where they are.

Rule. A search is the same decision asked many times: of a person, which contacts, uses and sharings; of an action, which
people. People come in pages, in order of id; a page's token carries the moment of the first, so that the pages are of one
question. What the specification leaves out of a search (the purpose of an action search) stands in `context.purpose`.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody

from amana import errors
from amana.api import decisions, front, guarding
from amana.api.decisions import Action, Answer, Answers, Ask, Asker, Asks, Resource, Subject
from amana.api.desk import Desk
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.core import cells
from amana.services.audience import screening
from amana.services.choices import data_choices
from amana.services.gate.handling import Handling
from amana.services.record import addresses

PAGE = 1_000
LARGEST_PAGE = 10_000


class ResourceOf(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of resource is searched for."""

    type: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which page is asked for."""

    token: str = ""
    limit: int = PAGE


class ResourceSearch(msgspec.Struct, frozen=True, kw_only=True):
    """About whom is the answer Yes?"""

    subject: Subject
    action: Action
    resource: ResourceOf
    context: dict[str, Any] = {}
    page: Page = Page()


class ActionSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What may this brand do about this person?"""

    subject: Subject
    resource: Resource
    context: dict[str, Any] = {}


class NextPage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the results go on; an empty token ends them."""

    next_token: str = ""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person about whom the answer is Yes."""

    type: str
    id: str


class People(msgspec.Struct, frozen=True, kw_only=True):
    """A page of people."""

    results: tuple[Person, ...]
    page: NextPage = NextPage()


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """One action that is allowed, and what for."""

    name: str
    properties: dict[str, str]


class AllAllowed(msgspec.Struct, frozen=True, kw_only=True):
    """All actions that are allowed."""

    results: tuple[Allowed, ...]


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of the decision point."""

    policy_decision_point: str
    access_evaluation_endpoint: str
    access_evaluations_endpoint: str
    search_resource_endpoint: str
    search_action_endpoint: str


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins: the moment of the question and the person before it."""

    at: int
    after: int


@post(
    "/access/v1/evaluation", status_code=200, guards=[needs("decide")], security=SECURED, responses=answers()
)
async def evaluation(request: AnyRequest, data: JSONBody[Ask], desk: TheDesk) -> Response[Answer]:
    """May this brand contact this person, or use or share their data, for this purpose, now, and why?"""
    body = await front.decide(
        desk,
        caller_of(request),
        msgspec.json.encode(data),
        request.headers.get("accept-language", ""),
        many=False,
    )
    return guarding.ready(body)


@post(
    "/access/v1/evaluations", status_code=200, guards=[needs("decide")], security=SECURED, responses=answers()
)
async def evaluations(request: AnyRequest, data: JSONBody[Asks], desk: TheDesk) -> Response[Answers]:
    """Many evaluations with shared defaults; one alone if the list is empty."""
    body = await front.decide(
        desk,
        caller_of(request),
        msgspec.json.encode(data),
        request.headers.get("accept-language", ""),
        many=True,
    )
    return guarding.ready(body)


@post(
    "/access/v1/search/resource",
    status_code=200,
    guards=[needs("screen")],
    security=SECURED,
    responses=answers(),
)
async def search_resource(request: AnyRequest, data: JSONBody[ResourceSearch], desk: TheDesk) -> People:
    """Whom may this brand contact, or whose data use or share so: people in order of id, in pages."""
    asker = Asker(await desk.run(desk.gate), caller_of(request), decisions.language(""))
    inquiry = asker.asked(data.subject, data.action)
    place = _place(data, desk.house.clock())
    if not 1 <= data.page.limit <= LARGEST_PAGE:
        raise errors.BadInput("The page is too large", expected=f"1 to {LARGEST_PAGE}")
    if isinstance(inquiry, str) or data.resource.type != "person":
        return People(results=())
    screened = await desk.run(screening.screen, desk.house, inquiry, place.at)
    allowed = screened.allowed
    page = allowed[allowed > place.after][: data.page.limit + 1].tolist()
    more = len(page) > data.page.limit
    page = page[: data.page.limit]
    token = _token(_Place(at=place.at, after=page[-1])) if more else ""
    return People(
        results=tuple(Person(type="person", id=f"p{one}") for one in page), page=NextPage(next_token=token)
    )


@post(
    "/access/v1/search/action",
    status_code=200,
    guards=[needs("decide")],
    security=SECURED,
    responses=answers(),
)
async def search_action(request: AnyRequest, data: JSONBody[ActionSearch], desk: TheDesk) -> AllAllowed:
    """What may this brand do about this person: contact, use or share, for `context.purpose` or for every purpose."""
    caller = caller_of(request)

    def work() -> AllAllowed:
        asker = Asker(desk.gate(), caller, decisions.language(""))
        found = [
            Allowed(name=action.name, properties=action.properties)
            for action in _actions(desk, asker.brand(data.subject), data.context.get("purpose"))
            if asker.one(
                Ask(subject=data.subject, action=action, resource=data.resource, context=data.context)
            ).decision
        ]
        return AllAllowed(results=tuple(found))

    return await desk.run(work)


@get("/.well-known/authzen-configuration", responses=answers(401, 403, 409, 413, 415, 422))
async def configuration(request: AnyRequest, desk: TheDesk) -> Configuration:
    """Where the decision point's endpoints are."""
    secure = desk.options.tls or desk.options.trusted_hops > 0
    base = f"{'https' if secure else 'http'}://{request.headers.get('host', 'localhost')}"
    return Configuration(
        policy_decision_point=base,
        access_evaluation_endpoint=f"{base}/access/v1/evaluation",
        access_evaluations_endpoint=f"{base}/access/v1/evaluations",
        search_resource_endpoint=f"{base}/access/v1/search/resource",
        search_action_endpoint=f"{base}/access/v1/search/action",
    )


def _actions(desk: Desk, brand: str, purpose: Any) -> list[Action]:
    """Every action that the workspace may ask about: contacts, uses and sharings, for one purpose or all."""
    contacts = [
        Action(name=f"contact.{channel.value}", properties={"purpose": name})
        for name, one in desk.house.workspace.purposes.items()
        for channel in one.channels
    ]
    handled = [_action(one) for one in data_choices.declared(desk.house, brand)]
    return [one for one in (*contacts, *handled) if purpose in (None, one.properties["purpose"])]


def _action(asked: Handling) -> Action:
    if asked.action.startswith(cells.SHARE):
        return Action(name=asked.action, properties={"purpose": asked.purpose, "category": asked.category})
    manner = asked.action.removeprefix(cells.USE)
    return Action(
        name=f"{cells.USE}{asked.category}", properties={"purpose": asked.purpose, "manner": manner}
    )


def _place(data: ResourceSearch, now: int) -> _Place:
    if not data.page.token:
        return _Place(at=decisions.moment(data.context.get("time")) or now, after=0)
    try:
        place = msgspec.json.decode(base64.urlsafe_b64decode(data.page.token), type=_Place)
    except (ValueError, msgspec.MsgspecError):
        raise errors.BadInput(
            "The page's token is not one of ours", remedy="begin the search again"
        ) from None
    if not 0 < place.at < 4_102_444_800 or not 0 <= place.after <= addresses.HIGHEST:
        raise errors.BadInput("The page's token is not one of ours", remedy="begin the search again")
    return place


def _token(place: _Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


ROUTES = (evaluation, evaluations, search_resource, search_action, configuration)
