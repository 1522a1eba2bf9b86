"""Retention: reviews of what ended, their parts (one for each system; two for Amana itself), and what happened to them.

Rule. Nothing here names a person: a part knows up to which number it went through people, and how many of what it found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import retention, retention_log, retention_part

REVIEWING, WAITING, RUNNING, DONE, DROPPED = "reviewing", "waiting", "running", "done", "dropped"
TODO, HELD = "todo", "held"
"""Of a part, beside DONE."""
PEOPLE = "+"
"""The part that forgets people here: last, because elsewhere they are found by the addresses that go with them."""
WORKED_ON = (REVIEWING, RUNNING)


class ReviewRow(NamedTuple):
    """One review. Times are UTC seconds."""

    id: int
    state: str
    made: int
    ended: int | None
    map: str
    masking: bytes


class PartRow(NamedTuple):
    """One part of a review."""

    review: int
    ordinal: int
    system: str
    state: str
    last: int
    attempts: int
    due: int
    trouble: str
    found: str
    done: str


class LogRow(NamedTuple):
    """Something that happened to a review."""

    id: int
    review: int
    at: int
    actor: str
    what: str
    detail: str


def add(connection: sa.Connection, systems: Sequence[str], now: int, map_digest: str, masking: bytes) -> int:
    """Begin a review with a part for each of these; its number."""
    made = connection.execute(
        retention.insert()
        .values(state=REVIEWING, made=now, map=map_digest, masking=masking)
        .returning(retention.c.id)
    ).scalar_one()
    rows = [
        PartRow(made, ordinal, system, TODO, 0, 0, now, "", "{}", "{}")
        for ordinal, system in enumerate(systems)
    ]
    connection.execute(retention_part.insert(), [row._asdict() for row in rows])
    return int(made)


def get(connection: sa.Connection, number: int) -> ReviewRow | None:
    """A review."""
    found = connection.execute(sa.select(retention).where(retention.c.id == number)).one_or_none()
    return ReviewRow(*found) if found else None


def latest(connection: sa.Connection, limit: int = 1) -> list[ReviewRow]:
    """Reviews, the latest first."""
    query = sa.select(retention).order_by(retention.c.id.desc()).limit(limit)
    return [ReviewRow(*one) for one in connection.execute(query)]


def update(connection: sa.Connection, number: int, **values: object) -> None:
    """Set columns of a review."""
    connection.execute(retention.update().where(retention.c.id == number).values(**values))


def parts(connection: sa.Connection, number: int) -> list[PartRow]:
    """The parts of a review, in order."""
    query = sa.select(retention_part).where(retention_part.c.review == number)
    return [PartRow(*one) for one in connection.execute(query.order_by(retention_part.c.ordinal))]


def due(connection: sa.Connection, now: int, review: int = 0) -> PartRow | None:
    """The next part to work on, of one review or of any; nobody is forgotten before all other parts are done."""
    earlier = retention_part.alias("earlier")
    blocked = sa.exists().where(
        earlier.c.review == retention_part.c.review,
        earlier.c.ordinal < retention_part.c.ordinal,
        earlier.c.state != DONE,
    )
    query = (
        sa.select(retention_part)
        .join(retention, retention.c.id == retention_part.c.review)
        .where(retention.c.state.in_(WORKED_ON), retention_part.c.state == TODO, retention_part.c.due <= now)
        .where(sa.or_(retention_part.c.system != PEOPLE, retention.c.state == REVIEWING, ~blocked))
        .order_by(retention_part.c.due, retention_part.c.review, retention_part.c.ordinal)
        .limit(1)
    )
    if review:
        query = query.where(retention_part.c.review == review)
    found = connection.execute(query).one_or_none()
    return PartRow(*found) if found else None


def update_part(connection: sa.Connection, row: PartRow, **values: object) -> None:
    """Set columns of a part."""
    connection.execute(
        retention_part.update()
        .where(retention_part.c.review == row.review, retention_part.c.ordinal == row.ordinal)
        .values(**values)
    )


def rewind(
    connection: sa.Connection, number: int, now: int, states: Sequence[str] = (TODO, DONE, HELD)
) -> None:
    """Let the parts of a review that stand so begin again from the first person."""
    connection.execute(
        retention_part.update()
        .where(retention_part.c.review == number, retention_part.c.state.in_(states))
        .values(state=TODO, last=0, attempts=0, due=now, trouble="")
    )


def log(connection: sa.Connection, number: int, at: int, actor: str, what: str, detail: str) -> None:
    """Write down what happened to a review."""
    connection.execute(
        retention_log.insert().values(review=number, at=at, actor=actor, what=what, detail=detail)
    )


def logged(connection: sa.Connection, number: int) -> list[LogRow]:
    """What happened to a review, in order."""
    query = sa.select(retention_log).where(retention_log.c.review == number).order_by(retention_log.c.id)
    return [LogRow(*one) for one in connection.execute(query)]
