"""The application: every route of the interface behind one front, from an open house.

Rule. `make` builds everything for one process; nothing is global. Other rooms' routes (pages) are handed in and share the
front's limits and headers. Every error is a problem of `problems.py`. The description at `/schema/openapi.json` is made
from the routes themselves, and a copy stands in docs/openapi.json, which a test compares.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Request, Response, get
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.serialization import encode_json
from litestar.types import ControllerRouterHandler

from amana import errors
from amana.api import (
    acting,
    authzen,
    chores,
    data_use,
    mailing,
    opendsr,
    people,
    problems,
    public_log,
    recording,
    reporting,
    request_files,
    requests,
    signals,
)
from amana.api.desk import Desk, Options
from amana.api.front import LARGEST_BODY, Front
from amana.api.guarding import TheDesk
from amana.services.gate import asking
from amana.services.record.house import House

TITLE, VERSION = "Amana", "1"
ROUTES: tuple[ControllerRouterHandler, ...] = (
    *authzen.ROUTES,
    *recording.ROUTES,
    *people.ROUTES,
    *data_use.ROUTES,
    *signals.ROUTES,
    *acting.ROUTES,
    *mailing.ROUTES,
    *chores.ROUTES,
    *reporting.ROUTES,
    *requests.ROUTES,
    *request_files.ROUTES,
    *opendsr.ROUTES,
    *public_log.ROUTES,
)
log = structlog.get_logger("amana.api")


class Application:
    """The ASGI application of one process, with its desk."""

    def __init__(self, front: Front, inner: Litestar, desk: Desk) -> None:
        self._front = front
        self.inner = inner
        self.desk = desk

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one connection."""
        await self._front(scope, receive, send)

    def description(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document."""
        found: dict[str, Any] = msgspec.json.decode(encode_json(self.inner.openapi_schema.to_schema()))
        return found


def make(
    house: House,
    options: Options = Options(),
    extra_routes: Sequence[ControllerRouterHandler] = (),
    closing: Callable[[], None] = lambda: None,
) -> Application:
    """The application over a house that was opened for writing; `closing` is called once it has ended."""
    desk = Desk(house, options)

    async def the_desk() -> Desk:
        return desk

    @asynccontextmanager
    async def living(_: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            desk.close()
            closing()

    inner = Litestar(
        route_handlers=[*ROUTES, health, description, *extra_routes],
        dependencies={"desk": Provide(the_desk)},
        exception_handlers={
            HTTPException: _http,
            errors.AmanaError: _amana,
            Exception: _defect,
        },
        openapi_config=OpenAPIConfig(
            title=TITLE,
            version=VERSION,
            use_handler_docstrings=True,
            components=Components(
                security_schemes={
                    "key": SecurityScheme(type="http", scheme="bearer", description="An API key.")
                }
            ),
            render_plugins=[],
            path="/schema/unused",
        ),
        lifespan=[living],
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
    )
    return Application(Front(inner, desk), inner, desk)


@get("/healthz", include_in_schema=False, media_type="text/plain")
async def health(desk: TheDesk) -> str:
    """Whether the record can be read."""
    await desk.run(asking.log_size, desk.house)
    return "ok\n"


@get("/schema/openapi.json", include_in_schema=False)
async def description(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The description of this interface."""
    return request.app.openapi_schema.to_schema()


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[problems.Problem]:
    return _problem(problems.of_http(error, _id(request), _types(request)), dict(error.headers or {}))


def _amana(request: Request[Any, Any, Any], error: errors.AmanaError) -> Response[problems.Problem]:
    return _problem(problems.of_error(error, _id(request)))


def _defect(request: Request[Any, Any, Any], error: Exception) -> Response[problems.Problem]:
    log.error("defect", request=_id(request), kind=type(error).__name__, where=problems.where(error))
    return _problem(problems.plain(500, instance=_id(request)))


def _problem(problem: problems.Problem, headers: dict[str, str] | None = None) -> Response[problems.Problem]:
    return Response(problem, status_code=problem.status, media_type=problems.MEDIA, headers=headers or {})


def _types(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The types of what the request's route takes, by name; none where there is no such route."""
    scope: Mapping[str, object] = request.scope
    handler = scope.get("route_handler")
    if not isinstance(handler, BaseRouteHandler):
        return {}
    return {name: one.annotation for name, one in handler.parsed_fn_signature.parameters.items()}


def _id(request: Request[Any, Any, Any]) -> str:
    found: str = request.scope["amana"].id  # type: ignore[typeddict-item]  # set by the front
    return found
