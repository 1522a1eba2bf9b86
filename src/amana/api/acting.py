"""Acting: permits for single sends, and screens of whole audiences as jobs.

Rule. A permit is taken in the moment of acting and is good once, for a minute, for one content; it is redeemed by
delivery alone, never over HTTP. A screen is advice: it runs as a job with a number, and its file holds ids and reasons.
A job is seen by the key that asked for it and by nobody else.
"""

from __future__ import annotations

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from amana import errors
from amana.api import decisions, guarding
from amana.api.decisions import Action, Asker, Subject
from amana.api.desk import Desk
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.services.audience.jobs import Job
from amana.services.gate import permits
from amana.services.gate.asking import Inquiry

MOST = 1_000  # permits in one request
MOST_PEOPLE = 50_000  # ids in one screen's request


class Wanting(msgspec.Struct, frozen=True, kw_only=True):
    """A send that somebody is about to make."""

    person: str
    content: str  # SHA-256 of the message, 64 hexadecimal digits


class PermitsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Permits for sends of one question."""

    subject: Subject
    action: Action
    requests: tuple[Wanting, ...]


class PermitTold(msgspec.Struct, frozen=True, kw_only=True):
    """A permit, or why not."""

    person: str
    permit: str = ""  # 32 hexadecimal digits; empty when denied
    expires: str = ""
    reasons: tuple[str, ...] = ()
    only_timing: bool = False


class PermitsTold(msgspec.Struct, frozen=True, kw_only=True):
    """The answers, in the order of the requests."""

    permits: tuple[PermitTold, ...]


class ScreenWanted(msgspec.Struct, frozen=True, kw_only=True):
    """An audience to screen: everybody, or some people by id."""

    subject: Subject
    action: Action
    people: tuple[str, ...] | None = None
    time: str | None = None  # RFC 3339
    form: str = "csv"  # csv | parquet


class JobTold(msgspec.Struct, frozen=True, kw_only=True):
    """How a job stands."""

    id: str
    state: str  # waiting | running | done | failed
    progress: float
    result: dict[str, object] = {}
    trouble: str = ""
    file: str = ""  # where the result is, once it is


@post("/v1/permits", status_code=200, guards=[needs("permit")], security=SECURED, responses=answers())
async def take_permits(
    request: AnyRequest, data: JSONBody[PermitsWanted], desk: TheDesk
) -> Response[PermitsTold]:
    """Take permits in the moment of acting: decided again, counted against the caps, good once."""
    if not 1 <= len(data.requests) <= MOST:
        raise errors.BadInput("Too few or too many permits", expected=f"1 to {MOST}")
    inquiry = await inquiry_of(request, desk, data.subject, data.action)
    wanted = [
        permits.Request(
            person=decisions.person_id(one.person), inquiry=inquiry, content=_content(one.content)
        )
        for one in data.requests
    ]

    def work() -> PermitsTold:
        taken = permits.take(desk.house, desk.gate(), wanted)
        return PermitsTold(permits=tuple(_told(one) for one in taken))

    return guarding.ready(await guarding.once(desk, request, work))


@post("/v1/screens", status_code=202, guards=[needs("screen")], security=SECURED, responses=answers())
async def screen(request: AnyRequest, data: JSONBody[ScreenWanted], desk: TheDesk) -> Response[JobTold]:
    """Screen an audience as a job; ask for its state at `/v1/screens/{id}`."""
    inquiry = await inquiry_of(request, desk, data.subject, data.action)
    people = None if data.people is None else tuple(map(decisions.person_id, data.people))
    if people is not None and (len(people) > MOST_PEOPLE or -1 in people):
        raise errors.BadInput("The people of a screen are ids", expected=f"at most {MOST_PEOPLE} such as p12")
    caller, at = caller_of(request), decisions.moment(data.time)

    def work() -> JobTold:
        return _job(desk.jobs.screen(caller.name, inquiry, at, people, data.form))

    return guarding.ready(await guarding.once(desk, request, work), 202)


@get("/v1/screens/{number:str}", guards=[needs("screen")], security=SECURED, responses=answers(409, 413, 415))
async def screen_state(request: AnyRequest, number: FromPath[str], desk: TheDesk) -> JobTold:
    """How a screen stands: progress, then counts by reason."""
    return _job(desk.jobs.get(caller_of(request).name, number))


@get(
    "/v1/screens/{number:str}/file",
    guards=[needs("screen")],
    security=SECURED,
    media_type="application/octet-stream",
    responses=answers(413, 415),
)
async def screen_file(request: AnyRequest, number: FromPath[str], desk: TheDesk) -> Response[bytes]:
    """The ids and reasons of a screen that is done."""
    job = desk.jobs.get(caller_of(request).name, number)
    path = job.file
    if job.state != "done" or path is None:
        raise errors.Conflict("The job is not done", got=job.state, remedy="wait for it")
    body = await desk.run(path.read_bytes)
    media = "text/csv; charset=utf-8" if path.suffix == ".csv" else "application/vnd.apache.parquet"
    return Response(body, media_type=media)


async def inquiry_of(request: AnyRequest, desk: Desk, subject: Subject, action: Action) -> Inquiry:
    """The words of a question that must be known here. Raises BadInput, NotFound, PermissionDeniedException."""
    caller = caller_of(request)

    def work() -> Inquiry | str:
        return Asker(desk.gate(), caller, decisions.language("")).inquiry(subject, action)

    found = await desk.run(work)
    if isinstance(found, str):
        raise errors.NotFound(decisions.OWN[found], remedy="see /v1/words")
    return found


def _content(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise errors.BadInput(
            "A permit is bound to the SHA-256 of its content", expected="64 hexadecimal digits"
        )
    return found


def _told(taken: permits.Taken) -> PermitTold:
    return PermitTold(
        person=f"p{taken.person}" if taken.person > 0 else "",
        permit=taken.permit.hex(),
        expires=decisions.stamp(taken.expires) if taken.expires else "",
        reasons=taken.reasons,
        only_timing=taken.only_timing,
    )


def _job(job: Job) -> JobTold:
    return JobTold(
        id=job.id,
        state=job.state,
        progress=job.progress,
        result=job.answer,
        trouble=job.trouble,
        file=f"/v1/screens/{job.id}/file" if job.state == "done" else "",
    )


ROUTES = (take_permits, screen, screen_state, screen_file)
