"""Who is held elsewhere: before somebody is forgotten here, whether any connected system may still have them.

Rule.
- An address that is forgotten here leads nowhere any more. So nobody goes of whom a personal collection of any system
  still has a row, also where no purpose and no span is declared for it, and no review ever lets go of that row.
- Such a collection is *endless*: a review names it, because what is in it stays until a person asks, or somebody says
  in the map what it is held for or how long.
- A system that is asked as a whole (a *desk*) can be asked about one person by a request, and not by a review. Whoever
  it may hold stays, unless the map says that it holds nobody (its datasets have no personal collection), or how long:
  `kept_for` of everything personal in its datasets is its owner's word that it lets go by itself, at the latest so long
  after the last word that is known here. A desk of which the map says neither is *silent*, and a review names it.
- A skipped collection was left out on purpose, here as in every request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from amana.core import traversal
from amana.core.data_map import Collection, DataMap, Place, System
from amana.core.pack_values import period
from amana.core.system_files import DESKS
from amana.services.gate.lives import Lives
from amana.services.record.house import House
from amana.services.rights import reaching
from amana.services.systems.connected import Connected

PURPOSE = "looking whether another system still holds somebody"
ROWS, DESK = "held_elsewhere", "may_be_elsewhere"
"""The grounds of people who stay: a row was found, or a desk may have one."""


def is_bound(one: Collection, system: System) -> bool:
    """Whether a collection is personal and the map says what it is held for, or how long: what a review goes through."""
    return traversal.wanted(one) and bool(
        one.kept_for or one.purposes or system.purposes or any(f.kept_for or f.purposes for f in one.fields)
    )


def endless(the_map: DataMap) -> list[str]:
    """The personal collections, asked row by row, of which no row ever goes by itself."""
    return [
        str(place)
        for place, one in traversal.walked(the_map).items()
        if traversal.wanted(one) and not is_bound(one, the_map.system_of(place.dataset))
    ]


def silent(the_map: DataMap) -> list[str]:
    """The desks of which the map does not say how long they hold somebody."""
    return [one.name for one in the_map.systems if one.kind in DESKS and None in _spans(the_map, one)]


def held(house: House, systems: Connected, lives: Mapping[int, Lives]) -> dict[int, str]:
    """Of these people, whom another system holds or may hold, and the ground. Raises NotNow, Undeliverable."""
    found = dict.fromkeys(_with_rows(house, systems, list(lives)), ROWS)
    today = datetime.fromtimestamp(house.clock(), UTC).date()
    spans = [span for one in systems.map.systems if one.kind in DESKS for span in _spans(systems.map, one)]
    for one, life in lives.items():
        if one not in found and not all(_is_over(span, life.newest, today) for span in spans):
            found[one] = DESK
    return found


def _with_rows(house: House, systems: Connected, ids: Sequence[int]) -> set[int]:
    wanted: list[Place] = [
        place for place, one in traversal.walked(systems.map).items() if traversal.wanted(one)
    ]
    if not ids or not wanted:
        return set()
    found = reaching.find(systems, reaching.known(house, ids, PURPOSE).seeds, wanted)
    return {one for state in found.values() for row in state.rows.values() for one in row.owners} & set(ids)


def _spans(the_map: DataMap, desk: System) -> list[str | None]:
    """How long a desk holds what is personal; None where the map does not say; empty where it holds nobody."""
    if not desk.datasets:
        return [None]
    return [
        field.kept_for or one.kept_for or None
        for dataset in the_map.datasets
        if dataset.name in desk.datasets
        for one in dataset.collections
        if not one.skip
        for field in traversal.chosen(one, (traversal.PERSONAL,))
    ]


def _is_over(span: str | None, since: int, today: date) -> bool:
    if span is None or since <= 0:
        return False
    return period(span).after(datetime.fromtimestamp(since, UTC).date()) < today
