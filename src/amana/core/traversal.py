"""The walk: in which order collections are asked for a person's rows, by which fields, and in which they are erased.

Rule.
- A node is a collection. A reference is one edge, from the field to the named one (`to`), back (`from`), or both ways.
  A walk starts at every field whose identity is among the request's and ends when nothing new is reached. A node is
  asked once, by the edges from nodes asked before it and by its identities, any of which may match.
- Order. A node waits for every node that can lead to it, and for those it is to come `after`. In a circle, where all
  wait for all, it is the one with the fewest edges to an identity, then the first by name. Hash seeds change nothing.
- A reference between fields of one collection is no edge: the rows it leads to are other people's.
- Skipped collections, and those of systems that are asked as a whole, are not nodes.
- A node that is not reached is an error naming it, unless nothing in it is wanted: no field has a category below
  `user`. So is a reference to something that is not there or to itself, and a circle of `after` or `erase_after`.
- Erasure goes in levels: a level's nodes may be erased at once, after every level before it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection as Gathered
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

import msgspec

from amana import errors
from amana.core import graphs
from amana.core.data_map import Collection, DataMap, Dataset, DataType, Direction, Field, Place, covers
from amana.core.map_entries import Problem, listed
from amana.core.system_files import DESKS

PERSONAL = "user"


class Edge(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Values of `source` are looked for in `target`."""

    source: Place
    target: Place


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One collection to be asked, and by what: rows that any of it meets."""

    node: Place
    identities: tuple[tuple[str, str], ...]  # (path, kind): the request's identities of that kind
    edges: tuple[Edge, ...]  # from nodes of earlier steps


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a request, without any data."""

    steps: tuple[Step, ...]
    erasure: tuple[tuple[Place, ...], ...]  # levels
    unreached: tuple[Place, ...]  # wanted, and no way leads there
    held: tuple[Place, ...]  # wanted, reached, and held back for ever by an `after`
    desks: tuple[str, ...]  # systems that are asked as a whole


def walked(data_map: DataMap) -> dict[Place, Collection]:
    """The nodes: collections that are asked row by row."""
    desks = {name for system in data_map.systems if system.kind in DESKS for name in system.datasets}
    return {
        one.place: one
        for dataset in data_map.datasets
        if dataset.name not in desks
        for one in dataset.collections
        if not one.skip
    }


def wanted(collection: Collection) -> bool:
    """Whether a collection holds something about people."""
    return any(covers(PERSONAL, one) for field in collection.fields for one in field.categories)


def identities_of(data_map: DataMap) -> frozenset[str]:
    """The kinds of identity by which rows can be found."""
    nodes = walked(data_map).values()
    return frozenset(field.identity for one in nodes for field in one.fields if field.identity)


def walk(data_map: DataMap, identities: Gathered[str]) -> Walk:
    """The walk of a request that has identities of these kinds. The map has no `problems`."""
    nodes = walked(data_map)
    edges = sorted(set(_edges(nodes)))
    seeds = {
        place: tuple(
            (field.path, field.identity)
            for field in one.fields
            if field.identity and field.identity in identities
        )
        for place, one in nodes.items()
    }
    order, held = _ordered(data_map, nodes, edges, sorted(place for place, found in seeds.items() if found))
    steps = _steps(order, edges, seeds)
    reached = {*order, *held}
    return Walk(
        steps=steps,
        erasure=_levels(nodes, {step.node for step in steps}),
        unreached=tuple(
            sorted(place for place, one in nodes.items() if place not in reached and wanted(one))
        ),
        held=tuple(sorted(place for place in held if wanted(nodes[place]))),
        desks=tuple(sorted(one.name for one in data_map.systems if one.kind in DESKS)),
    )


def require_complete(found: Walk) -> None:
    """Raise BadInput naming the wanted collections that the walk does not ask."""
    if found.unreached:
        raise errors.BadInput(
            "The request's identities do not lead to every collection that holds something about people",
            expected="an identity or a reference into each",
            got="none into " + listed(map(str, found.unreached)),
            remedy="add identity: or references: there, or skip_processing: true where nothing is about the person",
        )
    if found.held:
        raise errors.BadInput(
            "Collections are held back by an `after` that waits for what only they lead to",
            expected="orders that follow the references",
            got=listed(map(str, found.held)),
            remedy="drop or turn round one of their `after`",
        )


def _edges(nodes: Mapping[Place, Collection]) -> Iterator[Edge]:
    """Every edge between nodes that are there. One that stays in its node is never from an earlier step."""
    for place, one in nodes.items():
        for field in one.fields:
            here = Place(place.dataset, place.collection, field.path)
            for reference in field.references:
                there = reference.to
                if there.node in nodes:
                    if reference.direction is not Direction.FROM:
                        yield Edge(source=here, target=there)
                    if reference.direction is not Direction.TO:
                        yield Edge(source=there, target=here)


def _ordered(
    data_map: DataMap, nodes: Mapping[Place, Collection], edges: list[Edge], seeds: list[Place]
) -> tuple[list[Place], list[Place]]:
    """The nodes that are reached, in their order, and those that an `after` holds back for ever."""
    follow = _follow(edges)
    distance = graphs.distances(seeds, follow)
    holds = _follow_only(_after(data_map), distance)
    both = {place: [*follow.get(place, ()), *holds.get(place, ())] for place in {*follow, *holds}}
    level = graphs.levels([*distance, *holds], both)
    waits: dict[Place, int] = defaultdict(int)
    for later in holds.values():
        for one in later:
            waits[one] += 1
    order: list[Place] = []
    arrived = set(seeds)
    heap = [(level[one], 0, one) for one in seeds if not waits[one]]
    heapq.heapify(heap)

    def ready(place: Place) -> None:
        if place in arrived and not waits[place]:
            heapq.heappush(heap, (level[place], distance[place], place))

    while heap:
        node = heapq.heappop(heap)[2]
        order.append(node)
        for target in dict.fromkeys(follow.get(node, ())):
            if target not in arrived:
                arrived.add(target)
                ready(target)
        for place in _released(node, holds, waits):
            ready(place)
    done = set(order)
    return order, sorted(one for one in distance if one not in done)


def _released(node: Place, holds: Mapping[Place, list[Place]], waits: dict[Place, int]) -> Iterator[Place]:
    """Collections that wait no longer, now that a node was asked; a dataset passes it on when it is through."""
    for place in holds.get(node, ()):
        waits[place] -= 1
        if not waits[place]:
            if place.collection:
                yield place
            else:
                yield from _released(place, holds, waits)


def _follow(edges: Iterable[Edge]) -> dict[Place, list[Place]]:
    found: dict[Place, list[Place]] = defaultdict(list)
    for edge in edges:
        found[edge.source.node].append(edge.target.node)
    return dict(found)


def _follow_only(
    after: Mapping[Place, list[Place]], reached: Mapping[Place, int]
) -> dict[Place, list[Place]]:
    """The orders between what is reached; a dataset counts where one of its collections does."""
    whole = {one for place in reached for one in after.get(place, ()) if not one.collection}
    return {
        place: kept
        for place, later in after.items()
        if (place in reached or place in whole)
        and (kept := [one for one in later if one in reached or one in whole])
    }


def _after(data_map: DataMap) -> dict[Place, list[Place]]:
    """What comes later than what. `Place(dataset, "")` stands between a dataset's collections and those after it."""
    found: dict[Place, list[Place]] = defaultdict(list)
    named = {name for dataset in data_map.datasets for name in dataset.after}
    for dataset in data_map.datasets:
        for one in dataset.collections:
            if dataset.name in named:
                found[one.place].append(Place(dataset.name, ""))
            for name in dataset.after:
                found[Place(name, "")].append(one.place)
            for earlier in one.after:
                found[earlier].append(one.place)
    return dict(found)


def _steps(
    order: Iterable[Place], edges: Iterable[Edge], seeds: Mapping[Place, tuple[tuple[str, str], ...]]
) -> tuple[Step, ...]:
    """Each node with the edges from nodes before it."""
    into: dict[Place, list[Edge]] = defaultdict(list)
    for edge in edges:
        into[edge.target.node].append(edge)
    asked: set[Place] = set()
    steps = []
    for node in order:
        entries = tuple(edge for edge in into[node] if edge.source.node in asked)
        steps.append(Step(node=node, identities=seeds[node], edges=entries))
        asked.add(node)
    return tuple(steps)


def _levels(nodes: Mapping[Place, Collection], asked: set[Place]) -> tuple[tuple[Place, ...], ...]:
    """The asked nodes, in levels of erasure."""
    later: dict[Place, list[Place]] = defaultdict(list)
    for place in asked:
        for earlier in nodes[place].erase_after:
            later[earlier].append(place)
    level = graphs.levels(asked, later)
    found: dict[int, list[Place]] = defaultdict(list)
    for place in sorted(level):
        found[level[place]].append(place)
    return tuple(tuple(found[one]) for one in sorted(found))


# ---- mistakes of the map ----------------------------------------------------------------------------------------


def problems(data_map: DataMap) -> tuple[Problem, ...]:
    """What cannot be walked: references and orders that lead nowhere or round, and collections that nothing reaches."""
    found = [*_lost_references(data_map), *_lost_orders(data_map)]
    if not found:
        found = [*_circles(data_map)]
    return tuple(found) if found else tuple(_unreached(data_map))


def _lost_references(data_map: DataMap) -> Iterator[Problem]:
    known = {
        one.place: {field.path: field for field in one.fields}
        for dataset in data_map.datasets
        for one in dataset.collections
    }
    datasets = {dataset.name for dataset in data_map.datasets}
    for dataset in data_map.datasets:
        for one in dataset.collections:
            for field in one.fields:
                for reference in field.references:
                    trouble = _trouble(one.place, field, reference.to, datasets, known)
                    if trouble:
                        yield _problem(dataset, one, field.path, *trouble)


def _trouble(
    here: Place,
    field: Field,
    there: Place,
    datasets: set[str],
    known: Mapping[Place, Mapping[str, Field]],
) -> tuple[str, str] | None:
    """Why a reference leads nowhere, and what is expected."""
    if there == Place(here.dataset, here.collection, field.path):
        return f"The reference {there} names the field itself", "another field"
    if there.dataset not in datasets:
        return f"The reference {there} names a dataset that is not there", listed(sorted(datasets))
    if there.node not in known:
        return f"The reference {there} names a collection that is not there", "a collection of that dataset"
    target = known[there.node].get(there.path)
    if target is None:
        return f"The reference {there} names a field that is not there", listed(sorted(known[there.node]))
    if target.type is DataType.OBJECT:
        return f"The reference {there} names an object", "a field inside it"
    return None


def _lost_orders(data_map: DataMap) -> Iterator[Problem]:
    names = {dataset.name for dataset in data_map.datasets}
    places = {one.place for dataset in data_map.datasets for one in dataset.collections}
    for dataset in data_map.datasets:
        for name in dataset.after:
            if name not in names:
                what = f"after names the dataset {name}, which is not there"
                yield _problem(dataset, None, "", what, listed(sorted(names)))
        for one in dataset.collections:
            for key, earlier in (("after", one.after), ("erase_after", one.erase_after)):
                for place in earlier:
                    if place not in places:
                        what = f"{key} names {place}, which is not there"
                        yield _problem(dataset, one, "", what, "dataset.collection of the map")


def _circles(data_map: DataMap) -> Iterator[Problem]:
    every = {one.place: one for dataset in data_map.datasets for one in dataset.collections}
    erased: dict[Place, list[Place]] = defaultdict(list)
    for place, one in every.items():
        for earlier in one.erase_after:
            erased[earlier].append(place)
    after = _after(data_map)
    for key, follow in (("after", after), ("erase_after", dict(erased))):
        way = graphs.circle({*every, *follow}, follow)
        if way:
            shown = " → ".join(str(one) if one.collection else one.dataset for one in way)
            first = next(one for one in way if one.collection)
            source = next(one for one in data_map.datasets if one.name == first.dataset)
            what = f"{key} goes round in a circle: {shown}"
            yield _problem(source, every[first], "", what, "an order with a beginning")


def _unreached(data_map: DataMap) -> Iterator[Problem]:
    found = walk(data_map, identities_of(data_map))
    sources = {dataset.name: dataset for dataset in data_map.datasets}
    for place in (*found.unreached, *found.held):
        lost = place in found.unreached
        yield _problem(
            sources[place.dataset],
            data_map.collection(place),
            "",
            f"Nothing leads to {place}, which holds something about people"
            if lost
            else f"{place} waits by `after` for what only it leads to",
            "an identity or a reference into it" if lost else "an order that follows the references",
            "add identity: or references:, or skip_processing: true"
            if lost
            else "drop or turn round an `after`",
        )


def _problem(
    dataset: Dataset,
    collection: Collection | None,
    path: str,
    what: str,
    expected: str,
    remedy: str = "mend the name or the entry",
) -> Problem:
    inside = (dataset.name, collection.name if collection else "", *path.split("."))
    return Problem(
        file=dataset.source,
        path=" → ".join(one for one in inside if one),
        what=what,
        expected=expected,
        remedy=remedy,
    )


# ---- what of a collection is erased -----------------------------------------------------------------------------


class Why(Enum):
    """Why a field cannot be masked."""

    NO_TYPE = "no_type"  # nobody said what it holds
    KEY = "key"  # it is the row's key, or holds it
    NO_KEY = "no_key"  # the collection has no primary key, so that no row can be named


class Unmaskable(msgspec.Struct, frozen=True, kw_only=True):
    """A field that is to be masked and cannot be."""

    field: Field
    why: Why


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What erasure means for the fields of a collection."""

    mask: tuple[Field, ...]
    read_only: tuple[Field, ...]  # to be told, since nothing can be done
    unmaskable: tuple[Unmaskable, ...]


def chosen(collection: Collection, categories: Gathered[str]) -> tuple[Field, ...]:
    """The fields whose own category is one of these or below one; an object that is chosen stands for its inside."""
    found: list[Field] = []
    whole: list[str] = []
    for field in collection.fields:
        if any(field.path.startswith(path + ".") for path in whole):
            continue
        if any(covers(target, one) for target in categories for one in field.categories):
            found.append(field)
            if field.type is DataType.OBJECT:
                whole.append(field.path)
    return tuple(found)


def targets(collection: Collection, categories: Gathered[str] = (PERSONAL,)) -> Targets:
    """What erasing these categories means for a collection whose rows stay."""
    return classified(collection, chosen(collection, categories))


def classified(collection: Collection, fields: Iterable[Field]) -> Targets:
    """Which of these fields can be masked, which are read only, and which make the plan impossible."""
    mask: list[Field] = []
    read_only: list[Field] = []
    unmaskable: list[Unmaskable] = []
    for field in fields:
        held = [
            one
            for one in collection.fields
            if one.path == field.path or one.path.startswith(field.path + ".")
        ]
        if any(one.read_only for one in held):
            read_only.append(field)
        elif any(one.primary_key for one in held):
            unmaskable.append(Unmaskable(field=field, why=Why.KEY))
        elif field.type is DataType.UNKNOWN:
            unmaskable.append(Unmaskable(field=field, why=Why.NO_TYPE))
        elif not collection.keys:
            unmaskable.append(Unmaskable(field=field, why=Why.NO_KEY))
        else:
            mask.append(field)
    return Targets(mask=tuple(mask), read_only=tuple(read_only), unmaskable=tuple(unmaskable))


REMEDIES = {
    Why.NO_TYPE: "say its data_type",
    Why.KEY: "set on_erasure: delete, or take the category from the key",
    Why.NO_KEY: "say which field is its primary_key",
}


def require_maskable(collection: Collection, found: Targets) -> None:
    """Raise BadInput naming the fields that are to be masked and cannot be: never a skip."""
    if found.unmaskable:
        first = found.unmaskable[0]
        raise errors.BadInput(
            f"Fields of {collection.place} are to be erased and cannot be masked",
            expected="a type for each, and a key that is not personal",
            got=listed(f"{one.field.path} ({one.why.value})" for one in found.unmaskable),
            remedy=REMEDIES[first.why],
        )
