"""Tokens: what a link or a code stands for. The token itself is nowhere; its keyed hash is."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import token

MESSAGE, CONFIRM, CODE, STEP_UP = "message", "confirm", "code", "step_up"


class TokenRow(NamedTuple):
    """One token."""

    hash: bytes
    kind: str
    person: int
    cell: int
    made: int
    expires: int  # 0: lives while the person does
    used: int | None
    tries: int
    data: bytes


def put(connection: sa.Connection, *rows: TokenRow) -> None:
    """Add tokens."""
    if rows:
        connection.execute(token.insert(), [row._asdict() for row in rows])


def get(connection: sa.Connection, digest: bytes) -> TokenRow | None:
    """The token behind a keyed hash."""
    row = connection.execute(sa.select(token).where(token.c.hash == digest)).one_or_none()
    return None if row is None else TokenRow(*row)


def use(connection: sa.Connection, digest: bytes, at: int) -> None:
    """A single-use token was used."""
    connection.execute(token.update().where(token.c.hash == digest).values(used=at))


def tried(connection: sa.Connection, digest: bytes) -> None:
    """A code was tried and was wrong."""
    connection.execute(token.update().where(token.c.hash == digest).values(tries=token.c.tries + 1))


def made_since(connection: sa.Connection, person: int, kind: str, since: int) -> int:
    """How many tokens of a kind a person was given since a moment."""
    query = sa.select(sa.func.count()).select_from(token)
    return int(
        connection.execute(
            query.where(token.c.person == person, token.c.kind == kind, token.c.made >= since)
        ).scalar_one()
    )


def open_for(connection: sa.Connection, person: int, kind: str, now: int) -> TokenRow | None:
    """The newest unused, unexpired token of a kind of a person."""
    query = (
        sa.select(token)
        .where(token.c.person == person, token.c.kind == kind, token.c.used.is_(None), token.c.expires > now)
        .order_by(token.c.made.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else TokenRow(*row)
