"""Migrations: how the main database's schema grows over the years.

Rule. Revisions are numbered and stand in `versions/`, one file each, written once and never changed. A revision only
adds: tables, indexes, columns with a default. So an older program goes on running on a newer schema, and machines can
be updated one by one; what nobody uses any more is dropped a release later, by a revision that raises the *generation*
(`tables.SCHEMA_VERSION`), which every program compares. A newer program on an older schema refuses to start and names
the command that mends it.

All pending revisions run in one write transaction, in the writers' turn: one that fails leaves the schema as it was,
on SQLite and on PostgreSQL. A new workspace is made whole and marked with `HEAD`; a test holds that this and the
revisions come to the same.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from amana import errors
from amana.storage import tables

FOLDER = Path(__file__).parent
HEAD = "0010"
"""The revision that this program needs."""


def revision_of(connection: sa.Connection) -> str | None:
    """The revision of a database; None if it was never marked with one."""
    if not sa.inspect(connection).has_table(tables.revision.name):
        return None
    return connection.execute(sa.select(tables.revision.c.version_num)).scalar_one_or_none()


def check(connection: sa.Connection) -> None:
    """Raises StoreOutdated unless this program can run on the database's schema."""
    generation = connection.execute(
        sa.select(tables.meta.c.value).where(tables.meta.c.name == "schema")
    ).scalar_one()
    if int(generation) != tables.SCHEMA_VERSION:
        raise errors.StoreOutdated(
            "The database is of another generation than this program",
            expected=str(tables.SCHEMA_VERSION),
            got=str(generation),
            remedy="use the release of Amana that last wrote it",
        )
    found = revision_of(connection)
    if found is None:
        raise errors.StoreOutdated(
            "The database was made before there were migrations",
            remedy="make a new workspace and import its sources again",
        )
    if found < HEAD:  # a higher one is an addition of a later release, which leaves ours as it was
        raise errors.StoreOutdated(
            "The database's schema is older than this program",
            expected=f"revision {HEAD}",
            got=f"revision {found}",
            remedy="make a backup, then run `amana migrate`",
        )


def pending(connection: sa.Connection, folder: Path = FOLDER) -> list[str]:
    """The revisions that the database lacks, oldest first."""
    found = revision_of(connection) or ""
    return [one for one in revisions(folder) if one > found]


def revisions(folder: Path = FOLDER) -> list[str]:
    """All revisions there are, oldest first."""
    return sorted(one.revision for one in ScriptDirectory.from_config(_config(folder)).walk_revisions())


def upgrade(connection: sa.Connection, to: str = "head", folder: Path = FOLDER) -> None:
    """Apply the pending revisions up to one. The caller's transaction holds them all."""
    config = _config(folder)
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
