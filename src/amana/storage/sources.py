"""Sources: each import and capture point through which events came, with how far it got."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from amana.storage import upsert
from amana.storage.tables import source

RUNNING = "running"  # an import's state until it is done, also while it is stopped half-way


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One import or capture point. `id` stands in every event that came through it."""

    id: int
    kind: str
    name: str
    digest: str
    generation: int
    basis: str
    state: str  # running | done | undone
    started: int
    finished: int | None = None
    part: str = ""
    line: int = 0
    counts: dict[str, int] = {}
    held: bool = False  # a bought list whose papers fail: nobody is contacted on its strength
    papers: str = ""  # of a bought list, as JSON
    notice_due: int | None = None  # UTC second (GDPR art. 14)


def get(connection: sa.Connection, source_id: int) -> Source | None:
    """One source by number."""
    row = connection.execute(sa.select(source).where(source.c.id == source_id)).one_or_none()
    return None if row is None else _source(row)


def all_sources(connection: sa.Connection) -> list[Source]:
    """All sources in order of number."""
    return [_source(row) for row in connection.execute(sa.select(source).order_by(source.c.id))]


def of_digest(connection: sa.Connection, digest: str) -> list[Source]:
    """Earlier sources made from the same file and mapping, oldest first."""
    query = sa.select(source).where(source.c.digest == digest).order_by(source.c.id)
    return [_source(row) for row in connection.execute(query)]


def next_id(connection: sa.Connection) -> int:
    """The number of the next source, from 1."""
    highest = connection.execute(sa.select(sa.func.max(source.c.id))).scalar_one()
    return 1 if highest is None else int(highest) + 1


def put(connection: sa.Connection, one: Source) -> None:
    """Insert or replace a source."""
    counts = msgspec.json.encode(one.counts).decode()
    row = msgspec.structs.asdict(one) | {"counts": counts, "held": int(one.held)}
    upsert.replace(connection, source, [row])


def _source(row: sa.Row[tuple[object, ...]]) -> Source:
    values = dict(row._mapping)
    values["counts"] = msgspec.json.decode(values["counts"], type=dict[str, int])
    values["held"] = bool(values["held"])
    return Source(**values)
