"""Erasures: who is being erased and how far it got, and which log positions no longer open.

Rule. Every column that holds a person's number is either in `BY_PERSON`, whose rows go with the fence, or in `KEPT`, with
the reason and the step that deals with it. A test walks the schema and refuses a column that is in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from amana import errors
from amana.storage import upsert
from amana.storage.tables import (
    alias,
    erased,
    erasure,
    event,
    export,
    exported,
    look,
    permit,
    person,
    point,
    profile,
    request,
    review,
    sent,
    task,
    token,
)

FENCED, SCRUBBING, DONE = "fenced", "scrubbing", "done"
CHUNK = 500

BY_PERSON: tuple[sa.Column[int], ...] = (
    person.c.id,
    point.c.person,
    alias.c.person,
    profile.c.person,
    review.c.person,
    review.c.other,
    sent.c.person,
    task.c.person,
    permit.c.person,
    token.c.person,
)
"""Rows that go with the fence."""

KEPT: dict[sa.Column[int], str] = {
    event.c.person: "needed to find the events, which are deleted once the key is destroyed",
    erasure.c.person: "remembers the erasure itself, so that it can be gone on with",
    exported.c.person: "removed when the export is marked for recall",
    request.c.person: "a request stays as evidence of its answer; what it said is emptied with the fence",
    look.c.person: "who looked at what stays accountable; the number leads nowhere any more",
}
"""Columns that hold a person's number and are not emptied by the fence, and why."""


def fence(connection: sa.Connection, people: Sequence[int], at: int) -> None:
    """Remember that these people are being erased, and remove every row by which they could be found."""
    upsert.ignore(connection, erasure, [{"person": one, "state": FENCED, "fenced": at} for one in people])
    for start in range(0, len(people), CHUNK):
        chunk = people[start : start + CHUNK]
        for column in BY_PERSON:
            connection.execute(column.table.delete().where(column.in_(chunk)))
        connection.execute(request.update().where(request.c.person.in_(chunk)).values(sealed=b""))


def in_state(connection: sa.Connection, state: str) -> list[int]:
    """People whose erasure stands at this state, by id."""
    query = sa.select(erasure.c.person).where(erasure.c.state == state).order_by(erasure.c.person)
    return list(connection.execute(query).scalars())


def state_of(connection: sa.Connection, one: int) -> str | None:
    """How far a person's erasure got; None if there is none."""
    return connection.execute(sa.select(erasure.c.state).where(erasure.c.person == one)).scalar_one_or_none()


def nobody(connection: sa.Connection, one: int) -> errors.NotFound:
    """The error that says why a person is not known: when they were erased and what is left, or that nobody was."""
    row = connection.execute(
        sa.select(erasure.c.state, erasure.c.fenced).where(erasure.c.person == one)
    ).one_or_none()
    if row is None:
        return errors.NotFound("There is no such person", remedy="check the id")
    on = datetime.fromtimestamp(row.fenced, UTC).strftime("%Y-%m-%d")
    return errors.NotFound(
        f"p{one} was erased on {on}",
        got="what erasure leaves: commitments that do not open, the list of their positions, keyed hashes for"
        " suppression, and the receipts that the person holds",
        remedy="" if row.state == DONE else "run `amana forget --finish`: the files are not scrubbed yet",
    )


def positions_of(connection: sa.Connection, people: Sequence[int]) -> list[int]:
    """The log positions of these people's events, ascending."""
    found: list[int] = []
    for start in range(0, len(people), CHUNK):
        query = sa.select(event.c.position).where(event.c.person.in_(people[start : start + CHUNK]))
        found.extend(connection.execute(query).scalars())
    return sorted(found)


def delete_events(connection: sa.Connection, people: Sequence[int]) -> None:
    """Delete these people's sealed events."""
    for start in range(0, len(people), CHUNK):
        connection.execute(event.delete().where(event.c.person.in_(people[start : start + CHUNK])))


def list_erased(connection: sa.Connection, positions: Sequence[int], leaf: int) -> None:
    """Enter log positions into the erasure list, under the leaf that publishes them."""
    upsert.ignore(connection, erased, [{"position": one, "leaf": leaf} for one in positions])


def erased_positions(connection: sa.Connection) -> set[int]:
    """Every log position that is listed as erased."""
    return set(connection.execute(sa.select(erased.c.position)).scalars())


def any_since(connection: sa.Connection, start: int) -> bool:
    """Whether a log position from this one on is listed as erased."""
    found = sa.exists().where(erased.c.position >= start)
    return bool(connection.execute(sa.select(found)).scalar_one())


def leaf_of(connection: sa.Connection, position: int) -> int | None:
    """The leaf that publishes a log position as erased; None if it is not."""
    return connection.execute(
        sa.select(erased.c.leaf).where(erased.c.position == position)
    ).scalar_one_or_none()


def move(connection: sa.Connection, people: Sequence[int], state: str, at: int | None = None) -> None:
    """Set how far these people's erasure got."""
    for start in range(0, len(people), CHUNK):
        chunk = people[start : start + CHUNK]
        connection.execute(erasure.update().where(erasure.c.person.in_(chunk)).values(state=state, done=at))


def recall_exports(connection: sa.Connection, people: Sequence[int]) -> int:
    """Mark every export that holds one of these people for recall, and forget that it held them; how many."""
    found: set[int] = set()
    for start in range(0, len(people), CHUNK):
        chunk = people[start : start + CHUNK]
        found.update(
            connection.execute(
                sa.select(exported.c.export).where(exported.c.person.in_(chunk)).distinct()
            ).scalars()
        )
        connection.execute(exported.delete().where(exported.c.person.in_(chunk)))
    if found:
        connection.execute(export.update().where(export.c.id.in_(found)).values(recall="due"))
    return len(found)
