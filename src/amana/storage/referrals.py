"""Friends to whom the one message of a referral went: keyed hashes of their addresses, and nothing else about them.

Trusted: yes. Losable: a second message to somebody. What its thief gets: hashes that only the workspace's key makes.
"""

from __future__ import annotations

import sqlalchemy as sa

from amana.storage.tables import referred


def sent(connection: sa.Connection, friend: bytes) -> bool:
    """Whether the one message went to this friend."""
    query = sa.select(referred.c.friend).where(referred.c.friend == friend)
    return connection.execute(query).one_or_none() is not None


def put(connection: sa.Connection, friend: bytes, at: int) -> bool:
    """Take the one message as sent, in a write transaction; False if it was before."""
    if sent(connection, friend):
        return False
    connection.execute(referred.insert().values(friend=friend, at=at))
    return True
