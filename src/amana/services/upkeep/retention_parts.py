"""One set of people in one part of a review: what ended is counted, and, once approved, goes.

Rule.
- Counting and doing are one piece of code: what a review shows is what a run does, evaluated anew on the day.
- Of a row that is several people's a purpose lives if it lives for one of them, and ended if it ended for each.
- A row goes whole only where its collection says so (`on_erasure: delete`) and nothing of it stays; otherwise fields are
  masked. What living grounds keep (`core.grounds`), what cannot be written and what leads to rows that stay
  (`retention_leads`) is counted with its reason.
- What was done is looked at again, by the values the rows were found by and by their keys.
- Whoever has an open request or whose processing is restricted keeps everything. Right before something is written over
  there it is read again who said, asked or was restricted since they were looked at, and who shares an address with them
  by now: their rows are left to the next review. What is acknowledged while a statement is on its way there comes too
  late for the rows of that one call, at most `rights_steps.CHUNK`; nothing of ours can hold up another system.
- Nothing leaves this module but counts: no value, no key of a row, no person's number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from amana import errors
from amana.connectors.systems.system import Limits
from amana.core import events, grounds, masking, nested, traversal
from amana.core import state as states
from amana.core.data_map import Collection, Field, OnErasure, Place, System
from amana.core.rights import ENDED as REQUEST_ENDED
from amana.core.rights import Status
from amana.core.statements import Interval
from amana.core.system_files import DESKS
from amana.core.vocabulary import Actor
from amana.ledger import sealing
from amana.services.collection import capture
from amana.services.gate import lives
from amana.services.gate.asking import Gate
from amana.services.gate.lives import Lives
from amana.services.keeping import forget
from amana.services.record.house import House
from amana.services.record.writing import Session, profile_context
from amana.services.rights import reaching, rights_steps
from amana.services.rights.reaching import SET
from amana.services.rights.rights_steps import NO_KEY, READ_ONLY, Doing, Rewrite
from amana.services.systems import rights_walk
from amana.services.systems.connected import Connected
from amana.services.systems.rights_walk import Found, Held
from amana.services.upkeep import retention_elsewhere, retention_leads
from amana.services.upkeep.retention_leads import LEADS, Going
from amana.storage import people, points, requests

SOURCE = "retention"
"""The capture point under which emptied fields are recorded."""
PURPOSE = "looking what has no ground any more"
FIELDS, PEOPLE = "amana:fields", "amana:people"
RESTRICTED, ASKS, MEANWHILE = "restricted", "open_request", "changed_meanwhile"
"""Grounds of what stays because of whose it is."""


class Count(msgspec.Struct, kw_only=True):
    """What was counted of one place."""

    found: int = 0  # rows, or people who hold a field
    due: int = 0  # of them, with something that goes
    deletes: int = 0  # of them, whole
    ended: int = 0  # fields of rows, because their purposes ended
    over: int = 0  # fields of rows, because their retention is over
    kept: dict[str, int] = {}  # ground -> fields of rows that stay by it
    trouble: str = ""

    def add(self, other: Count) -> None:
        """Add what another set counted."""
        self.found, self.due = self.found + other.found, self.due + other.due
        self.deletes += other.deletes
        self.ended, self.over = self.ended + other.ended, self.over + other.over
        for ground, count in other.kept.items():
            self.kept[ground] = self.kept.get(ground, 0) + count
        self.trouble = self.trouble or other.trouble


Counts = dict[str, Count]
"""By place: `dataset:collection`, `amana:<field>`, `amana:people`."""
Allowed = Callable[[Counts], None]
"""Raises Undeliverable where a set would go beyond what was approved."""


class Set(msgspec.Struct, frozen=True, kw_only=True):
    """Some people, and what lives for each."""

    states: dict[int, states.PersonState]
    lives: dict[int, Lives]
    changed: dict[int, int]  # log position of the latest event of each
    asking: frozenset[int]  # whoever has an open request: it is answered before anything else

    def keeps(self, owners: Iterable[int]) -> str:
        """Why nothing of some owners goes; "" where it may. Who was erased meanwhile keeps nothing of others."""
        known = [one for one in owners if one in self.lives]
        if not known:
            return MEANWHILE
        if any(self.lives[one].restricted for one in known):
            return RESTRICTED
        return ASKS if self.asking.intersection(known) else ""


def about(house: House, ids: Sequence[int]) -> Set:
    """What lives for these people; those who were erased are left out."""
    with house.database.read() as connection:
        rows, asking = people.get(connection, ids), _asking(connection, ids)
    held = {one: row.state for one, row in rows.items()}
    gate = Gate(house)
    try:
        return Set(
            states=held,
            lives={one: lives.of(gate, one, state) for one, state in held.items()},
            changed={one: row.changed for one, row in rows.items()},
            asking=asking,
        )
    finally:
        gate.close()


def _asking(connection: sa.Connection, ids: Sequence[int]) -> frozenset[int]:
    """Who of these has an open request."""
    return frozenset(
        row.person
        for start in range(0, len(ids), SET)
        for row in requests.of_people(connection, ids[start : start + SET])
        if Status(row.status) not in REQUEST_ENDED
    )


# ---- fields here --------------------------------------------------------------------------------------------------


def fields(house: House, ids: Sequence[int], allowed: Allowed | None) -> Counts:
    """Count registered fields that go; empty them where `allowed` is given."""
    held = about(house, ids)
    counts: Counts = {}
    goes: dict[int, list[str]] = {}
    full = _full(house, held.states)
    for one, state in held.states.items():
        for name, field in house.workspace.fields.items():
            if not lives.holds(state, name, field, full.get(one, frozenset())):
                continue
            count = counts.setdefault(f"amana:{name}", Count())
            count.found += 1
            if ground := held.keeps([one]):
                count.add(Count(kept={ground: 1}))
            elif why := lives.field_goes(house, name, state, held.lives[one]):
                goes.setdefault(one, []).append(name)
                count.add(Count(due=1, ended=why == "ended", over=why == "over"))
    if allowed is not None and goes:
        allowed(counts)
        house.writing().write(lambda session: _empty(house, session, goes, held.changed))
        if _left(house, goes):
            raise errors.NotNow("still_there", expected=FIELDS)
    return counts


def _left(house: House, goes: Mapping[int, Sequence[str]]) -> bool:
    """Look again: whether any of these fields still holds a value."""
    with house.database.read() as connection:
        held = {one: row.state for one, row in people.get(connection, goes).items()}
    full = _full(house, held)
    registered = house.workspace.fields
    return any(
        lives.holds(state, name, registered[name], full.get(one, frozenset()))
        for one, state in held.items()
        for name in goes[one]
    )


def _full(house: House, ids: Mapping[int, object]) -> dict[int, frozenset[str]]:
    """Which sealed fields of these people hold a value. Opened, looked at for emptiness, and let go."""
    with house.database.read() as connection:
        sealed = people.profiles(connection, list(ids))
    keys = house.keys.known_keys(sealed)
    found = {}
    for one, body in sealed.items():
        if one in keys:
            values: dict[str, str] = msgspec.json.decode(
                sealing.unwrap(keys[one], body, profile_context(one))
            )
            found[one] = frozenset(name for name, value in values.items() if value)
    return found


def _empty(
    house: House, session: Session, goes: Mapping[int, Sequence[str]], changed: Mapping[int, int]
) -> None:
    """Empty fields, each person's by an event of the workspace's own doing; not of whoever said or asked since."""
    session.load(goes)
    asking = _asking(session.connection, list(goes))
    for one, names in goes.items():
        if one not in session.people or one in asking or session.people[one].changed != changed[one]:
            continue
        registered = house.workspace.fields
        sealed = {name: "" for name in names if registered[name].hold.value == "sealed"}
        columns = {column: "" for name in names for column in lives.columns_of(name, registered[name])}
        person = session.person(one)
        told = [value.at for column in columns for value in person.state.attributes.get(column, ())]
        at = max([session.now, *(moment + 1 for moment in told)])  # the latest value counts
        session.merge_profile(person, sealed)
        event = events.Profile(
            id=house.random(16).hex(),
            occurred=Interval(lo=at, hi=at),
            actor=Actor.SYSTEM,
            source=capture.source_of(session, SOURCE),
            evidence=SOURCE,
            columns=columns,
            sealed=sealed,
        )
        session.record(person, event)


# ---- people here --------------------------------------------------------------------------------------------------


def persons(house: House, systems: Connected, ids: Sequence[int], allowed: Allowed | None) -> Counts:
    """Count people for whom nothing lives any more; forget them where `allowed` is given.

    Whoever another system holds or may hold stays (`retention_elsewhere`): they are found by their address here. So does
    whoever said or asked something while that was looked for: it is looked at again as they are forgotten.
    Raises NotNow, Undeliverable.
    """
    held = about(house, ids)
    count = Count(found=len(held.states))
    goes, stays = list[int](), set[int]()
    for one, found in held.lives.items():
        if found.restricted:
            count.add(Count(kept={RESTRICTED: 1}))
        elif lives.is_forgotten(house, found) and one in held.asking:
            count.add(Count(kept={ASKS: 1}))
        elif lives.is_forgotten(house, found):
            goes.append(one)
    elsewhere = retention_elsewhere.held(house, systems, {one: held.lives[one] for one in goes})
    goes = [one for one in goes if one not in elsewhere]
    count.add(Count(due=len(goes), deletes=len(goes), kept=dict(Counter(elsewhere.values()))))

    def still(session: Session, one: int) -> bool:
        goes_on = session.people[one].changed == held.changed[one] and not _asking(session.connection, [one])
        if not goes_on:
            stays.add(one)
        return goes_on

    if allowed is not None and goes:
        allowed({PEOPLE: count})
        if not forget.forget(house, goes, still=still).scrubbed:
            raise errors.NotNow("scrubbing")
        count.add(Count(due=-len(stays), deletes=-len(stays)))
    return {PEOPLE: count}


# ---- rows there ---------------------------------------------------------------------------------------------------


def places(systems: Connected, system: System) -> list[Place]:
    """The collections of a system that retention looks at: personal, with purposes or a span."""
    return [
        place
        for place, one in traversal.walked(systems.map).items()
        if place.dataset in system.datasets and retention_elsewhere.is_bound(one, system)
    ]


def reviewed(systems: Connected) -> list[str]:
    """The systems whose rows a review goes through; those that are asked as a whole know their own retention."""
    return [one.name for one in systems.map.systems if one.kind not in DESKS and places(systems, one)]


def rows(
    house: House,
    systems: Connected,
    system: str,
    ids: Sequence[int],
    masking_key: bytes,
    allowed: Allowed | None,
) -> Counts:
    """Count rows of one system in which something goes; mask or delete them where `allowed` is given.

    What rows lead to goes before them, so that a kill in between leaves a way to all that is left. Raises NotNow,
    Undeliverable, and BadInput for a field that cannot be masked.
    """
    known = reaching.known(house, ids, PURPOSE)
    asked = systems.system(system)
    reached = reaching.reach(systems, known, places(systems, asked))
    held = about(house, list(known.seeds))
    counts: Counts = {}
    works = {
        place: _Collection(house, systems, systems.map.collection(place), asked, state, held, masking_key)
        for place, state in reached.found.items()
    }
    goes = {place: work.goes(known.people) for place, work in works.items()}
    kept = retention_leads.staying(systems, known, reached, goes)
    doing: dict[Place, Doing] = {}
    for place, work in works.items():
        doing[place], counts[str(place)] = work.done(known.people, kept.get(place, {}))
    if allowed is not None and any(one.due for one in counts.values()):
        allowed(counts)
        for place in reversed([place for place in reached.states if place in doing]):
            work, here = works[place], kept.get(place, {})
            if moved := _moved(house, held):
                doing[place], counts[str(place)] = work.done(known.people, here, moved)
            _do(systems, system, systems.map.collection(place), reached.found[place], doing[place])
    return counts


def _moved(house: House, held: Set) -> frozenset[int]:
    """Who of a set is another than when they were looked at: said or asked something, is gone, or shares an address."""
    ids = list(held.states)
    with house.database.read() as connection:
        rows, asking = people.get(connection, ids), _asking(connection, ids)
        theirs = points.of_people(connection, ids)
        blinds = {one.blind for points_of in theirs.values() for one in points_of}
        holders = points.holders(connection, sorted(blinds))
    joined = {blind for blind, found in holders.items() if any(one not in held.states for one, _ in found)}
    return frozenset(
        one
        for one in ids
        if one not in rows
        or rows[one].changed != held.changed[one]
        or one in asking
        or any(point.blind in joined for point in theirs.get(one, ()))
    )


def _do(systems: Connected, system: str, collection: Collection, found: Found, doing: Doing) -> None:
    if not doing.rewrites and not doing.deletes:
        return
    opened = systems.rows(system)
    rights_steps.do(opened, collection, doing)
    if rights_steps.left(opened, collection, found, doing, new_too=False):
        raise errors.NotNow("still_there", expected=str(collection.place))


class _Collection:
    """One collection's rows of one set."""

    def __init__(
        self,
        house: House,
        systems: Connected,
        collection: Collection,
        system: System,
        found: Found,
        held: Set,
        masking_key: bytes,
    ) -> None:
        self.house, self.collection, self.system = house, collection, system
        self.found, self.held, self.key = found, held, masking_key
        self.limits: dict[str, Limits] = systems.rows(system.name).limits(collection) if found.rows else {}
        self.sought = found.sought(collection)
        self.today = datetime.fromtimestamp(house.clock(), UTC).date()
        self.personal = {field.path for field in traversal.chosen(collection, (traversal.PERSONAL,))}

    def goes(self, asked: frozenset[int]) -> dict[str, Going]:
        """What would go of the rows whose first owner is among these people, if none of them led anywhere."""
        found = {}
        for key, held in self._rows(asked):
            owners = self._owners(held)
            if not owners or not self.collection.keys:
                continue
            verdict = self._verdict(held, owners)
            if verdict.goes:
                found[key] = Going(held=held, fields=verdict.goes, whole=self._is_whole(verdict))
        return found

    def done(
        self, asked: frozenset[int], kept: Mapping[str, Going], moved: frozenset[int] = frozenset()
    ) -> tuple[Doing, Count]:
        """What goes of the rows whose first owner is among these people, so that each is counted once.

        `kept` are the rows whose leading fields stay, with what goes of them all the same. Rows of whoever `moved` stay.
        """
        doing, count = Doing(), Count()
        for key, held in self._rows(asked):
            count.found += 1
            if ground := (MEANWHILE if moved & held.owners else self.held.keeps(held.owners)):
                count.add(Count(kept={ground: 1}))
            else:
                self._row(held, self._owners(held), kept.get(key), doing, count)
        return doing, count

    def _rows(self, asked: frozenset[int]) -> Iterator[tuple[str, Held]]:
        return ((key, held) for key, held in self.found.rows.items() if min(held.owners) in asked)

    def _owners(self, held: Held) -> list[Lives]:
        """What lives for each whose row it is; none where one of them keeps everything."""
        if self.held.keeps(held.owners):
            return []
        return [self.held.lives[one] for one in held.owners if one in self.held.lives]

    def _verdict(self, held: Held, owners: Sequence[Lives], *, by_time: bool = False) -> grounds.Verdict:
        return grounds.ended(
            self.collection,
            held.row,
            ended=() if by_time else frozenset.intersection(*(one.ended for one in owners)),
            living_purposes=frozenset.union(*(one.living for one in owners)),
            today=self.today,
            purposes=self.system.purposes,
        )

    def _is_whole(self, verdict: grounds.Verdict) -> bool:
        """Whether the row itself goes."""
        whole = verdict.whole and {field.path for field in verdict.goes} >= self.personal
        return self.collection.on_erasure is OnErasure.DELETE and whole

    def _row(
        self, held: Held, owners: Sequence[Lives], kept: Going | None, doing: Doing, count: Count
    ) -> None:
        verdict = self._verdict(held, owners)
        for one in verdict.kept:
            count.add(Count(kept={one.ground: 1}))
        fields, key = verdict.goes, rights_walk.key_of(self.collection, held.row)
        if fields and not self.collection.keys:
            count.add(Count(kept={NO_KEY: len(fields)}))
            return
        if kept is not None:
            count.add(Count(kept={LEADS: 1}))
            fields = kept.fields
            if self.collection.on_erasure is OnErasure.DELETE:  # such a collection need not be maskable
                can = traversal.classified(self.collection, fields)
                fields = (*can.mask, *can.read_only)
        if kept is None and self._is_whole(verdict):
            doing.deletes.append(key)
            count.add(Count(due=1, deletes=1))
            changed = {field.path for field in fields}
        else:
            after = self._masked(held, fields, count)
            if not after:
                return
            before = {path: nested.at(held.row, path) for path in after}
            doing.rewrites.append(Rewrite(key=key, before=before, after=after))
            changed = set(after)
            count.add(Count(due=1))
        over = {field.path for field in self._verdict(held, owners, by_time=True).goes} & changed
        count.add(Count(ended=len(changed - over), over=len(over)))

    def _masked(self, held: Held, fields: Sequence[Field], count: Count) -> dict[str, Any]:
        targets = traversal.classified(self.collection, fields)
        traversal.require_maskable(self.collection, targets)
        if targets.read_only:
            count.add(Count(kept={READ_ONLY: len(targets.read_only)}))
        return masking.erased(
            held.row,
            self.collection,
            targets.mask,
            key=self.key,
            random=self.house.random,
            sought=self.sought,
            limits=self.limits,
        )
