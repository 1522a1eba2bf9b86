"""Restores and backups: what the main database remembers of them, as rows of `meta`.

Rule. `restored` stands from the restore until the refusals since the backup are back, or somebody says with a reason why
it can be done without; while it holds, everything denies. It then stays as a record of what happened. `backup` is the
latest backup that was taken and verified.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from amana.storage import upsert
from amana.storage.tables import meta

_RESTORED, _BACKUP = "restored", "backup"


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """That this database came from a backup. Times are UTC seconds."""

    at: int
    origin: str  # of the log before
    key: str  # its public key, as a verifier key
    size: int  # of the tree in the backup: what came later is not here
    note: str  # the latest checkpoint that the old origin is known to have signed
    made: int  # when the backup was made
    lifted: int | None = None
    how: str = ""  # replayed | waived
    reason: str = ""
    actor: str = ""


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """The latest backup."""

    at: int  # UTC second
    size: int  # of the tree in it


def restored(connection: sa.Connection) -> Restored | None:
    """The latest restore, whether it still holds or not; None if there was none."""
    text = _value(connection, _RESTORED)
    return None if text is None else msgspec.json.decode(text, type=Restored)


def holds(connection: sa.Connection) -> bool:
    """Whether everything denies because of a restore."""
    found = restored(connection)
    return found is not None and found.lifted is None


def put_restored(connection: sa.Connection, one: Restored) -> None:
    """Remember a restore, or what became of it."""
    _put(connection, _RESTORED, msgspec.json.encode(one).decode())


def backup(connection: sa.Connection) -> Backup | None:
    """The latest backup, None if there was none."""
    text = _value(connection, _BACKUP)
    return None if text is None else msgspec.json.decode(text, type=Backup)


def put_backup(connection: sa.Connection, one: Backup) -> None:
    """Remember a backup as the latest."""
    _put(connection, _BACKUP, msgspec.json.encode(one).decode())


def set_origin(connection: sa.Connection, origin: str) -> None:
    """Give the log its name."""
    _put(connection, "origin", origin)


def _value(connection: sa.Connection, name: str) -> str | None:
    return connection.execute(sa.select(meta.c.value).where(meta.c.name == name)).scalar_one_or_none()


def _put(connection: sa.Connection, name: str, value: str) -> None:
    upsert.replace(connection, meta, [{"name": name, "value": value}])
