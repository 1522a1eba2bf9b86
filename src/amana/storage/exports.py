"""Exports: which files with contact values were made, for whom, and whom they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from amana.storage.tables import export, exported, person

CHUNK = 500


class ExportRow(NamedTuple):
    """One export."""

    id: int
    at: int
    recipient: str
    file: str
    expires: int
    people: int
    recall: str


def unknown(connection: sa.Connection, people: Sequence[int]) -> list[int]:
    """Those of these people who are not here."""
    known: set[int] = set()
    for start in range(0, len(people), CHUNK):
        query = sa.select(person.c.id).where(person.c.id.in_(people[start : start + CHUNK]))
        known.update(connection.execute(query).scalars())
    return [one for one in people if one not in known]


def add(connection: sa.Connection, at: int, recipient: str, file: str, expires: int, people: int) -> int:
    """Register an export; its number."""
    statement = export.insert().values(
        at=at, recipient=recipient, file=file, expires=expires, people=people, recall="none"
    )
    return int(connection.execute(statement.returning(export.c.id)).scalar_one())


def add_members(connection: sa.Connection, number: int, people: Sequence[int]) -> None:
    """Remember whom an export holds."""
    for start in range(0, len(people), CHUNK):
        rows = [{"person": one, "export": number} for one in people[start : start + CHUNK]]
        connection.execute(exported.insert(), rows)


def holding(connection: sa.Connection, person: int) -> set[int]:
    """The numbers of the exports that hold a person."""
    query = sa.select(exported.c.export).where(exported.c.person == person)
    return set(connection.execute(query).scalars())


def all_exports(connection: sa.Connection) -> list[ExportRow]:
    """Every export in order of number."""
    return [ExportRow(*row) for row in connection.execute(sa.select(export).order_by(export.c.id))]


def recall(connection: sa.Connection, number: int, state: str) -> bool:
    """Set where the recall of an export stands, and forget whom a recalled one held; whether there is one."""
    changed = connection.execute(export.update().where(export.c.id == number).values(recall=state))
    if changed.rowcount and state == "confirmed":
        connection.execute(exported.delete().where(exported.c.export == number))
    return bool(changed.rowcount)
