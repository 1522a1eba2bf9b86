"""Guarding: which key may call which route, and what every route says it may answer.

Rule. A route names the one scope it needs; a route without one is public on purpose. A key that speaks for one brand is
refused another's. Whoever has no key learns nothing but that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from amana import errors
from amana.api import problems
from amana.api.desk import Desk
from amana.services.record import idempotency
from amana.services.record.api_keys import Caller

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]
AnyRequest = Request[Any, Any, Any]
TheDesk = NamedDependency[Desk]

MEANINGS = {
    400: "The request is not what it should be.",
    401: "No key was given, or one that is not good.",
    403: "The key may not do this.",
    404: "There is no such thing.",
    405: "The method is not offered here.",
    409: "It contradicts what is recorded.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The request is well formed and cannot be done.",
    429: "Too many requests; `Retry-After` says how long to wait.",
}
SECURED: list[dict[str, list[str]]] = [{"key": []}]


def answers(*without: int) -> dict[int, ResponseSpec]:
    """The problems that a route may answer with, for its description."""
    return {
        status: ResponseSpec(
            data_container=problems.Problem,
            description=meaning,
            media_type=problems.MEDIA,
            generate_examples=False,
        )
        for status, meaning in MEANINGS.items()
        if status not in without
    }


def needs(action: str) -> Guard:
    """A guard that lets only keys with a scope pass."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        caller = connection.scope["amana"].caller  # type: ignore[typeddict-item]  # set by the front
        if caller is None:
            raise NotAuthorizedException("A key is needed", headers={"www-authenticate": "Bearer"})
        if not caller.may(action) and not any(one.startswith(f"{action}:") for one in caller.actions):
            raise PermissionDeniedException("This key may not do this")

    return guard


def caller_of(request: AnyRequest) -> Caller:
    """Who calls a guarded route."""
    found: Caller | None = request.scope["amana"].caller  # type: ignore[typeddict-item]  # set by the front
    if found is None:
        raise NotAuthorizedException("A key is needed", headers={"www-authenticate": "Bearer"})
    return found


def limited(request: AnyRequest) -> None:
    """Count this request against its sender's address after all. Raises 429."""
    request.scope["amana"].charge()  # type: ignore[typeddict-item]  # set by the front


def speaks_for(caller: Caller, brand: str) -> None:
    """Refuse another key's brand. Raises PermissionDeniedException."""
    if not caller.speaks_for(brand):
        raise PermissionDeniedException("This key does not speak for that brand")


def ready(body: bytes, status: int = 200) -> Response[Any]:
    """An answer whose JSON was made already."""
    return Response(body, media_type="application/json", status_code=status)


async def once(desk: Desk, request: AnyRequest, work: Callable[[], Any]) -> bytes:
    """Do blocking work and answer in JSON; with an Idempotency-Key, do it once. Raises Conflict, BadInput."""
    caller, key = caller_of(request), request.headers.get("idempotency-key", "")
    if len(key) > 255:
        raise errors.BadInput("The Idempotency-Key is too long", expected="at most 255 characters")

    def encoded() -> str:
        return msgspec.json.encode(work()).decode()

    if not key:
        return (await desk.run(encoded)).encode()
    asked = request.url.path.encode() + b"\0" + await request.body()
    return (await desk.run(idempotency.once, desk.house, caller.digest, key, asked, encoded)).encode()
