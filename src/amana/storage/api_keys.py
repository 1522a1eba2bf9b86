"""Keys of the interface: who may ask over the network, for which brands, and for what.

Rule. The key itself is nowhere; its keyed hash is. A revoked or expired key stays as a row, because events and looks name
it, and its name is not given again.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from amana import errors
from amana.storage.tables import api_key


class ApiKeyRow(NamedTuple):
    """One key. Times are UTC seconds."""

    hash: bytes
    name: str
    brands: str  # space-separated, * for all
    actions: str  # space-separated
    made: int
    expires: int  # 0: does not
    revoked: int | None


def put(connection: sa.Connection, row: ApiKeyRow) -> None:
    """Add a key. Raises Conflict if its name was given before."""
    if named(connection, row.name) is not None:
        raise errors.Conflict("There is or was an API key of this name", remedy="choose another name")
    connection.execute(api_key.insert().values(**row._asdict()))


def by_hash(connection: sa.Connection, digest: bytes) -> ApiKeyRow | None:
    """The key behind a keyed hash."""
    row = connection.execute(sa.select(api_key).where(api_key.c.hash == digest)).one_or_none()
    return None if row is None else ApiKeyRow(*row)


def named(connection: sa.Connection, name: str) -> ApiKeyRow | None:
    """The key of a name."""
    row = connection.execute(sa.select(api_key).where(api_key.c.name == name)).one_or_none()
    return None if row is None else ApiKeyRow(*row)


def every(connection: sa.Connection) -> list[ApiKeyRow]:
    """All keys, by name."""
    return [ApiKeyRow(*row) for row in connection.execute(sa.select(api_key).order_by(api_key.c.name))]


def replace_hash(connection: sa.Connection, name: str, digest: bytes, expires: int) -> None:
    """Give a name another key; the old one is good no more."""
    connection.execute(api_key.update().where(api_key.c.name == name).values(hash=digest, expires=expires))


def revoke(connection: sa.Connection, name: str, at: int) -> None:
    """A key is good no more."""
    connection.execute(api_key.update().where(api_key.c.name == name).values(revoked=at))
