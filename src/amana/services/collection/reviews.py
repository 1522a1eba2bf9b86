"""Reviews: two people who share an address and differ, for somebody to look at.

Rule. An import that meets a known address with another name, birth month or guardian makes two people and merges nothing;
a refusal of one binds the other. Such a pair stays open until somebody says that they are two, and why. Closing
changes nothing about the people: it says that somebody looked, who, when, and in which words. Those words are about the
pair and stand with it until one of the two is erased.
"""

from __future__ import annotations

from collections.abc import Sequence

from amana import errors
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import register
from amana.storage.register import Review

LONGEST = 500  # characters of a reason


def waiting(house: House) -> list[Review]:
    """The open ones, oldest first."""
    with house.database.read() as connection:
        return register.open_reviews(connection)


def settled(house: House) -> list[Review]:
    """The closed ones, oldest first."""
    with house.database.read() as connection:
        return register.closed_reviews(connection)


def close(house: House, ids: Sequence[int], *, actor: str, why: str) -> list[Review]:
    """Keep the people of these reviews apart, all or none; the reviews as they stand then.

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
        register.close_reviews(session.connection, wanted, session.now, actor, why.strip())
        return list(register.reviews_of(session.connection, wanted).values())

    return house.writing().write(work)
