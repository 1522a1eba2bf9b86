"""Reaching people in connected systems: the rows of many people at once, found by one walk.

Rule.
- A set of people is looked for together, by their addresses and our own id of them: one question to a collection, not
  one for each person. Whoever shares one of their addresses is looked for with them, by that address alone, because a
  row that both own is both people's.
- Their addresses are opened through the one door (`reveal`), on behalf of the product, each look recorded.
- An address that one of its holders uses no more carries nobody's permission (`Reached.by_unused`): not in the row that
  holds it, nor in one that is reached through that row alone.
- Somebody who was erased meanwhile is left out; nobody is looked for after their key is gone.
- The walk goes only where the wanted collections are, and by what leads there. A system in trouble on the way raises:
  half an answer would look like a whole one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from amana import errors
from amana.connectors.systems.system import Match
from amana.core import facts, nested, traversal
from amana.core import state as states
from amana.core.data_map import Collection, DataMap, Place, Row
from amana.core.traversal import Edge, Walk
from amana.core.vocabulary import POINT_OF_CHANNEL, Channel
from amana.services.record import addresses, reveal
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.rights.requests import IDENTITY_KIND
from amana.services.systems import rights_walk
from amana.services.systems.connected import Connected
from amana.services.systems.rights_walk import Find, Found, Held, Walker
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
    unused: dict[int, Identities] = {}  # those among them that are not in use, with small letters


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
        rows = persons.get(connection, sorted({one for held in shared.values() for one, _ in held}))
    unused: dict[int, Identities] = {}
    for blind, held in shared.items():
        kind, value = values[blind]
        for holder, ordinal in held:
            if holder not in here:
                _add(seeds.setdefault(holder, {}), kind, value)
            if holder in rows and not _is_in_use(rows[holder].state, kind, ordinal):
                _add(unused.setdefault(holder, {}), kind, nested.text_of(value, fold=True) or "")
    return Known(people=frozenset(ids), seeds=seeds, unused=unused)


def _is_in_use(state: states.PersonState, kind: str, ordinal: int) -> bool:
    """Whether an address is the one that the person's permissions of its kind are about."""
    channel = next(
        one for one, point in POINT_OF_CHANNEL.items() if point is not None and point.value == kind
    )
    return facts.current_point(state, channel) == ordinal


def find(systems: Connected, seeds: dict[int, Identities], places: Iterable[Place]) -> dict[Place, Found]:
    """What these collections hold of these people; a collection that nothing leads to is left out.

    Raises NotNow, Undeliverable.
    """
    return reach(systems, Known(people=frozenset(seeds), seeds=seeds), places).found


def reach(
    systems: Connected, known: Known, places: Iterable[Place], states: dict[Place, Found] | None = None
) -> Reached:
    """As `find`, with the way that led there. `states` are what another walk for the same people found already."""
    wanted, seeds = list(places), known.seeds
    kinds = frozenset(kind for one in seeds.values() for kind in one)
    walk = leading_to(traversal.walk(systems.map, kinds), wanted)
    walker = Walker(systems.map, walk, seeds, {} if states is None else states)
    moved = True
    while moved:
        moved = False
        for step in walk.steps:
            name = systems.map.system_of(step.node.dataset).name
            moved = walker.visit(step.node, _finder(systems, name)) or moved
    return Reached(systems.map, walk, walker.states, known, wanted)


class Reached:
    """What a walk found in the collections that were wanted, and by which addresses it came to each row."""

    def __init__(
        self, the_map: DataMap, walk: Walk, found: dict[Place, Found], known: Known, wanted: Iterable[Place]
    ) -> None:
        self.found = {place: found[place] for place in wanted if place in found}
        self._map, self.states, self._unused = the_map, found, known.unused
        self._edges = {step.node: step.edges for step in walk.steps}
        self._sources: dict[tuple[Edge, int], dict[str, list[Row]]] = {}

    def by_unused(self, place: Place, row: Row, owner: int, channel: Channel) -> bool:
        """Whether a row stands for addresses alone that this owner, or another holder, does not use on a channel.

        A row's own addresses count; where it has none of the channel's kind, those of the rows that led to it.
        """
        point = POINT_OF_CHANNEL[channel]
        kind = IDENTITY_KIND[point.value] if point is not None else ""
        gone = frozenset(self._unused.get(owner, {}).get(kind, ()))
        return bool(gone) and self._is_gone(place, row, owner, kind, gone, frozenset())

    def _is_gone(
        self, place: Place, row: Row, owner: int, kind: str, gone: frozenset[str], passed: frozenset[Place]
    ) -> bool:
        collection = self._map.collection(place)
        seen = nested.narrowed(
            row, nested.concerned(collection, self.states[place].sought(collection, owner))
        )
        own = {
            text
            for field in collection.fields
            if field.identity == kind
            for value in nested.values(seen, field.path)
            if (text := nested.text_of(value, fold=True))
        }
        if own:
            return own <= gone
        passed |= {place}
        led = [
            self._is_gone(edge.source.node, source, owner, kind, gone, passed)
            for edge in self._edges.get(place, ())
            if edge.source.node not in passed
            for source in self._leading(edge, seen, owner)
        ]
        return bool(led) and all(led)

    def _leading(self, edge: Edge, row: Row, owner: int) -> list[Row]:
        """The rows of an owner that refer to a row by one edge."""
        fold = rights_walk.folds(
            rights_walk.field_of(self._map.collection(edge.target.node), edge.target.path)
        )
        if (edge, owner) not in self._sources:
            self._sources[edge, owner] = self._indexed(edge, owner, fold=fold)
        texts = {
            rights_walk.loose(nested.text_of(value, fold=fold))
            for value in nested.values(row, edge.target.path)
        }
        return [one for text in sorted(texts) for one in self._sources[edge, owner].get(text, ())]

    def _indexed(self, edge: Edge, owner: int, *, fold: bool) -> dict[str, list[Row]]:
        collection, state = self._map.collection(edge.source.node), self.states[edge.source.node]
        theirs = nested.concerned(collection, state.sought(collection, owner))
        rows: dict[str, list[Row]] = {}
        for held in _of(state, owner):
            for value in nested.values(nested.narrowed(held.row, theirs), edge.source.path):
                if text := rights_walk.loose(nested.text_of(value, fold=fold)):
                    rows.setdefault(text, []).append(held.row)
        return rows


def _of(found: Found, owner: int) -> list[Held]:
    return [held for held in found.rows.values() if owner in held.owners]


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
