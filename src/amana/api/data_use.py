"""A person's choices about their data, told by another system: what they let be done, and their No to it.

Rule. What is shown is what the gate decides, by purpose, action and category of data. A No is recorded at once and is
never limited. A Yes is not taken here: it is the person's own, in a session of theirs.
"""

from __future__ import annotations

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from amana import errors
from amana.api import decisions, guarding
from amana.api.guarding import SECURED, AnyRequest, TheDesk, answers, caller_of, needs
from amana.services.choices import data_choices
from amana.services.choices.data_choices import DataChoice, DataSwitch
from amana.services.collection import telling
from amana.services.collection.capture import Context

MOST = 100


class DataRefused(msgspec.Struct, frozen=True, kw_only=True):
    """What a person does not want done with their data."""

    brand: str
    refuse: tuple[DataChoice, ...] = ()  # not any more
    object_to: tuple[DataChoice, ...] = ()  # they object (GDPR art. 21)


class DataRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """Log positions; each has a receipt."""

    events: tuple[int, ...]


@get(
    "/v1/people/{person:str}/data/{brand:str}",
    guards=[needs("read")],
    security=SECURED,
    responses=answers(409, 413, 415),
)
async def data_told(
    request: AnyRequest, person: FromPath[str], brand: FromPath[str], desk: TheDesk
) -> list[DataSwitch]:
    """What a brand declares to do with data, and whether this person lets it."""
    guarding.speaks_for(caller_of(request), brand)
    number = decisions.person_id(person)

    def work() -> list[DataSwitch]:
        telling.known_person(desk.house, number)
        return list(data_choices.view(desk.house, number, brand))

    return await desk.run(work)


@post(
    "/v1/people/{person:str}/data",
    status_code=200,
    guards=[needs("record")],
    security=SECURED,
    responses=answers(),
)
async def data_refused(
    request: AnyRequest, person: FromPath[str], data: JSONBody[DataRefused], desk: TheDesk
) -> Response[DataRecorded]:
    """Record a person's No to uses and recipients of their data, at once."""
    caller, number = caller_of(request), decisions.person_id(person)
    guarding.speaks_for(caller, data.brand)
    if not 0 < len(data.refuse) + len(data.object_to) <= MOST:
        raise errors.BadInput("Too few or too many choices", expected=f"1 to {MOST}")
    context = Context(page=f"api/{caller.name}")

    def work() -> DataRecorded:
        house = desk.house
        telling.known_person(house, number)
        said = data_choices.refuse(house, number, data.brand, data.refuse, context) if data.refuse else ()
        if data.object_to:
            said += data_choices.refuse(house, number, data.brand, data.object_to, context, objected=True)
        return DataRecorded(events=said)

    return guarding.ready(await guarding.once(desk, request, work))


ROUTES = (data_told, data_refused)
