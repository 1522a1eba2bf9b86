"""The plan of a request: which systems are asked what, in which order, before anything is touched.

Rule.
- Finding comes first and whole: what a change would hide is not found afterwards.
- An erasure then goes level by level, as `erase_after` says, asks every collection again, and only when all is gone
  tells the person and erases them here: until then their addresses are needed to look again and to answer.
- Restriction, objection and withdrawal took effect here when they were proved; the run carries the No to every copy
  of a permission. A rectification is read back; a copy is made from what was found.
- Desks are asked beside the rows and heard until they answer; nothing is complete before.
- What a plan cannot do is an error now, with the field and the remedy: a personal field that cannot be masked, a
  collection that no identity leads to. Rows without a primary key are found and cannot be changed from here: their
  change comes after all others, and waits for a person where there is anything to do.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

import msgspec

from amana.core import traversal
from amana.core.data_map import Collection, DataMap, Field, OnErasure, Place, covers
from amana.core.rights import Kind
from amana.core.traversal import Walk, Why


class Action(Enum):
    """What a step does."""

    FIND = "find"
    ASK = "ask"  # a desk
    HEAR = "hear"
    ERASE = "erase"
    CORRECT = "correct"
    WRITE_BACK = "write_back"  # a copy of a permission says no
    VERIFY = "verify"
    TELL = "tell"  # the person, while there is still an address
    INSIDE = "inside"  # in Amana itself
    COPY = "copy"  # the person's copy


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan."""

    action: Action
    system: str = ""  # "" for Amana itself
    node: Place | None = None  # None for a whole system
    level: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All steps, in order, and the walk that they follow."""

    kind: Kind
    walk: Walk
    steps: tuple[Planned, ...]


NO_TO_CONTACT = frozenset({Kind.RESTRICTION, Kind.OBJECTION, Kind.WITHDRAWAL})
COPIES = frozenset({Kind.ACCESS, Kind.PORTABILITY})
CHANGING = frozenset({Action.ERASE, Action.CORRECT, Action.WRITE_BACK})
"""What writes to rows of connected systems."""


def make(the_map: DataMap, kind: Kind, identities: Names[str], categories: Names[str] = ()) -> Plan:
    """The plan for requests that name identities of these kinds. Raises BadInput naming what cannot be done.

    `categories` are those of a rectification's values.
    """
    walk = traversal.walk(the_map, frozenset(identities))
    traversal.require_complete(walk)
    nodes = traversal.walked(the_map)
    collections = {step.node: nodes[step.node] for step in walk.steps}
    systems = _systems(the_map)
    steps = [_at(systems, Action.FIND, step.node, 0) for step in walk.steps]
    changing, last = _changes(systems, walk, collections, kind, categories)
    changing = [_by_hand_last(one, collections, last) for one in changing]
    desks = walk.desks
    steps += [Planned(action=Action.ASK, system=name, level=1) for name in desks]
    steps += changing
    steps += [Planned(action=Action.HEAR, system=name, level=last + 1) for name in desks]
    looked_at = [
        node
        for node in (collections if kind is Kind.ERASURE else (one.node for one in changing))
        if node is not None and collections[node].keys  # without one the change itself looks again
    ]
    if kind not in COPIES:
        steps += [_at(systems, Action.VERIFY, node, last + 1) for node in looked_at]
    final = Action.COPY if kind in COPIES else Action.INSIDE
    if kind is Kind.ERASURE:
        steps.append(Planned(action=Action.TELL, level=last + 2))
    steps.append(Planned(action=final, level=last + 3))
    return Plan(kind=kind, walk=walk, steps=tuple(steps))


def _changes(
    systems: Mapping[str, str],
    walk: Walk,
    collections: dict[Place, Collection],
    kind: Kind,
    categories: Names[str],
) -> tuple[list[Planned], int]:
    """The steps that change rows, and the level of the last."""
    if kind is Kind.ERASURE:
        levels = [[node for node in level if erases(collections[node])] for level in walk.erasure]
        for one in collections.values():
            if one.on_erasure is OnErasure.MASK and one.keys:
                traversal.require_maskable(one, traversal.targets(one))
        found = [
            _at(systems, Action.ERASE, node, number)
            for number, level in enumerate(levels, start=1)
            for node in level
        ]
        return found, max(1, len(levels))
    if kind is Kind.RECTIFICATION:
        nodes = [node for node, one in collections.items() if corrected(one, categories)]
        return [_at(systems, Action.CORRECT, node, 1) for node in nodes], 1
    if kind in NO_TO_CONTACT:
        nodes = [node for node, one in collections.items() if any(field.permission for field in one.fields)]
        return [_at(systems, Action.WRITE_BACK, node, 1) for node in nodes], 1
    return [], 1


def passed_over(the_map: DataMap) -> tuple[Place, ...]:
    """Collections that hold something about people and that the map says not to ask: nobody may call those empty."""
    return tuple(
        one.place
        for dataset in the_map.datasets
        for one in dataset.collections
        if one.skip and traversal.wanted(one)
    )


def erases(collection: Collection) -> bool:
    """Whether erasure changes anything in a collection."""
    if collection.on_erasure is OnErasure.DELETE:
        return True
    found = traversal.targets(collection)
    by_hand = any(one.why is Why.NO_KEY for one in found.unmaskable)
    return bool(found.mask or found.read_only or by_hand)


def corrected(collection: Collection, categories: Iterable[str]) -> tuple[Field, ...]:
    """The fields that hold one of these categories, exactly as it is named."""
    wanted = set(categories)
    return tuple(field for field in collection.fields if wanted.intersection(field.categories))


def about(field: Field, category: str) -> bool:
    """Whether a field is of a category or below it."""
    return any(covers(category, one) for one in field.categories)


def _by_hand_last(step: Planned, collections: Mapping[Place, Collection], last: int) -> Planned:
    """A change of rows that nothing names waits for a person: after all others, so that it holds up none."""
    if step.node is None or collections[step.node].keys:
        return step
    return msgspec.structs.replace(step, level=last + 1)


def _systems(the_map: DataMap) -> dict[str, str]:
    """Which system holds a dataset."""
    return {dataset: one.name for one in the_map.systems for dataset in one.datasets}


def _at(systems: Mapping[str, str], action: Action, node: Place, level: int) -> Planned:
    return Planned(action=action, system=systems[node.dataset], node=node, level=level)


def digest_words(steps: Sequence[Planned]) -> list[str]:
    """The plan in short lines, for evidence and for comparing."""
    return [f"{one.level} {one.action.value} {one.node or one.system or 'amana'}" for one in steps]
