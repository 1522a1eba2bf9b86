"""Do-not-call registries: which issue is in force, and which numbers it lists, in keyed form."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from amana.storage import upsert
from amana.storage.tables import listing, meta, point, registry

CHUNK = 500
GENERATION = "registries_index"


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """One registry as it is loaded. `as_of` is the UTC second of the list's own date."""

    name: str
    code: int
    as_of: int
    issue: int
    loaded: int
    entries: int


def all_registries(connection: sa.Connection) -> dict[str, Registry]:
    """The loaded registries by name."""
    rows = connection.execute(sa.select(registry))
    return {row.name: Registry(**row._mapping) for row in rows}


def generation(connection: sa.Connection) -> int:
    """The generation of the index of addresses that the listings were made with."""
    query = sa.select(meta.c.value).where(meta.c.name == GENERATION)
    return int(connection.execute(query).scalar_one_or_none() or 1)


def begin_generation(connection: sa.Connection, number: int) -> None:
    """Drop every registry: its listings were made with another index, and match nobody any more."""
    connection.execute(registry.delete())
    upsert.replace(connection, meta, [{"name": GENERATION, "value": str(number)}])


def add_listings(connection: sa.Connection, code: int, issue: int, blinds: Sequence[bytes]) -> None:
    """Add numbers to an issue that is being loaded; repeating one is harmless."""
    upsert.ignore(
        connection, listing, [{"blind": blind, "registry": code, "issue": issue} for blind in blinds]
    )


def put(connection: sa.Connection, one: Registry) -> None:
    """Make an issue the one in force."""
    upsert.replace(connection, registry, [msgspec.structs.asdict(one)])


def drop_other_issues(connection: sa.Connection, code: int, issue: int) -> None:
    """Remove the listings of issues that are no longer in force, or never came to be."""
    connection.execute(listing.delete().where(listing.c.registry == code, listing.c.issue != issue))


def count(connection: sa.Connection, code: int, issue: int) -> int:
    """How many numbers an issue lists."""
    query = sa.select(sa.func.count()).select_from(listing)
    return int(
        connection.execute(query.where(listing.c.registry == code, listing.c.issue == issue)).scalar_one()
    )


def listed_people(connection: sa.Connection, people: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """(person, registry code) of everybody, or of these people, whose number an issue in force lists."""
    query = (
        sa.select(point.c.person, registry.c.code)
        .select_from(point)
        .join(listing, listing.c.blind == point.c.blind)
        .join(registry, sa.and_(registry.c.code == listing.c.registry, registry.c.issue == listing.c.issue))
        .where(point.c.kind == "phone")
    )
    if people is None:
        return [(row.person, row.code) for row in connection.execute(query)]
    found: list[tuple[int, int]] = []
    for start in range(0, len(people), CHUNK):
        chunk = query.where(point.c.person.in_(people[start : start + CHUNK]))
        found.extend((row.person, row.code) for row in connection.execute(chunk))
    return found
