"""Tasks: work that leaves the process, as rows written in the same transaction as their cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import task

READY, DONE, FAILED = "ready", "done", "failed"


class TaskRow(NamedTuple):
    """One piece of work."""

    id: int
    kind: str
    key: str
    person: int
    attempts: int
    payload: bytes


def add(
    connection: sa.Connection, kind: str, key: str, person: int, due: int, payload: bytes, made: int
) -> bool:
    """Add a task unless one with this key exists; whether it was added."""
    if connection.execute(sa.select(task.c.id).where(task.c.key == key)).scalar_one_or_none() is not None:
        return False
    connection.execute(
        task.insert().values(
            kind=kind,
            key=key,
            person=person,
            due=due,
            leased=0,
            attempts=0,
            state=READY,
            trouble="",
            payload=payload,
            made=made,
        )
    )
    return True


def claim(connection: sa.Connection, kinds: Sequence[str], now: int, until: int, limit: int) -> list[TaskRow]:
    """Lease up to `limit` due tasks of these kinds, oldest first. Of one person and kind only the oldest is due."""
    earlier = task.alias("earlier")
    blocked = sa.exists().where(
        earlier.c.person == task.c.person,
        earlier.c.kind == task.c.kind,
        earlier.c.state == READY,
        earlier.c.id < task.c.id,
        task.c.person > 0,
    )
    query = (
        sa.select(task)
        .where(
            task.c.state == READY, task.c.due <= now, task.c.leased <= now, task.c.kind.in_(kinds), ~blocked
        )
        .order_by(task.c.due, task.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    if rows:
        connection.execute(
            task.update()
            .where(task.c.id.in_([row.id for row in rows]))
            .values(leased=until, attempts=task.c.attempts + 1)
        )
    return [TaskRow(row.id, row.kind, row.key, row.person, row.attempts + 1, row.payload) for row in rows]


def finish(connection: sa.Connection, task_id: int) -> None:
    """The work is done; its payload goes."""
    connection.execute(
        task.update().where(task.c.id == task_id).values(state=DONE, leased=0, payload=b"", trouble="")
    )


def again(connection: sa.Connection, task_id: int, due: int, trouble: str) -> None:
    """The work failed and is tried again at `due`."""
    connection.execute(task.update().where(task.c.id == task_id).values(due=due, leased=0, trouble=trouble))


def give_up(connection: sa.Connection, task_id: int, trouble: str) -> None:
    """The work failed for good and is handed to a person."""
    connection.execute(
        task.update().where(task.c.id == task_id).values(state=FAILED, leased=0, trouble=trouble)
    )


def hand_over(connection: sa.Connection, trouble: str) -> int:
    """Hand every piece of work that is not done to a person; how many."""
    statement = task.update().where(task.c.state == READY)
    return connection.execute(statement.values(state=FAILED, leased=0, trouble=trouble)).rowcount


def waiting(connection: sa.Connection) -> dict[str, int]:
    """How many tasks stand in each state."""
    query = sa.select(task.c.state, sa.func.count()).group_by(task.c.state)
    return {state: count for state, count in connection.execute(query)}
