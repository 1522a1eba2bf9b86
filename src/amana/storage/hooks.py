"""Hooks: addresses of other systems that hear of events, and how far into the log they were told.

Rule. One number says up to which log position events were turned into tasks; it is moved in the transaction that adds the
tasks, so an event is told to a hook once, whatever stops in between.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from amana.storage import positions
from amana.storage.tables import hook

_TOLD = "hooks_told"


class HookRow(NamedTuple):
    """One hook. Times are UTC seconds."""

    id: int
    url: str
    events: str  # space-separated CloudEvents types, * for all
    secret: str  # name of the signing secret in the key store
    made: int
    stopped: int | None


def add(connection: sa.Connection, url: str, events: str, secret: str, made: int) -> int:
    """Add a hook; its number."""
    result = connection.execute(
        hook.insert().values(url=url, events=events, secret=secret, made=made).returning(hook.c.id)
    )
    return int(result.scalar_one())


def every(connection: sa.Connection) -> list[HookRow]:
    """All hooks by number, stopped ones too."""
    return [HookRow(*row) for row in connection.execute(sa.select(hook).order_by(hook.c.id))]


def stop(connection: sa.Connection, number: int, at: int) -> int:
    """A hook hears no more; how many there were of this number."""
    return connection.execute(hook.update().where(hook.c.id == number).values(stopped=at)).rowcount


def told(connection: sa.Connection) -> int | None:
    """Up to which log position (not including) events were turned into tasks; None before the first hook."""
    return positions.get(connection, _TOLD)


def set_told(connection: sa.Connection, position: int) -> None:
    """Remember how far."""
    positions.put(connection, _TOLD, position)
