"""What retention leaves so that nobody's rows are cut off from them: the fields that lead to what stays.

Rule.
- A row *leads* by the fields that it is found by (its identities, what other rows refer to) and by those that refer to
  other rows. As long as something personal would stay in it, or in a row that is reached through it alone, in whatever
  system, these fields stay, and a row that should go whole stays as a row: a request that comes later walks the same
  way and has to find everything (GDPR art. 15, 17).
- What is cut off is not guessed: the walk of a request is gone once more over the rows as they would be. A row that
  holds something and that it does not meet, for one of the people it was found for, keeps its way, all the way up.
- Where nothing personal stays at the end of a way, the way goes too, with the same review: what nobody is named by and
  nobody finds is nobody's data. A row that another field still leads to does not keep a second way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from amana.connectors.systems.system import Match
from amana.core import nested, traversal
from amana.core.data_map import Collection, DataMap, Field, Place, Plain, Row
from amana.core.nested import Concerned
from amana.core.traversal import Edge, Walk
from amana.services.rights import reaching
from amana.services.rights.reaching import Known, Reached
from amana.services.systems import rights_walk
from amana.services.systems.connected import Connected
from amana.services.systems.rights_walk import Found, Held, Walker

LEADS = "leads"
"""The ground of what stays because the person's other data is found by it."""


class Going(msgspec.Struct, frozen=True, kw_only=True):
    """What of one row would go."""

    held: Held
    fields: tuple[Field, ...]
    whole: bool = False  # the row itself


Goes = Mapping[Place, Mapping[str, Going]]
"""By collection and text of the row's key."""
Rows = dict[Place, dict[str, Row]]


def staying(systems: Connected, known: Known, reached: Reached, goes: Goes) -> dict[Place, dict[str, Going]]:
    """What goes of the rows that have to be found still: of them alone, without the fields that lead.

    Asks what lies behind these rows, in every system. Raises NotNow, Undeliverable.
    """
    kinds = frozenset(kind for one in known.seeds.values() for kind in one)
    walk = traversal.walk(systems.map, kinds)
    leading = paths(walk)
    touched = {place for place, rows in goes.items() if _touches(rows.values(), leading.get(place, ()))}
    if not touched:
        return {}
    wanted = [*goes, *_behind(walk, touched)]
    wide = reaching.reach(systems, known, wanted, reached.states)
    part = reaching.leading_to(walk, wanted)
    kept = _Ways(systems.map, part, known, wide.states).kept(goes)
    return {
        place: {
            key: Going(
                held=goes[place][key].held,
                fields=without(systems.map.collection(place), goes[place][key].fields, leading[place]),
            )
            for key in keys
        }
        for place, keys in kept.items()
    }


def paths(walk: Walk) -> dict[Place, frozenset[str]]:
    """The fields of each collection that lead to its rows or from them."""
    found: dict[Place, set[str]] = {step.node: {path for path, _ in step.identities} for step in walk.steps}
    for step in walk.steps:
        for edge in step.edges:
            found[edge.target.node].add(edge.target.path)
            found[edge.source.node].add(edge.source.path)
    return {place: frozenset(one) for place, one in found.items()}


def without(collection: Collection, fields: Iterable[Field], leading: Iterable[str]) -> tuple[Field, ...]:
    """Fields without those that lead; of an object that holds one, its other parts."""
    stay = list(leading)
    kept: list[Field] = []
    for field in fields:
        if field.path in stay:
            continue
        if _has(field, stay):
            start = field.path + "."
            inside = [
                one
                for one in collection.fields
                if one.path.startswith(start) and "." not in one.path.removeprefix(start)
            ]
            kept += without(collection, inside, stay)
        else:
            kept.append(field)
    return tuple(kept)


def _touches(rows: Iterable[Going], leading: Iterable[str]) -> bool:
    """Whether something that leads would go."""
    stay = list(leading)
    return any(one.whole or any(_has(field, stay) for field in one.fields) for one in rows)


def _has(field: Field, leading: Iterable[str]) -> bool:
    return any(path == field.path or path.startswith(field.path + ".") for path in leading)


def _behind(walk: Walk, places: Iterable[Place]) -> list[Place]:
    """The collections that these lead to, and those behind them."""
    reached = set(places)
    grown = True
    while grown:
        new = {
            step.node
            for step in walk.steps
            if step.node not in reached and any(edge.source.node in reached for edge in step.edges)
        }
        reached |= new
        grown = bool(new)
    return sorted(reached)


class _Ways:
    """The ways to every row of one set of people."""

    def __init__(self, the_map: DataMap, walk: Walk, known: Known, states: Mapping[Place, Found]) -> None:
        self._map, self._walk, self._known = the_map, walk, known
        self._states = {step.node: states.get(step.node, Found()) for step in walk.steps}
        self._edges = {step.node: step.edges for step in walk.steps}
        self._sources: dict[Edge, dict[str, list[str]]] = {}
        self._kept: dict[Place, set[str]] = {}

    def kept(self, goes: Goes) -> dict[Place, set[str]]:
        """The rows of which the leading fields have to stay, among those of which something goes."""
        leading = paths(self._walk)
        seen: set[tuple[Place, str]] = set()
        while cut := [one for one in self._cut(self._after(goes, leading)) if one not in seen]:
            waiting = list(cut)
            while waiting:
                place, key = waiting.pop()
                if (place, key) in seen:
                    continue
                seen.add((place, key))
                if key in goes.get(place, {}):
                    self._kept.setdefault(place, set()).add(key)
                waiting += self._before(place, self._states[place].rows[key].row)
        return self._kept

    def _after(self, goes: Goes, leading: Mapping[Place, frozenset[str]]) -> Rows:
        """The rows as they would be."""
        rows: Rows = {}
        for place, state in self._states.items():
            collection = self._map.collection(place)
            theirs = nested.concerned(collection, state.sought(collection))
            for key, held in state.rows.items():
                going = goes.get(place, {}).get(key)
                stays = key in self._kept.get(place, ())
                if going is None:
                    rows.setdefault(place, {})[key] = held.row
                elif stays:
                    fields = without(collection, going.fields, leading[place])
                    rows.setdefault(place, {})[key] = _emptied(collection, held.row, fields, theirs)
                elif not going.whole:
                    rows.setdefault(place, {})[key] = _emptied(collection, held.row, going.fields, theirs)
        return rows

    def _cut(self, rows: Rows) -> Iterator[tuple[Place, str]]:
        """The rows that hold something and that the walk does not meet for everybody whose they are."""
        walker = Walker(self._map, self._walk, self._known.seeds, {})
        moved = True
        while moved:
            moved = False
            for step in self._walk.steps:
                moved = walker.visit(step.node, _finder(rows.get(step.node, {}).values())) or moved
        for place, held in rows.items():
            collection, met = self._map.collection(place), walker.states[place].rows
            for key, row in held.items():
                owners = self._states[place].rows[key].owners
                if not (key in met and owners <= met[key].owners) and _holds(collection, row):
                    yield place, key

    def _before(self, place: Place, row: Row) -> Iterator[tuple[Place, str]]:
        """The rows that lead to one."""
        collection = self._map.collection(place)
        for edge in self._edges.get(place, ()):
            if edge.source.node not in self._states:
                continue
            fold = rights_walk.folds(rights_walk.field_of(collection, edge.target.path))
            index = self._index(edge, fold=fold)
            for value in nested.values(row, edge.target.path):
                for key in index.get(rights_walk.loose(nested.text_of(value, fold=fold)), ()):
                    yield edge.source.node, key

    def _index(self, edge: Edge, *, fold: bool) -> dict[str, list[str]]:
        if edge not in self._sources:
            found: dict[str, list[str]] = {}
            for key, held in self._states[edge.source.node].rows.items():
                for value in nested.values(held.row, edge.source.path):
                    if text := rights_walk.loose(nested.text_of(value, fold=fold)):
                        found.setdefault(text, []).append(key)
            self._sources[edge] = found
        return self._sources[edge]


def _emptied(collection: Collection, row: Row, fields: Iterable[Field], theirs: Concerned) -> Row:
    """A row without what goes; what nobody may write stays."""
    masked = traversal.classified(collection, fields).mask
    return nested.changed_all(row, {field.path: _nothing for field in masked}, theirs)


def _nothing(_: Plain) -> Plain:
    return None


def _holds(collection: Collection, row: Row) -> bool:
    """Whether something personal stands in a row."""
    personal = traversal.chosen(collection, (traversal.PERSONAL,))
    return any(_is_there(value) for field in personal for value in nested.values(row, field.path))


def _is_there(value: Plain) -> bool:
    if isinstance(value, dict):
        return any(_is_there(one) for one in value.values())
    if isinstance(value, list):
        return any(_is_there(one) for one in value)
    return value is not None and value != ""


def _form(value: Plain, *, fold: bool) -> str:
    return rights_walk.loose(nested.text_of(value, fold=fold))


def _finder(rows: Iterable[Row]) -> rights_walk.Find:
    """Answers from rows at hand as a connected system would."""
    held = list(rows)

    def find(_: Collection, matches: list[Match]) -> Iterable[Row]:
        wanted = [
            (one.path, one.fold, {_form(value, fold=one.fold) for value in one.values} - {""})
            for one in matches
        ]
        return [
            row
            for row in held
            if any(
                _form(value, fold=fold) in texts
                for path, fold, texts in wanted
                for value in nested.values(row, path)
            )
        ]

    return find
