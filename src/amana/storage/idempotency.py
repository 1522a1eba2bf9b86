"""Answers that were given under an Idempotency-Key, so that a repeated request is answered and not done again.

Rule. A row is written before the work, with an empty answer, and completed after it. Rows live for `LIFE` seconds.
Neither the request nor the key stands here, only hashes of both; an answer holds positions and ids, never a
personal value.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import idempotency

LIFE = 86_400


class AnswerRow(NamedTuple):
    """What stands under one key."""

    key: bytes
    request: bytes
    answer: str  # "" while the work goes on
    made: int


def get(connection: sa.Connection, key: bytes) -> AnswerRow | None:
    """What stands under a key."""
    row = connection.execute(sa.select(idempotency).where(idempotency.c.key == key)).one_or_none()
    return None if row is None else AnswerRow(*row)


def put(connection: sa.Connection, row: AnswerRow) -> None:
    """Write a key down; what is older than a day goes."""
    connection.execute(idempotency.delete().where(idempotency.c.made < row.made - LIFE))
    connection.execute(idempotency.insert().values(**row._asdict()))


def renew(connection: sa.Connection, key: bytes, made: int) -> None:
    """Somebody does the work anew from this moment, instead of whoever began it."""
    connection.execute(idempotency.update().where(idempotency.c.key == key).values(made=made))


def complete(connection: sa.Connection, key: bytes, made: int, answer: str) -> None:
    """The work begun at `made` is done, and this was answered; nothing if somebody does it anew."""
    mine = sa.and_(idempotency.c.key == key, idempotency.c.made == made)
    connection.execute(idempotency.update().where(mine).values(answer=answer))


def drop(connection: sa.Connection, key: bytes, made: int) -> None:
    """The work begun at `made` was refused: the key may be used again."""
    mine = sa.and_(idempotency.c.key == key, idempotency.c.made == made)
    connection.execute(idempotency.delete().where(mine))
