"""Reveal: the one door to identifying values.

Rule. Whoever opens an address or a profile says who they are, for which purpose, and which fields; the look is recorded
in the same transaction that the values are read under, before they are given out. Nothing else in the product opens a
sealed value for a person to see.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from amana import errors
from amana.core import facts
from amana.core.vocabulary import Channel
from amana.ledger import sealing
from amana.services.record.house import House
from amana.services.record.writing import Session, point_context, profile_context
from amana.storage import people, points, register

POINTS = "points"
"""The field name that asks for the person's contact points."""


class Revealed(msgspec.Struct, frozen=True, kw_only=True):
    """What was opened."""

    person: int
    points: tuple[tuple[str, str], ...]  # (kind, address)
    fields: dict[str, str]


def reveal(house: House, person: int, fields: Sequence[str], *, actor: str, purpose: str) -> Revealed:
    """Open some identifying values of a person, and record the look.

    `fields` are registered sealed fields, or `points`. Raises NotFound for an unknown person or field, BadInput
    without actor or purpose, KeyMissing for an erased person.
    """
    return reveal_many(house, [person], fields, actor=actor, purpose=purpose)[0]


def reveal_many(
    house: House,
    ids: Sequence[int],
    fields: Sequence[str],
    *,
    actor: str,
    purpose: str,
    channel: Channel | None = None,
) -> list[Revealed]:
    """Open the same values of several people, each look recorded; as `reveal`.

    With a `channel`, of their addresses and numbers only the one in use for it is opened.
    """
    check(house, fields, actor, purpose)

    def work(session: Session) -> list[Revealed]:
        session.load(ids)
        for one in ids:
            session.person(one)
            register.note_look(session.connection, session.now, actor, purpose, one, " ".join(sorted(fields)))
        keys = house.keys.keys(ids)
        sealed = people.profiles(session.connection, ids)
        held = points.of_people(session.connection, ids) if POINTS in fields else {}
        if channel is not None:
            used = {one: facts.current_point(session.person(one).state, channel) for one in ids}
            held = {one: [row for row in rows if row.ordinal == used[one]] for one, rows in held.items()}
        return [_open(one, keys[one], sealed.get(one), held.get(one, []), fields) for one in ids]

    return house.writing().write(work)


def check(house: House, fields: Sequence[str], actor: str, purpose: str) -> None:
    """Refuse a look that does not say who looks, what for, and at what. Raises BadInput, NotFound."""
    if not actor or not purpose:
        raise errors.BadInput(
            "A look at personal data needs to say who looks and what for",
            expected="an actor and a purpose",
            remedy="give both",
        )
    unknown = [name for name in fields if name != POINTS and name not in house.workspace.fields]
    if unknown:
        raise errors.NotFound(
            f"Not registered fields: {', '.join(unknown)}",
            expected=f"some of: {', '.join([POINTS, *house.workspace.fields])}",
            remedy="check the names",
        )


def _open(
    person: int, key: bytes, sealed: bytes | None, held: Sequence[points.PointRow], fields: Sequence[str]
) -> Revealed:
    profile: dict[str, str] = {}
    if sealed is not None:
        profile = msgspec.json.decode(
            sealing.unwrap(key, sealed, profile_context(person)), type=dict[str, str]
        )
    return Revealed(
        person=person,
        points=tuple(
            (row.kind, sealing.unwrap(key, row.sealed, point_context(person, row.ordinal)).decode())
            for row in held
        ),
        fields={name: profile[name] for name in fields if name in profile},
    )
