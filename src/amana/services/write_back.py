"""Write-back: every connected system that holds a copy of a permission holds the permission of now.

Rule.
- The log is the outbox, as for hooks: a sweep turns the events after the last position told into one task for each
  person and each system that holds copies, and moves the position in the same transaction. Each system has its own
  kind of task: one that is down holds up nobody else.
- What is written is what the gate answers when the task runs, never an old event: a copy says yes only where contact
  is allowed, or allowed at another hour. So tasks may run late, twice and in any order.
- What was written is read back; a copy that says something else is tried again, then handed to a person.
- Our record wins. What somebody changed over there reaches us by an import, which never lifts a No.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amana import errors
from amana.connectors.systems.system import Match, Rows
from amana.core import traversal
from amana.core.data_map import Collection, DataMap, Permission, Place, Plain, Row
from amana.core.traversal import Walk
from amana.core.vocabulary import Channel
from amana.services import data_map, reveal, rights_run, rights_steps, tasks
from amana.services.asking import Gate, Inquiry
from amana.services.connected import Connected
from amana.services.house import House
from amana.services.requests import IDENTITY_KIND
from amana.services.rights_walk import Find, Walker
from amana.services.writing import Session
from amana.storage import log, positions
from amana.storage.tasks import TaskRow

BATCH = 500  # events to a sweep's transaction
TOLD = "write_back_told"
PREFIX = "copies/"


def systems_with_copies(the_map: DataMap) -> list[str]:
    """The systems that hold a copy of a permission, by name."""
    return sorted({the_map.system_of(place.dataset).name for place in _copies(the_map)})


def kinds(house: House) -> list[str]:
    """The kinds of task that systems with copies have."""
    return [f"{PREFIX}{name}" for name in systems_with_copies(data_map.load(house.folder))]


def sweep(house: House) -> int:
    """Turn events that no system heard of yet into tasks; how many events were looked at."""
    named = kinds(house)
    if not named:
        return 0
    with house.database.read() as connection:
        told, latest = positions.get(connection, TOLD), log.latest(connection)
    if told is not None and (latest is None or told >= latest.size):
        return 0
    return house.writing().write(lambda session: _sweep(house, session, named))


def _sweep(house: House, session: Session, named: Sequence[str]) -> int:
    told = positions.get(session.connection, TOLD)
    if told is None:  # the first system with a copy: from here on
        positions.put(session.connection, TOLD, session.ledger_size)
        return 0
    end = min(session.ledger_size, told + BATCH)
    moved = {row.person: row.position for row in log.between(session.connection, told, end) if row.person}
    here = house.keys.known_keys(moved)
    for person, position in moved.items():
        for kind in named if person in here else ():
            tasks.add(house, session, kind, f"{kind}/p{person}/{position}", person, {})
    positions.put(session.connection, TOLD, end)
    return end - told


def carry(house: House, row: TaskRow, payload: Mapping[str, Any]) -> None:
    """Bring one person's copies in one system up to date. Raises NotNow, Undeliverable."""
    del payload  # the task says who and where; what is read now
    with rights_run.open_systems(house) as systems:
        write(house, systems, row.kind.removeprefix(PREFIX), row.person)


def write(house: House, systems: Connected, system: str, person: int) -> int:
    """As `carry`; how many rows were changed."""
    places = [one for one in _copies(systems.map) if systems.map.system_of(one.dataset).name == system]
    seen = reveal.reveal(house, person, [reveal.POINTS], actor="amana", purpose="carrying their choices on")
    identities: dict[str, tuple[str, ...]] = {"amana_id": (f"p{person}",)}
    for kind, value in seen.points:
        name = IDENTITY_KIND.get(kind, kind)
        identities[name] = (*identities.get(name, ()), value)
    walk = leading_to(traversal.walk(systems.map, frozenset(identities)), places)
    walker = Walker(systems.map, walk, {0: identities}, {})
    for step in walk.steps:
        name = systems.map.system_of(step.node.dataset).name
        walker.visit(step.node, _finder(systems, name))
    gate, changed = Gate(house), 0
    try:
        for place in places:
            if place in walker.states:
                changed += _bring(systems.rows(system), systems.map.collection(place), walker, gate, person)
    finally:
        gate.close()
    return changed


def _bring(rows: Rows, collection: Collection, walker: Walker, gate: Gate, person: int) -> int:
    found = walker.states[collection.place]
    values = {
        field.path: wanted(gate, person, field.permission) for field in collection.fields if field.permission
    }
    doing = rights_steps.setting(collection, found, values)
    changed = rights_steps.do(rows, collection, doing)
    if rights_steps.left(rows, collection, found, doing, new_too=False):
        raise errors.NotNow("copy_not_kept", expected=str(collection.place))
    return changed


def wanted(gate: Gate, person: int, copy: Permission) -> Plain:
    """What a copy of a permission should say of somebody now."""
    answer = gate.ask(person, Inquiry(brand=copy.brand, purpose=copy.purpose, channel=Channel(copy.channel)))
    return copy.yes if answer.allow or answer.defer_until is not None else copy.no


def leading_to(walk: Walk, places: Iterable[Place]) -> Walk:
    """The part of a walk that leads to these places."""
    needed = set(places)
    kept = []
    for step in reversed(walk.steps):
        if step.node in needed:
            needed.update(edge.source.node for edge in step.edges)
            kept.append(step)
    return Walk(steps=tuple(reversed(kept)), erasure=(), unreached=walk.unreached, held=walk.held, desks=())


def _copies(the_map: DataMap) -> list[Place]:
    return [
        place
        for place, one in traversal.walked(the_map).items()
        if any(field.permission for field in one.fields)
    ]


def _finder(systems: Connected, name: str) -> Find:
    def find(collection: Collection, matches: list[Match]) -> Iterable[Row]:
        return systems.rows(name).find(collection, matches)

    return find
