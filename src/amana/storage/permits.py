"""Permits: single-use authorisations to act, and what became of them.

Rule. A redeemed permit says that a message was about to be handed over, and nothing more. What became of a copy that was
passed on stands in the task table, under a key that follows from its permit: `done` without a code is sent, with one it
was refused; `ready` is a copy that waits for another try. A permit without such a row belongs to a copy in hand, or to
one whose process died: nobody knows of it. No row is written for a permit that is gone, because its person was erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import permit, sent, task
from amana.storage.tasks import DONE

CHUNK = 500

# Made once: putting a statement together costs more than running it on a few rows.
_PEOPLE: sa.BindParameter[Sequence[int]] = sa.bindparam("people", expanding=True)
_GET = sa.select(permit).where(permit.c.id.in_(sa.bindparam("ids", expanding=True)))
_CONTACTS = sa.union_all(
    sa.select(sent.c.person, sent.c.cell, sent.c.at).where(
        sent.c.person.in_(_PEOPLE), sent.c.at > sa.bindparam("since")
    ),
    sa.select(permit.c.person, permit.c.cell, permit.c.taken).where(
        permit.c.person.in_(_PEOPLE), permit.c.redeemed.is_(None), permit.c.expires > sa.bindparam("now")
    ),
)
_REDEEMED_WITH = sa.select(permit.c.person).where(
    permit.c.person.in_(_PEOPLE),
    permit.c.taken >= sa.bindparam("since"),
    permit.c.content.in_(sa.bindparam("contents", expanding=True)),
    permit.c.redeemed.is_not(None),
)
_HANDED = sa.select(permit.c.id, permit.c.person, permit.c.redeemed).where(
    permit.c.person.in_(_PEOPLE),
    permit.c.taken >= sa.bindparam("since"),
    permit.c.content == sa.bindparam("content"),
    permit.c.redeemed.is_not(None),
)
_STOOD = sa.select(task.c.key, task.c.state, task.c.trouble).where(
    task.c.key.in_(sa.bindparam("keys", expanding=True))
)
_REDEEM = permit.update().where(permit.c.id == sa.bindparam("one")).values(redeemed=sa.bindparam("moment"))


class PermitRow(NamedTuple):
    """One permit."""

    id: bytes
    person: int
    cell: int
    taken: int
    expires: int
    content: bytes
    known: int
    law: str
    grant: str
    redeemed: int | None


class Fate(NamedTuple):
    """What is known of a message that a permit was redeemed for."""

    person: int
    redeemed: int  # UTC second
    state: str = ""  # of its row in the task table; "" while nobody wrote down what became of it
    trouble: str = ""  # why it was refused, or what it waits for


class Settled(NamedTuple):
    """A copy that was handed over, and the relay's answer."""

    permit: bytes
    person: int
    trouble: str  # "" for a copy that the relay took


def put(connection: sa.Connection, rows: Sequence[PermitRow]) -> None:
    """Add permits."""
    if rows:
        connection.execute(permit.insert(), [row._asdict() for row in rows])


def get(connection: sa.Connection, ids: Sequence[bytes]) -> dict[bytes, PermitRow]:
    """Permits by id; unknown ones are left out."""
    found: dict[bytes, PermitRow] = {}
    for start in range(0, len(ids), CHUNK):
        rows = connection.execute(_GET, {"ids": ids[start : start + CHUNK]})
        found |= {row.id: PermitRow(*row) for row in rows}
    return found


def redeem(connection: sa.Connection, ids: Sequence[bytes], at: int) -> None:
    """Mark permits as redeemed."""
    if ids:
        connection.execute(_REDEEM, [{"one": one, "moment": at} for one in ids])


def of_person(connection: sa.Connection, person: int) -> list[PermitRow]:
    """A person's permits, oldest first: what answers "why did I get this message?"."""
    query = sa.select(permit).where(permit.c.person == person).order_by(permit.c.taken)
    return [PermitRow(*row) for row in connection.execute(query)]


def contacts(
    connection: sa.Connection, people: Sequence[int], since: int, now: int
) -> dict[int, list[tuple[int, int]]]:
    """(cell, UTC second) of each person's contacts since a moment, in-flight permits included."""
    found: dict[int, list[tuple[int, int]]] = {}
    for start in range(0, len(people), CHUNK):
        words = {"people": people[start : start + CHUNK], "since": since, "now": now}
        for person, cell, at in connection.execute(_CONTACTS, words):
            found.setdefault(person, []).append((cell, at))
    return found


def redeemed_with(
    connection: sa.Connection, contents: Sequence[bytes], people: Sequence[int], since: int
) -> set[int]:
    """Which of these people had a permit redeemed for any of these contents since a moment: they have it already."""
    found: set[int] = set()
    for start in range(0, len(people), CHUNK):
        words = {"people": people[start : start + CHUNK], "since": since, "contents": contents}
        found.update(connection.execute(_REDEEMED_WITH, words).scalars())
    return found


def key(permit_id: bytes) -> str:
    """The key of the task that says what became of a copy that was passed on."""
    return f"passed_on/{permit_id.hex()}"


def settle(connection: sa.Connection, copies: Sequence[Settled], now: int) -> None:
    """Write down what became of copies that were handed over; those of people erased meanwhile are left out."""
    there = get(connection, [one.permit for one in copies])
    rows = [
        {
            "kind": "mail",
            "key": key(one.permit),
            "person": one.person,
            "due": now,
            "leased": 0,
            "attempts": 1,
            "state": DONE,
            "trouble": one.trouble,
            "payload": b"",
            "made": now,
        }
        for one in copies
        if one.permit in there
    ]
    if rows:
        connection.execute(task.insert(), rows)


def fates(connection: sa.Connection, content: bytes, people: Sequence[int], since: int) -> list[Fate]:
    """What became of each message with one content that these people had a permit redeemed for since a moment."""
    found: list[Fate] = []
    for start in range(0, len(people), CHUNK):
        words = {"people": people[start : start + CHUNK], "since": since, "content": content}
        handed = {key(row.id): Fate(row.person, row.redeemed) for row in connection.execute(_HANDED, words)}
        for row in connection.execute(_STOOD, {"keys": list(handed)}):
            handed[row.key] = handed[row.key]._replace(state=row.state, trouble=row.trouble)
        found += handed.values()
    return found
