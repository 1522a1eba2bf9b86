"""A plan with its rows: what a run would find, change and keep, before anything is touched.

Rule. A preview reads and never writes, neither there nor here. It shows by which fields each collection would be
asked and how many rows met, never a value. A system that cannot be asked now is shown with its trouble beside the
others' counts, and so is a collection without a key, where a person has to do it. An erasure of which nobody could be
told says so at once: its run would wait for a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from amana import errors
from amana.connectors.systems.system import Match
from amana.core.data_map import Collection, Row
from amana.core.rights import Kind
from amana.services.record.house import House
from amana.services.rights import requests as asked
from amana.services.rights import rights_plan, rights_run, rights_steps, rights_telling
from amana.services.rights.rights_plan import Action
from amana.services.rights.rights_steps import Kept
from amana.services.systems.connected import Connected
from amana.services.systems.rights_walk import Find, Walker
from amana.storage.requests import RequestRow


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One collection of the plan."""

    system: str
    node: str
    by: tuple[str, ...]  # paths that it is asked by
    found: int = 0
    changes: int = 0
    deletes: int = 0
    kept: tuple[Kept, ...] = ()
    trouble: str = ""  # token; "" where it answered


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do."""

    steps: tuple[str, ...]
    collections: tuple[Looked, ...]
    untold: str = ""  # token: why nobody could tell the person of their erasure; "" where somebody can


def preview(house: House, row: RequestRow, systems: Connected) -> Preview:
    """Find, count, and say what would change. Raises BadInput naming what cannot be planned."""
    plan = rights_run.plan_of(house, row, systems)
    walker = Walker(systems.map, plan.walk, asked.identities(house, [row]), {})
    names = {one.node: one.system for one in plan.steps if one.action is Action.FIND}
    trouble: dict[object, str] = {}
    moved = True
    while moved:
        moved = False
        for step in plan.walk.steps:
            if step.node in trouble:
                continue
            try:
                moved = walker.visit(step.node, _finder(systems, names[step.node])) or moved
            except (errors.NotNow, errors.Undeliverable) as refused:
                trouble[step.node] = refused.what
    looked = []
    for step in plan.walk.steps:
        by = tuple(
            dict.fromkeys([path for path, _ in step.identities] + [one.target.path for one in step.edges])
        )
        shown = Looked(
            system=names[step.node], node=str(step.node), by=by, trouble=trouble.get(step.node, "")
        )
        if not shown.trouble:
            shown = _counted(house, row, systems, walker, shown, systems.map.collection(step.node))
        looked.append(shown)
    return Preview(
        steps=tuple(rights_plan.digest_words(plan.steps)),
        collections=tuple(looked),
        untold=rights_telling.untold(house, [row]).get(row.id, ""),
    )


def _counted(
    house: House, row: RequestRow, systems: Connected, walker: Walker, shown: Looked, collection: Collection
) -> Looked:
    found = walker.states[collection.place]
    shown = msgspec.structs.replace(shown, found=len(found.rows))
    if not found.rows:
        return shown
    kind = Kind(row.kind)
    if kind is Kind.ERASURE:
        limits = systems.rows(shown.system).limits(collection)
        today = datetime.fromtimestamp(house.clock(), UTC).date()
        doing = rights_steps.erasing(collection, found, limits, today, house.keys.keys([0])[0], house.random)
    elif kind is Kind.RECTIFICATION:
        doing = rights_steps.correcting(collection, found, {row.id: asked.content(house, row).corrections})
    elif kind in rights_plan.NO_TO_CONTACT:
        doing = rights_steps.refusing(collection, found, {row.id: row.brand})
    else:
        return shown
    to_do = bool(doing.rewrites or doing.deletes)
    return msgspec.structs.replace(
        shown,
        trouble=rights_steps.NO_KEY if to_do and not collection.keys else "",
        changes=len(doing.rewrites),
        deletes=len(doing.deletes),
        kept=tuple(doing.kept.get(row.id, ())),
    )


def _finder(systems: Connected, name: str) -> Find:
    def find(collection: Collection, matches: list[Match]) -> Iterable[Row]:
        return systems.rows(name).find(collection, matches)

    return find
