"""The small registers of a workspace: terms, published notices, reviews, suppressions, sends, looks.

Rule. Numbers that were given stay given. The versions of a notice stand in the order in which they were published, which
no clock can change: the moment that is kept of each is later than that of the one before, by a second at least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from amana.core import cells
from amana.core.cells import Terms
from amana.core.notices import Published
from amana.storage import upsert
from amana.storage.tables import look, notice, review, sent, suppression, term

CHUNK = 500
OPEN, KEPT_APART = "open", "kept_apart"  # states of a review


def terms(connection: sa.Connection) -> Terms:
    """The numbers of all brands, purposes, recipients and categories of data that the workspace ever had."""
    return Terms(*(_codes(connection, kind) for kind in ("brand", "purpose", "recipient", "category")))


def topics(connection: sa.Connection) -> list[str]:
    """All topics in order of number."""
    codes = _codes(connection, "topic")
    return sorted(codes, key=codes.__getitem__)


def add_terms(connection: sa.Connection, kind: str, names: Iterable[str]) -> None:
    """Number new names of a kind from one, after those that have a number; names keep theirs for ever."""
    held = _codes(connection, kind)
    for name in names:
        if name not in held:
            held[name] = len(held) + 1
            connection.execute(term.insert().values(kind=kind, name=name, code=held[name]))


def add_categories(connection: sa.Connection, names: Iterable[str]) -> None:
    """Number new categories of data, each inside the wider ones. Raises BadWorkspace."""
    for name, code in cells.numbered(_codes(connection, "category"), names).items():
        connection.execute(term.insert().values(kind="category", name=name, code=code))


def _codes(connection: sa.Connection, kind: str) -> dict[str, int]:
    query = sa.select(term.c.name, term.c.code).where(term.c.kind == kind).order_by(term.c.code)
    return {row.name: row.code for row in connection.execute(query)}


def notice_versions(connection: sa.Connection, name: str | None = None) -> list[Published]:
    """Published versions in order of publication, of one notice or of all."""
    query = sa.select(notice).order_by(notice.c.epoch, notice.c.published)
    if name is not None:
        query = query.where(notice.c.id == name)
    return [
        Published(
            id=row.id,
            version=row.version,
            hash=row.hash,
            epoch=row.epoch,
            material=row.material,
            content=msgspec.json.decode(row.content),
        )
        for row in connection.execute(query)
    ]


def put_notice(connection: sa.Connection, published: Published, content: str, at: int) -> None:
    """Add a published version. `at` is a UTC second; the version is the latest also where the clock went back."""
    latest = sa.select(sa.func.max(notice.c.published)).where(notice.c.id == published.id)
    before = connection.execute(latest).scalar_one()
    connection.execute(
        notice.insert().values(
            id=published.id,
            version=published.version,
            hash=published.hash,
            epoch=published.epoch,
            material=published.material,
            content=content,
            published=at if before is None else max(at, before + 1),
        )
    )


def replace_notice(connection: sa.Connection, published: Published, content: str, at: int) -> None:
    """Put other wording in the place of the latest version's."""
    here = (notice.c.id == published.id) & (notice.c.version == published.version)
    connection.execute(notice.delete().where(here))
    put_notice(connection, published, content, at)


def latest_publication(connection: sa.Connection) -> int:
    """When a notice was last published, in UTC seconds; 0 if none was."""
    return connection.execute(sa.select(sa.func.max(notice.c.published))).scalar_one() or 0


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Two people who share an address and differ in name, age or guardian: for a person to look at."""

    id: int = 0  # given by the database
    person: int  # the newcomer
    other: int  # who held the address already
    reason: str
    source: int
    at: int
    state: str = OPEN
    closed: int | None = None  # UTC second
    actor: str = ""
    why: str = ""  # in the words of whoever closed it


def put_reviews(connection: sa.Connection, reviews: Sequence[Review]) -> None:
    """Add reviews, open."""
    if reviews:
        rows = [msgspec.structs.asdict(one) for one in reviews]
        connection.execute(
            review.insert(), [{name: row[name] for name in row if name != "id"} for row in rows]
        )


def open_reviews(connection: sa.Connection) -> list[Review]:
    """Reviews that nobody has settled yet, oldest first."""
    return _reviews(connection, review.c.state == OPEN)


def closed_reviews(connection: sa.Connection) -> list[Review]:
    """Reviews that somebody settled, oldest first."""
    return _reviews(connection, review.c.state != OPEN)


def reviews_of(connection: sa.Connection, ids: Sequence[int]) -> dict[int, Review]:
    """Reviews by their numbers; those that are not there are left out."""
    return {one.id: one for one in _reviews(connection, review.c.id.in_(ids))}


def close_reviews(connection: sa.Connection, ids: Sequence[int], at: int, actor: str, why: str) -> None:
    """The people of open reviews stay two: by whom it was said, and why."""
    query = review.update().where(review.c.id.in_(ids), review.c.state == OPEN)
    connection.execute(query.values(state=KEPT_APART, closed=at, actor=actor, why=why))


def _reviews(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Review]:
    names = msgspec.structs.fields(Review)
    return [
        Review(**{one.name: getattr(row, one.name) for one in names})
        for row in connection.execute(sa.select(review).where(where).order_by(review.c.id))
    ]


ERASED = "erased"
"""The suppression list of people who were erased."""


def suppressed(connection: sa.Connection, blinds: Sequence[bytes], list_name: str = "") -> set[bytes]:
    """Which of these keyed hashes stand on a suppression list; on any, where none is named."""
    found: set[bytes] = set()
    for start in range(0, len(blinds), CHUNK):
        query = sa.select(suppression.c.blind).where(suppression.c.blind.in_(blinds[start : start + CHUNK]))
        if list_name:
            query = query.where(suppression.c.list == list_name)
        found.update(connection.execute(query).scalars())
    return found


def suppress(connection: sa.Connection, blinds: Iterable[bytes], list_name: str, at: int) -> None:
    """Put keyed hashes on a suppression list; one that is there already stays as it is."""
    rows = [{"blind": blind, "list": list_name, "at": at} for blind in blinds]
    if rows:
        upsert.ignore(connection, suppression, rows)


def note_sent(connection: sa.Connection, sends: Sequence[tuple[int, int, int]]) -> None:
    """Remember contacts: (person, cell, UTC second)."""
    if sends:
        connection.execute(sent.insert(), [{"person": p, "cell": c, "at": at} for p, c, at in sends])


def put_past(connection: sa.Connection, sends: Sequence[tuple[int, int, int]], below: int) -> int:
    """Remember contacts that another tool made: (person, cell, UTC second). The first of their ids, below zero.

    `below` is the lowest id that was ever given: rows of somebody who was erased leave no trace of theirs.
    """
    least = connection.execute(sa.select(sa.func.min(sent.c.id))).scalar_one_or_none() or 0
    first = min(0, least, below) - len(sends)
    rows = [{"id": first + n, "person": p, "cell": c, "at": at} for n, (p, c, at) in enumerate(sends)]
    if rows:
        connection.execute(sent.insert(), rows)
    return first


def drop_past(connection: sa.Connection, first: int, end: int) -> int:
    """Forget contacts by their ids, from the first up to (not including) the end; how many."""
    return connection.execute(sent.delete().where(sent.c.id >= first, sent.c.id < end)).rowcount


def sends_since(
    connection: sa.Connection, brand: int, channel: int, since: int, until: int
) -> list[tuple[int, int]]:
    """(person, UTC second) of a brand's contacts on a channel in `(since, until]`, whatever their purpose."""
    query = sa.select(sent.c.person, sent.c.at).where(
        sent.c.at > since,
        sent.c.at <= until,
        sent.c.cell.between(brand << 24, (brand << 24) | 0xFFFFFF),  # PostgreSQL shifts by integers only
        sent.c.cell.bitwise_and(0xFF) == channel,
    )
    return [(row.person, row.at) for row in connection.execute(query)]


def note_look(connection: sa.Connection, at: int, actor: str, purpose: str, person: int, fields: str) -> None:
    """Record that somebody looked at identifying values."""
    connection.execute(
        look.insert().values(at=at, actor=actor, purpose=purpose, person=person, fields=fields)
    )


def looks(connection: sa.Connection, person: int | None = None) -> list[tuple[int, str, str, int, str]]:
    """(when, actor, purpose, person, fields) of every look, oldest first."""
    query = sa.select(look.c.at, look.c.actor, look.c.purpose, look.c.person, look.c.fields).order_by(
        look.c.id
    )
    if person is not None:
        query = query.where(look.c.person == person)
    return [(row.at, row.actor, row.purpose, row.person, row.fields) for row in connection.execute(query)]
