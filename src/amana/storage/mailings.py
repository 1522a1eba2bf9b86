"""Mailings as rows of the task table: one head for each mailing, and one copy for each recipient.

Rule. The head's kind is `mailing`, and its payload says what is sent; it is kept when the mailing is over. A copy's kind
names its mailing, so that one mailing's copies are claimed, counted and ended without looking at others'. A copy has no
payload: its key and its person say everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import task
from amana.storage.tasks import DONE, READY

HEAD = "mailing"
COPY = "copy"
CHUNK = 500


class HeadRow(NamedTuple):
    """One mailing."""

    key: str
    state: str
    trouble: str
    payload: bytes
    made: int


def key(number: str) -> str:
    """The key of a mailing's head."""
    return f"{HEAD}/{number}"


def copies(number: str) -> str:
    """The kind of a mailing's copies."""
    return f"{COPY}/{number}"


def of_copy(kind: str) -> str:
    """Which mailing's copies are of this kind; empty for what is no copy."""
    return kind.removeprefix(f"{COPY}/") if kind.startswith(f"{COPY}/") else ""


def heads(connection: sa.Connection, limit: int) -> list[HeadRow]:
    """The latest mailings, newest first."""
    query = sa.select(task).where(task.c.kind == HEAD).order_by(task.c.id.desc()).limit(limit)
    return [_head(row) for row in connection.execute(query)]


def head(connection: sa.Connection, number: str) -> HeadRow | None:
    """One mailing."""
    row = connection.execute(sa.select(task).where(task.c.key == key(number))).one_or_none()
    return None if row is None else _head(row)


def is_running(connection: sa.Connection, number: str) -> bool:
    """Whether nobody stopped a mailing, and it is not over."""
    query = sa.select(task.c.state).where(task.c.key == key(number))
    return connection.execute(query).scalar_one_or_none() == READY


def set_state(
    connection: sa.Connection, number: str, held: Sequence[str], state: str, trouble: str = ""
) -> bool:
    """Move a mailing from one of some states to another; whether it was in one. It is due at once."""
    statement = task.update().where(task.c.key == key(number), task.c.state.in_(held))
    values = {"state": state, "trouble": trouble, "leased": 0, "attempts": 0, "due": task.c.made}
    return bool(connection.execute(statement.values(values)).rowcount)


def set_payload(connection: sa.Connection, number: str, payload: bytes) -> None:
    """Say anew what a mailing is."""
    connection.execute(task.update().where(task.c.key == key(number)).values(payload=payload))


def add_copies(connection: sa.Connection, number: str, people: Sequence[int], now: int) -> None:
    """Add a copy for each person; nobody of them may have one."""
    kind = copies(number)
    rows = [
        {
            "kind": kind,
            "key": f"{kind}/{one}",
            "person": one,
            "due": now,
            "leased": 0,
            "attempts": 0,
            "state": READY,
            "trouble": "",
            "payload": b"",
            "made": now,
        }
        for one in people
    ]
    if rows:
        connection.execute(task.insert(), rows)


def highest(connection: sa.Connection, number: str) -> int:
    """The highest id of a person who has a copy; 0 if nobody has."""
    query = sa.select(sa.func.max(task.c.person)).where(task.c.kind == copies(number))
    return int(connection.execute(query).scalar_one() or 0)


def next_due(connection: sa.Connection, number: str) -> int | None:
    """When the next copy can be claimed; None if none waits."""
    later = sa.case((task.c.leased > task.c.due, task.c.leased), else_=task.c.due)
    query = sa.select(sa.func.min(later)).where(task.c.kind == copies(number), task.c.state == READY)
    found = connection.execute(query).scalar_one()
    return None if found is None else int(found)


def settle(connection: sa.Connection, ids: Sequence[int], trouble: str) -> None:
    """Copies are over: sent, or, with a code, not sent."""
    _set(connection, ids, state=DONE, leased=0, trouble=trouble)


def put_off(connection: sa.Connection, ids: Sequence[int], due: int, trouble: str) -> None:
    """Only the clock says no: that is no failure, and is not counted as an attempt."""
    _set(connection, ids, due=due, leased=0, attempts=0, trouble=trouble)


def end(connection: sa.Connection, number: str, trouble: str) -> int:
    """End what still waits of a mailing; how many copies."""
    statement = task.update().where(task.c.kind == copies(number), task.c.state == READY)
    return connection.execute(statement.values(state=DONE, leased=0, trouble=trouble)).rowcount


def tally(connection: sa.Connection, number: str) -> list[tuple[str, str, int]]:
    """How many copies stand where: (state, code, copies)."""
    query = (
        sa.select(task.c.state, task.c.trouble, sa.func.count())
        .where(task.c.kind == copies(number))
        .group_by(task.c.state, task.c.trouble)
    )
    return [(state, trouble, count) for state, trouble, count in connection.execute(query)]


def _set(connection: sa.Connection, ids: Sequence[int], **values: object) -> None:
    for start in range(0, len(ids), CHUNK):
        chosen = task.c.id.in_(ids[start : start + CHUNK])
        connection.execute(task.update().where(chosen).values(**values))


def _head(row: sa.Row[tuple[object, ...]]) -> HeadRow:
    return HeadRow(row.key, row.state, row.trouble, row.payload, row.made)
