"""Reaching people in connected systems: the rows of many people at once, found by one walk.

Rule.
- A set of people is looked for together, by their addresses and our own id of them: one question to a collection, not
  one for each person. Whoever shares one of their addresses is looked for with them, by that address alone, because a
  row that both own is both people's.
- Their addresses are opened through the one door (`reveal`), on behalf of the product, each look recorded.
- Somebody who was erased meanwhile is left out; nobody is looked for after their key is gone.
- The walk goes only where the wanted collections are, and by what leads there. A system in trouble on the way raises:
  half an answer would look like a whole one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from amana import errors
from amana.connectors.systems.system import Match
from amana.core import traversal
from amana.core.data_map import Collection, Place, Row
from amana.core.traversal import Walk
from amana.services import addresses, reveal
from amana.services.addresses import Keyer
from amana.services.connected import Connected
from amana.services.house import House
from amana.services.requests import IDENTITY_KIND
from amana.services.rights_walk import Find, Found, Walker
from amana.storage import people as persons

SET = 200
"""People who are looked for together."""
ACTOR = "amana"

Identities = dict[str, tuple[str, ...]]
"""Kind of identity, as the data map names it -> values."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Who is looked for, and by what."""

    people: frozenset[int]  # those that were asked for and are here
    seeds: dict[int, Identities]  # theirs, and the shared addresses of others


def known(house: House, people: Sequence[int], purpose: str) -> Known:
    """The people of these who are here, with their identities. Raises NotNow if one is erased this very moment."""
    here = house.keys.known_keys(people)
    with house.database.read() as connection:
        ids = sorted(persons.get(connection, here))
    try:
        opened = reveal.reveal_many(house, ids, [reveal.POINTS], actor=ACTOR, purpose=purpose)
    except (errors.KeyMissing, errors.NotFound) as gone:
        raise errors.NotNow("erased_meanwhile") from gone
    seeds: dict[int, Identities] = {one: {"amana_id": (f"p{one}",)} for one in ids}
    keyer = Keyer(house.keys)
    values: dict[bytes, tuple[str, str]] = {}
    keyed = []
    for seen in opened:
        for kind, value in seen.points:
            _add(seeds[seen.person], kind, value)
            address = keyer.stored(kind, value)
            if address is not None:
                values[address.blind] = (kind, value)
                keyed.append(address)
    with house.database.read() as connection:
        shared = addresses.holders(connection, keyed)
    for blind, held in shared.items():
        for other, _ in held:
            if other not in here:
                _add(seeds.setdefault(other, {}), *values[blind])
    return Known(people=frozenset(ids), seeds=seeds)


def find(systems: Connected, seeds: dict[int, Identities], places: Iterable[Place]) -> dict[Place, Found]:
    """What these collections hold of these people; a collection that nothing leads to is left out.

    Raises NotNow, Undeliverable.
    """
    wanted = list(places)
    kinds = frozenset(kind for one in seeds.values() for kind in one)
    walk = leading_to(traversal.walk(systems.map, kinds), wanted)
    walker = Walker(systems.map, walk, seeds, {})
    moved = True
    while moved:
        moved = False
        for step in walk.steps:
            name = systems.map.system_of(step.node.dataset).name
            moved = walker.visit(step.node, _finder(systems, name)) or moved
    return {place: walker.states[place] for place in wanted if place in walker.states}


def leading_to(walk: Walk, places: Iterable[Place]) -> Walk:
    """The part of a walk that leads to these places."""
    needed = set(places)
    kept = []
    for step in reversed(walk.steps):
        if step.node in needed:
            needed.update(edge.source.node for edge in step.edges)
            kept.append(step)
    return Walk(steps=tuple(reversed(kept)), erasure=(), unreached=walk.unreached, held=walk.held, desks=())


def _add(identities: Identities, kind: str, value: str) -> None:
    name = IDENTITY_KIND.get(kind, kind)
    if value not in identities.get(name, ()):
        identities[name] = (*identities.get(name, ()), value)


def _finder(systems: Connected, name: str) -> Find:
    def find(collection: Collection, matches: list[Match]) -> Iterable[Row]:
        return systems.rows(name).find(collection, matches)

    return find
