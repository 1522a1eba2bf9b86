"""Tasks over HTTP: what waits to be done, and what failed and was handed to a person.

Rule. Counts by kind, state and trouble, for a key with the scope `read` that speaks for every brand, because tasks
belong to the workspace. Nothing names a person, no payload is opened, and nothing is changed here.
"""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.exceptions import PermissionDeniedException

from amana.api import decisions
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.services.record import tasks


class TasksTold(msgspec.Struct, frozen=True, kw_only=True):
    """Tasks that stand alike."""

    kind: str  # mail | sms | webhook | mailing | copy | review
    state: str  # ready | failed
    trouble: str  # code of the last failure; empty for none
    count: int
    oldest: str  # RFC 3339


@get("/v1/tasks", guards=[needs("read")], security=SECURED, responses=answers(404, 409, 413, 415))
async def listing(request: AnyRequest, desk: TheDesk) -> list[TasksTold]:
    """What is not done, by kind, state and trouble."""
    if "*" not in caller_of(request).brands:
        raise PermissionDeniedException("This key does not speak for every brand")
    return [
        TasksTold(
            kind=one.kind,
            state=one.state,
            trouble=one.trouble,
            count=one.count,
            oldest=decisions.stamp(one.oldest),
        )
        for one in await desk.run(tasks.standing, desk.house)
    ]


ROUTES = (listing,)
