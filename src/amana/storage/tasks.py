"""Tasks: work that leaves the process, as rows written in the same transaction as their cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import task

READY, DONE, FAILED = "ready", "done", "failed"
STOPPED = "stopped"
NOT_REPEATED = "not_repeated"  # whether it left is not known, and twice would be worse than never
FINAL = ("person_erased", STOPPED, NOT_REPEATED)
"""Troubles that another try would not mend, or that somebody wanted."""


class TaskRow(NamedTuple):
    """One piece of work."""

    id: int
    kind: str
    key: str
    person: int
    attempts: int
    payload: bytes
    trouble: str = ""  # how the attempt before this one ended; "" too if nobody heard of its end
    due: int = 0  # since when it waits: the end of an attempt moves it on, a claim does not


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
            .values(leased=until, attempts=task.c.attempts + 1, trouble="")
        )
    return [
        TaskRow(row.id, row.kind, row.key, row.person, row.attempts + 1, row.payload, row.trouble, row.due)
        for row in rows
    ]


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


def go_on(connection: sa.Connection, task_id: int, due: int) -> None:
    """The work is not over and goes on at `due`, unless somebody ended it: that is no failure."""
    chosen = sa.and_(task.c.id == task_id, task.c.state == READY)
    connection.execute(task.update().where(chosen).values(due=due, leased=0, attempts=0, trouble=""))


def hand_over(connection: sa.Connection, trouble: str) -> int:
    """Hand every piece of work that is not done to a person; how many."""
    statement = task.update().where(task.c.state == READY)
    return connection.execute(statement.values(state=FAILED, leased=0, trouble=trouble)).rowcount


class Standing(NamedTuple):
    """How many tasks of one kind stand alike."""

    kind: str
    state: str
    trouble: str
    number: int
    oldest: int  # when the first of them was made, UTC second


def standing(connection: sa.Connection) -> list[Standing]:
    """Tasks that are not done, by kind, state and trouble."""
    columns = (task.c.kind, task.c.state, task.c.trouble)
    query = (
        sa.select(*columns, sa.func.count(), sa.func.min(task.c.made))
        .where(task.c.state != DONE)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Standing(*row) for row in connection.execute(query)]


def failed(connection: sa.Connection, kind: str, trouble: str, limit: int) -> list[TaskRow]:
    """Failed tasks that may be tried again, oldest first; of one kind or with one trouble unless they are empty."""
    chosen = sa.and_(task.c.state == FAILED, task.c.trouble.not_in(FINAL))
    query = sa.select(task).where(chosen).order_by(task.c.id).limit(limit)
    if kind:
        query = query.where(sa.or_(task.c.kind == kind, task.c.kind.startswith(f"{kind}/", autoescape=True)))
    if trouble:
        query = query.where(task.c.trouble == trouble)
    return [
        TaskRow(row.id, row.kind, row.key, row.person, row.attempts, row.payload, row.trouble)
        for row in connection.execute(query)
    ]


def put_back(connection: sa.Connection, ids: Sequence[int], now: int) -> int:
    """Failed tasks are due again, as if they had never been tried; how many."""
    chosen = sa.and_(task.c.id.in_(ids), task.c.state == FAILED)
    values = {"state": READY, "due": now, "leased": 0, "attempts": 0}
    return connection.execute(task.update().where(chosen).values(values)).rowcount


def made_since(connection: sa.Connection, person: int, prefix: str, since: int) -> int:
    """How many tasks of a person whose keys begin so were made since a moment, done or not."""
    query = (
        sa.select(sa.func.count())
        .select_from(task)
        .where(task.c.person == person, task.c.made >= since, task.c.key.startswith(prefix, autoescape=True))
    )
    return int(connection.execute(query).scalar_one())


def standing_of(connection: sa.Connection, key: str) -> tuple[str, str] | None:
    """State and trouble of the task with a key; None if there is none."""
    row = connection.execute(sa.select(task.c.state, task.c.trouble).where(task.c.key == key)).one_or_none()
    return None if row is None else (row.state, row.trouble)


def waiting(connection: sa.Connection) -> dict[str, int]:
    """How many tasks stand in each state."""
    query = sa.select(task.c.state, sa.func.count()).group_by(task.c.state)
    return {state: count for state, count in connection.execute(query)}
