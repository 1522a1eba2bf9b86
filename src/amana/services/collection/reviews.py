"""Reviews: two people who share an address and differ, for somebody to look at.

Rule. An import that meets a known address with another name, birth month or guardian makes two people and merges nothing;
a refusal of one binds the other. Such a pair stays open until somebody says that they are two, and why. Closing
changes nothing about the people: it says that somebody looked, who, when, and in which words. Those words are about the
pair and stand with it until one of the two is erased.

A number that more than `FEW` people gave is hardly anybody's own: a placeholder, a front desk.
Its pairs, which grow with the square of its people, are one *crowd*, told with its people once. A pair that also
shares an address of fewer people stays a pair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import points, register
from amana.storage.register import Review

LONGEST = 500  # characters of a reason
FEW = 5  # people who may share an address and be told as pairs


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """Many people at one address, and the open reviews between them."""

    kind: str  # email | phone
    people: tuple[int, ...]  # everybody who holds the address, in order
    reviews: tuple[int, ...]  # oldest first
    differ_in: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Reviews for somebody to read: crowds, the largest first, and the pairs that belong to none."""

    crowds: tuple[Crowd, ...]
    pairs: tuple[Review, ...]


def settled(house: House) -> Shown:
    """The closed ones, oldest first, each by itself: each has its own words."""
    with house.database.read() as connection:
        return Shown(crowds=(), pairs=tuple(register.closed_reviews(connection)))


def waiting(house: House) -> Shown:
    """The open ones, those of a much shared address together."""
    with house.database.read() as connection:
        return _gathered(connection, register.open_reviews(connection))


def close(
    house: House, ids: Sequence[int], *, actor: str, why: str, whole_crowd: bool = False
) -> list[Review]:
    """Keep the people of these reviews apart, all or none; the reviews as they stand then.

    With `whole_crowd`, all other open reviews of the crowds in which one of these stands are closed with it.
    Raises BadInput without a reason, NotFound for a review that is not there, Conflict for one that is closed.
    """
    if not why.strip() or len(why) > LONGEST:
        raise errors.BadInput(
            "A review is closed for a reason",
            expected=f"1 to {LONGEST} characters",
            remedy="say what was found",
        )
    wanted = list(dict.fromkeys(ids))

    def work(session: Session) -> list[Review]:
        held = register.reviews_of(session.connection, wanted)
        missing = [one for one in wanted if one not in held]
        if missing:
            raise errors.NotFound("There is no such review", got=", ".join(map(str, missing)))
        done = [one.id for one in held.values() if one.closed is not None]
        if done:
            raise errors.Conflict("A review is closed already", got=", ".join(map(str, done)))
        closing = _with_crowds(session.connection, wanted) if whole_crowd else wanted
        for start in range(0, len(closing), points.CHUNK):
            some = closing[start : start + points.CHUNK]
            register.close_reviews(session.connection, some, session.now, actor, why.strip())
        done_now = set(closing)
        return [one for one in register.closed_reviews(session.connection) if one.id in done_now]

    return house.writing().write(work)


def _with_crowds(connection: sa.Connection, ids: Sequence[int]) -> list[int]:
    """These reviews, and the others of their crowds."""
    found = set(ids)
    for crowd in _gathered(connection, register.open_reviews(connection)).crowds:
        if not found.isdisjoint(crowd.reviews):
            found.update(crowd.reviews)
    return sorted(found)


def _gathered(connection: sa.Connection, found: Sequence[Review]) -> Shown:
    """Reviews by the address that their two people share."""
    held = _held(connection, found)
    shared = {one.id: held[one.person] & held[one.other] for one in found}
    at = points.holders(connection, sorted({blind for each in shared.values() for _, blind in each}))
    holders = {blind: tuple(sorted({person for person, _ in pairs})) for blind, pairs in at.items()}
    crowds: dict[tuple[str, bytes], list[Review]] = defaultdict(list)
    pairs = []
    for one in found:
        sizes = {point: len(holders[point[1]]) for point in shared[one.id]}
        if sizes and min(sizes.values()) > FEW:
            crowds[max(sizes, key=lambda point: (sizes[point], point))].append(one)
        else:
            pairs.append(one)
    told = [_crowd(kind, holders[blind], inside) for (kind, blind), inside in crowds.items()]
    return Shown(crowds=tuple(sorted(told, key=lambda one: -len(one.people))), pairs=tuple(pairs))


def _held(connection: sa.Connection, found: Sequence[Review]) -> dict[int, set[tuple[str, bytes]]]:
    """The addresses of everybody in these reviews, as kind and keyed hash."""
    people = sorted({person for one in found for person in (one.person, one.other)})
    rows = points.of_people(connection, people)
    return {person: {(row.kind, row.blind) for row in rows.get(person, ())} for person in people}


def _crowd(kind: str, people: tuple[int, ...], inside: Sequence[Review]) -> Crowd:
    return Crowd(
        kind=kind,
        people=people,
        reviews=tuple(one.id for one in inside),
        differ_in=tuple(sorted({one.reason for one in inside})),
    )
