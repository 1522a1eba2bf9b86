"""Write-back: every connected system that holds a copy of a permission holds the permission of now.

Rule.
- The log is the outbox, as for hooks: a sweep turns the events after the last position told into one task for each
  system and `STRETCH` of the log, and moves the position in the same transaction. A task names the stretch, not the
  people: whom it is about is read when it runs. Each system has its own kind of task: one that is down holds up nobody
  else.
- What is written is what the gate answers when the task runs, never an old event: a copy says yes only where contact
  is allowed, or allowed at another hour. So tasks may run late, twice and in any order. Of a row that is several
  people's the strictest answer counts, and one that stands for addresses alone that are not in use any more says no, as
  the relay does (`Reached.by_unused`). While a restored record waits for its refusals, nothing is carried.
- What was written is read back. People whose copy says something else, or cannot be written, get a task of their own,
  at most `APART` of a set; more than that is no matter of single people, and the set as a whole is tried again.
- Time and law change answers without an event (a consent grows old, a notice changes): once in `EVERY` seconds, and
  whenever somebody says `data-map carry`, everybody's copies are gone through.
- A No over there may be the person's own, which no import has brought us yet. So a No is written whatever the copy
  says, and a Yes only over a No that the person turned with us: an event of their own, in the stretch of the log that
  the task is about, made our answer a Yes. What an import or a relay turned, and what the person said of something
  else beside it, turns nothing over there. Every other No stays, and is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import structlog

from amana import errors
from amana.connectors.systems.system import Rows
from amana.core import nested, traversal
from amana.core.data_map import Collection, DataMap, Permission, Place, Plain, Row
from amana.core.decision import Decision
from amana.core.vocabulary import Actor, Channel
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record import history, tasks
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.rights import reaching, rights_run, rights_steps
from amana.services.rights.reaching import SET, Known, Reached
from amana.services.systems import data_map, rights_walk
from amana.services.systems.connected import Connected
from amana.services.systems.rights_walk import Found, Held
from amana.storage import log, positions, restores
from amana.storage import people as persons
from amana.storage.tasks import TaskRow

STRETCH = 500  # events to a task
STRETCHES = 100  # tasks for each system in one transaction
APART = 20  # people of a set who may have a task of their own
EVERY = 7 * 86_400  # seconds between two rounds through everybody
ALL = -1  # of `since`: every No may be turned
NOT_DONE = "not_done"  # a connector's token: what was written is not there
LATER = 3_600  # seconds until a restored record is looked at again
TOLD = "write_back_told"
PREFIX = "copies/"
PURPOSE = "carrying their choices on"
THEMSELVES = (Actor.PERSON, Actor.GUARDIAN)
_log = structlog.get_logger("amana.copies")


def systems_with_copies(the_map: DataMap) -> list[str]:
    """The systems that hold a copy of a permission, by name."""
    return sorted({the_map.system_of(place.dataset).name for place in _copies(the_map)})


def kinds(house: House) -> list[str]:
    """The kinds of task that systems with copies have; none while the map cannot be read."""
    try:
        the_map = data_map.load(house.folder)
    except errors.BadInput as wrong:
        _complain(house.folder, wrong.what)  # a map that somebody is mending must not stop the mail
        return []
    return [f"{PREFIX}{name}" for name in systems_with_copies(the_map)] if the_map.systems else []


@lru_cache(maxsize=8)
def _complain(folder: Path, what: str) -> None:
    """Once for each mistake, not once a round."""
    _log.error("data_map_unreadable", folder=folder.name, what=what)


# ---- events become tasks ------------------------------------------------------------------------------------------


def sweep(house: House) -> int:
    """Turn events that no system heard of yet into tasks, and begin a round that is due; how many events were told."""
    named = kinds(house)
    if not named:
        return 0
    with house.database.read() as connection:
        told, latest = positions.get(connection, TOLD), log.latest(connection)
        rounds = [positions.get(connection, _carried(kind)) for kind in named]
    waiting = told is None or (latest is not None and told < latest.size)
    if not waiting and not any(_is_due(house, one) for one in rounds):
        return 0
    return house.writing().write(lambda session: _sweep(house, session, named))


def _sweep(house: House, session: Session, named: Sequence[str]) -> int:
    for kind in named:
        begun = positions.get(session.connection, _carried(kind))
        if begun is None:  # newly connected: at once only if somebody says so
            positions.put(session.connection, _carried(kind), session.now)
        elif _is_due(house, begun):
            tasks.add(house, session, kind, f"{kind}/everybody/{begun}", 0, {"everybody": True})
            positions.put(session.connection, _carried(kind), session.now)
    told = positions.get(session.connection, TOLD)
    if told is None:  # the first system with a copy: from here on
        positions.put(session.connection, TOLD, session.ledger_size)
        return 0
    end = min(session.ledger_size, told + STRETCH * STRETCHES)
    for start in range(told, end, STRETCH):
        stop = min(end, start + STRETCH)
        if positions.people_between(session.connection, start, stop):
            for kind in named:
                tasks.add(house, session, kind, f"{kind}/{start}-{stop}", 0, {"from": start, "to": stop})
    positions.put(session.connection, TOLD, end)
    return end - told


def _is_due(house: House, begun: int | None) -> bool:
    return begun is None or begun + EVERY <= house.clock()


# ---- tasks become copies ------------------------------------------------------------------------------------------


def carry(house: House, row: TaskRow, payload: Mapping[str, Any]) -> int | None:
    """Bring the copies that a task is about up to date; a number if it goes on. Raises NotNow, Undeliverable."""
    with house.database.read() as connection:
        if restores.holds(connection):
            return LATER
    system = row.kind.removeprefix(PREFIX)
    try:
        with rights_run.open_systems(house) as systems:
            work = _Work(house, systems, system, payload.get("from"), row.key)
            if "everybody" in payload:
                return None if work.next_set() is None else 0
            for start in range(0, len(ids := _whom(house, row, payload)), SET):
                work.bring(ids[start : start + SET])
    except errors.BadInput as wrong:
        raise errors.Undeliverable(wrong.code) from wrong
    return None


def _whom(house: House, row: TaskRow, payload: Mapping[str, Any]) -> list[int]:
    if row.person:
        return [row.person]
    with house.database.read() as connection:
        return positions.people_between(connection, int(payload["from"]), int(payload["to"]))


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What a round through everybody did, so far."""

    people: int = 0
    changed: int = 0  # rows
    left: int = 0  # copies that say No where the record says yes, and were not turned
    apart: int = 0  # people whose copy could not be written now, and is tried again

    def __add__(self, other: Carried) -> Carried:
        return Carried(
            people=self.people + other.people,
            changed=self.changed + other.changed,
            left=self.left + other.left,
            apart=self.apart + other.apart,
        )


def carry_everybody(
    house: House, system: str, heard: Callable[[Carried], None] | None = None, *, turn: bool = False
) -> Carried:
    """Bring everybody's copies in one system up to date now; `turn` also writes a Yes over every No where we may contact.

    Stopped, or with the system down (NotNow), it goes on from there when it is called again. Raises NotFound for a
    system without copies, Conflict while a restored record waits for its refusals, NotNow, Undeliverable, BadInput.
    """
    named = systems_with_copies(data_map.load(house.folder))
    if system not in named:
        raise errors.NotFound(
            "No connected system of this name holds a copy of a permission",
            expected=", ".join(named) or "a field with `permission` in the data map",
            remedy="check the name",
        )
    with house.database.read() as connection:
        if restores.holds(connection):
            raise errors.Conflict(
                "The record was restored and its refusals are not back",
                remedy="put them back with `amana restored`; nothing is carried before",
            )
    told = Carried()
    with rights_run.open_systems(house) as systems:
        work = _Work(house, systems, system, ALL if turn else None, f"{PREFIX}{system}/now/{house.clock()}")
        while (done := work.next_set()) is not None:
            told += done
            if heard is not None:
                heard(told)
    return told


def everybody(house: House) -> int:
    """How many people a round goes through."""
    with house.database.read() as connection:
        return persons.count(connection)


class _Work:
    """The work of one task, or of one round, on one system. `since`: see `_Answers`."""

    def __init__(self, house: House, systems: Connected, system: str, since: int | None, cause: str) -> None:
        self.house, self.systems, self.system = house, systems, system
        self.since, self.cause, self.kind = since, cause, f"{PREFIX}{system}"

    def next_set(self) -> Carried | None:
        """The next set of a round through everybody; None at its end."""
        reader = f"{self.kind}/round"
        with self.house.database.read() as connection:
            ids = positions.people_after(connection, positions.get(connection, reader) or 0, SET)
        done = self.bring(ids) if ids else None

        def work(session: Session) -> None:
            positions.put(session.connection, reader, ids[-1] if ids else 0)
            if not ids:
                positions.put(session.connection, _carried(self.kind), session.now)

        self.house.writing().write(work)
        return done

    def bring(self, ids: Sequence[int]) -> Carried:
        """Bring one set up to date; who is in trouble alone gets a task of their own. Raises NotNow, Undeliverable."""
        done, apart = self._sifted(ids, APART)
        if apart and len(ids) == 1:
            raise errors.NotNow("copy_not_kept")
        if len(apart) > APART:
            raise errors.NotNow("copies_not_kept")
        here = sorted(self.house.keys.known_keys(apart))
        if here:
            self.house.writing().write(lambda session: self._apart(session, here))
        return msgspec.structs.replace(done, people=len(ids), apart=len(here))

    def _apart(self, session: Session, ids: Sequence[int]) -> None:
        payload = {} if self.since is None else {"from": self.since}
        for one in ids:
            tasks.add(self.house, session, self.kind, f"{self.cause}/p{one}", one, payload)

    def _sifted(self, ids: Sequence[int], room: int) -> tuple[Carried, set[int]]:
        """As `write`, halved where the system refuses what is said of somebody.

        Raises what it refuses of a single person, or of more than `room`.
        """
        try:
            return write(self.house, self.systems, self.system, ids, self.since)
        except (errors.Undeliverable, errors.NotNow) as trouble:
            if len(ids) == 1 or not _is_of_a_row(trouble):
                raise
        done, apart = Carried(), set[int]()
        half = len(ids) // 2
        for part in (ids[:half], ids[half:]):
            try:
                more, bad = self._sifted(part, room - len(apart))
            except (errors.Undeliverable, errors.NotNow) as trouble:
                if len(part) > 1 or len(apart) >= room or not _is_of_a_row(trouble):
                    raise
                more, bad = Carried(), set(part)
            done, apart = done + more, apart | bad
        return done, apart


def _is_of_a_row(trouble: errors.AmanaError) -> bool:
    """Whether a trouble may be one row's, so that the others' can be written without it."""
    return isinstance(trouble, errors.Undeliverable) or trouble.what == NOT_DONE


def write(
    house: House, systems: Connected, system: str, ids: Sequence[int], since: int | None = None
) -> tuple[Carried, set[int]]:
    """Bring the copies of these people in one system up to date, and look again. `since`: see `_Answers`.

    What was done, and whose copy says something else all the same. Raises NotNow, Undeliverable.
    """
    places = [one for one in _copies(systems.map) if systems.map.system_of(one.dataset).name == system]
    if len(ids) > 1 and any(_is_shared(systems.map.collection(one)) for one in places):
        each = [write(house, systems, system, [one], since) for one in ids]
        return sum((done for done, _ in each), Carried()), set().union(*(bad for _, bad in each))
    known = reaching.known(house, ids, PURPOSE)
    reached = reaching.reach(systems, known, places)
    answers = _Answers(house, known, reached, since)
    changed, bad = 0, set[int]()
    try:
        for place, state in reached.found.items():
            count, unkept = _bring(systems.rows(system), systems.map.collection(place), state, answers)
            changed, bad = changed + count, bad | unkept
    finally:
        answers.close()
    return Carried(changed=changed, left=len(answers.left)), bad


def _bring(rows: Rows, collection: Collection, found: Found, answers: _Answers) -> tuple[int, set[int]]:
    doing = rights_steps.setting(collection, found, answers.of_row(collection, found))
    if not doing.rewrites:
        return 0, set()
    changed = rights_steps.do(rows, collection, doing)
    again = Found(wanted=found.wanted)
    for row in rows.find(collection, found.matches(collection, new_only=False)):
        owners = rights_walk.owners_of(found, collection, row)
        again.rows[rights_walk.key_text(collection, row)] = Held(row=row, owners=owners)
    return changed, _unkept(collection, again, answers)


def _unkept(collection: Collection, found: Found, answers: _Answers) -> set[int]:
    """Whose copies would be written again: nobody's, if what was written is what is there."""
    said = answers.of_row(collection, found)
    if not rights_steps.setting(collection, found, said).rewrites:
        return set()
    unkept: set[int] = set()
    for key, held in found.rows.items():
        if rights_steps.setting(collection, Found(wanted=found.wanted, rows={key: held}), said).rewrites:
            unkept |= held.owners & answers.people
    return unkept


def _copies(the_map: DataMap) -> list[Place]:
    return [
        place
        for place, one in traversal.walked(the_map).items()
        if any(field.permission for field in one.fields)
    ]


def _is_shared(collection: Collection) -> bool:
    """Whether a copy stands inside an array, where one row holds many people's: they are written one by one."""
    return any(
        field.array or nested.array_above(collection, field.path) != field.path
        for field in collection.fields
        if field.permission is not None
    )


def _carried(kind: str) -> str:
    """Since when nobody has gone through everybody: a reader's name, its number a UTC second."""
    return f"{kind}/carried"


class _Answers:
    """What the gate says now, asked once for each person and copy; and which No it may turn.

    `since` is where the stretch of the log begins that may turn one: None turns none, ALL every one.
    """

    def __init__(self, house: House, known: Known, reached: Reached, since: int | None) -> None:
        self._house, self._gate, self.people, self._since = house, Gate(house), known.people, since
        self._reached = reached
        self._said: dict[tuple[int, str, str, str], bool] = {}
        self._turns: dict[tuple[int, str, str, str], bool] = {}
        self.left: set[tuple[str, str]] = set()  # (key of the row, path): a No that stays over there

    def close(self) -> None:
        """Give back the gate's connection."""
        self._gate.close()

    def of_row(self, collection: Collection, found: Found) -> Callable[[Held], Mapping[str, Plain]]:
        """What the copies in a row should say: yes where every owner's answer is, and nothing of a No that stays."""
        fields = [(one.path, one.permission) for one in collection.fields if one.permission is not None]
        theirs = nested.concerned(collection, found.sought(collection))

        def said(held: Held) -> dict[str, Plain]:
            if self.people.isdisjoint(held.owners):
                return {}  # of somebody else alone, who came along by a shared address
            row = nested.narrowed(held.row, theirs)
            words: dict[str, Plain] = {}
            for path, copy in fields:
                if not all(self._is_yes_here(collection, held.row, owner, copy) for owner in held.owners):
                    words[path] = copy.no
                elif any(_text(one) != _text(copy.yes) for one in nested.values(row, path)):
                    if any(self._may_turn(owner, copy) for owner in held.owners):
                        words[path] = copy.yes
                    else:
                        self.left.add((rights_walk.key_text(collection, held.row), path))
            return words

        return said

    def _is_yes_here(self, collection: Collection, row: Row, person: int, copy: Permission) -> bool:
        """Whether the gate says yes, for an address that this row stands for."""
        channel = Channel(copy.channel)
        return self._is_yes(person, copy) and not self._reached.by_unused(
            collection.place, row, person, channel
        )

    def _is_yes(self, person: int, copy: Permission) -> bool:
        key = (person, copy.brand, copy.purpose, copy.channel)
        if key not in self._said:
            answer = self._gate.ask(person, _inquiry(copy))
            self._said[key] = _is_yes(answer)
        return self._said[key]

    def _may_turn(self, person: int, copy: Permission) -> bool:
        """Whether the person turned our answer from No to Yes since then: an event of their own did, by itself."""
        if self._since is None or self._since == ALL:
            return self._since == ALL
        key = (person, copy.brand, copy.purpose, copy.channel)
        if key not in self._turns:
            happened = history.of_person(self._house, person)
            self._turns[key] = any(
                not self._was_yes(person, copy, one.position)
                and self._was_yes(person, copy, one.position + 1)
                for one in happened
                if one.position >= self._since and one.event.actor in THEMSELVES
            )
        return self._turns[key]

    def _was_yes(self, person: int, copy: Permission, size: int) -> bool:
        """What we said when the log had this size."""
        return _is_yes(self._gate.ask(person, _inquiry(copy), known_at=size))


def _inquiry(copy: Permission) -> Inquiry:
    return Inquiry(brand=copy.brand, purpose=copy.purpose, channel=Channel(copy.channel))


def _is_yes(answer: Decision) -> bool:
    return answer.allow or answer.defer_until is not None


def _text(value: Plain) -> Plain:
    return value if isinstance(value, list | dict) else nested.text_of(value)
