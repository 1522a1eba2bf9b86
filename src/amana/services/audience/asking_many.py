"""Asking about many people by id, in one call: the verdict and the reasons of each, as fresh as asking one by one.

Rule. One statement reads what a cache cannot know: the ledger's size, which of these people are being erased or were,
who changed since the columns were last caught up, recent contacts, registry listings.
Whoever changed is projected from that read; everybody else's facts are gathered from the mapped columns. So a
withdrawal that was acknowledged before the call is in its answer, however old the columns are, and no file is written
here; `catch_up` makes the next calls faster, never other. Without columns everybody is projected from the read.

`ask` gives a set of reasons for each person, equal to the scalar gate's (a differential test holds this); `decisions` the
gate's whole decision, with evidence, citations, obligations and validity: the same statement brings everybody's state
then, because the columns do not hold the events that an answer rests on. Neither gives `would_allow`, and to act one
takes permits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from amana import errors
from amana.columns import layout
from amana.columns.store import ColumnStore, Loaded
from amana.core import decision, facts, rules
from amana.core.decision import Decision
from amana.core.facts import NO_CAP, Facts
from amana.core.plan import Plan
from amana.core.regimes import Regime
from amana.core.vocabulary import PHONE_CHANNELS
from amana.screening import terms
from amana.screening.blocks import Program
from amana.services.audience import cache, screening
from amana.services.gate.asking import Gate, Inquiry, Seen
from amana.storage import reading
from amana.storage.crowds import Crowd, CrowdReader
from amana.storage.reading import DAY, Read

Array = np.ndarray[Any, Any]

KEPT = 16
HIGHEST = 2**31 - 1


class Answers(NamedTuple):
    """The answers, in the order of the question; somebody asked about twice is answered twice."""

    people: Array  # ids as asked, int64
    bits: Array  # the set of reasons of each, uint64; zero is allow
    at: int
    rules_version: str
    ledger_size: int

    @property
    def allow(self) -> Array:
        """Whether each may be contacted."""
        allowed: Array = self.bits == 0
        return allowed

    def reasons(self) -> list[tuple[str, ...]]:
        """All reason codes of each, the one shown first in front; empty for an allow."""
        sets = self.bits.tolist()
        codes = {one: decision.codes(one) for one in set(sets)}
        return [codes[one] for one in sets]

    def first(self) -> list[str]:
        """The reason shown first of each; "" for an allow."""
        return [codes[0] if codes else "" for codes in self.reasons()]


class _Held(NamedTuple):
    """The columns of one cell as they are mapped now."""

    stamp: tuple[int, int]
    position: int  # people who changed at or after it are read anew
    regimes: tuple[Regime, ...]
    groups: tuple[Loaded, ...]


class _Prepared(NamedTuple):
    """A question planned over the regimes of some columns."""

    plan: Plan
    regimes: tuple[Regime, ...]
    program: Program | None  # None without columns
    facts: frozenset[str]


class Many:
    """Answers one caller's questions about many people through a gate, with its plans. One per thread, like the gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._store = ColumnStore(gate.house.columns)
        self._reader = CrowdReader(gate.house.database.engine)
        self._held: dict[int, _Held] = {}
        self._prepared: dict[tuple[Inquiry, int], _Prepared] = {}

    def close(self) -> None:
        """Give back the connection. The gate stays open."""
        self._reader.close()

    def catch_up(self, inquiry: Inquiry) -> None:
        """Bring the columns of a question to the ledger's head: work in proportion to what changed, files written."""
        cache.catch_up(self._gate.house, self._gate.plan(inquiry, self._gate.house.clock()).question.cell)

    def ask(self, people: Iterable[int] | Array, inquiry: Inquiry, at: int | None = None) -> Answers:
        """The answers about people by id. Unknown ids are denied as `unknown_person`.

        Raises NotFound for words that the workspace lacks, BadInput for a number that cannot be an id.
        """
        asked = _ids(people)
        moment = self._gate.house.clock() if at is None else at
        plan = self._gate.plan(inquiry, moment)
        ids, places = np.unique(asked, return_inverse=True)
        held = self._columns(plan.question.cell)
        crowd = self._read(ids, plan, held)
        if crowd.ledger_size < held.position:  # an older database stands beside newer columns
            held = _NOTHING
            crowd = self._read(ids, plan, held)
        bits = self._bits(ids, crowd, self._program(inquiry, plan, held), held)
        return Answers(asked, bits[places], moment, plan.book.version, crowd.ledger_size)

    def decisions(
        self, people: Iterable[int] | Array, inquiry: Inquiry, at: int | None = None
    ) -> list[Decision]:
        """The gate's decision about each of some people by id, in their order. Raises as `ask`."""
        asked = _ids(people)
        plan = self._gate.plan(inquiry, self._gate.house.clock() if at is None else at)
        ids = np.unique(asked)
        held = self._columns(plan.question.cell)
        crowd = self._read(ids, plan, held, whole=True)
        if crowd.ledger_size < held.position:
            held = _NOTHING
            crowd = self._read(ids, plan, held, whole=True)
        nobody = self._gate.nobody(inquiry, plan, crowd.ledger_size)
        told = {
            person: self._gate.answer(read, inquiry, plan, seen=seen)
            for person, read, seen in self._seen(ids, crowd, self._program(inquiry, plan, held), held)
        }
        return [told.get(person, nobody) for person in asked.tolist()]

    def _seen(
        self, ids: Array, crowd: Crowd, prepared: _Prepared, held: _Held
    ) -> Iterator[tuple[int, Read, Seen | None]]:
        """What is read of each who is known, and what the rules saw of those whom the columns know."""
        at = prepared.plan.ask.at
        sent, hits = _sent(crowd, ids, at), _hits(crowd, ids)
        counts = list(zip(*(count.tolist() for count in sent), strict=True))
        for person, state in crowd.changed.items():
            place = int(np.searchsorted(ids, person))
            yield person, Read(state, crowd.ledger_size, counts[place], int(hits[place])), None
        if prepared.program is None or not crowd.states:
            return
        kept = np.array(sorted(crowd.states), np.int64)
        places = np.searchsorted(ids, kept)
        columns = screening.gathered(held.groups, kept - 1)
        columns |= {name: count[places] for name, count in zip(layout.SENT, sent, strict=True)}
        columns["registry_hits"] = hits[places]
        rows = map(Facts._make, zip(*(columns[name].tolist() for name in Facts._fields), strict=True))
        bits = prepared.program.bits(columns).tolist()
        for person, place, row, one in zip(kept.tolist(), places.tolist(), rows, bits, strict=True):
            state = reading.state_of(crowd.states[person])
            read = Read(state, crowd.ledger_size, counts[place], row.registry_hits)
            yield person, read, Seen(row, held.regimes[row.regime], one) if row.known else None

    def _read(self, ids: Array, plan: Plan, held: _Held, *, whole: bool = False) -> Crowd:
        cell, at = plan.question.cell, plan.ask.at
        listings = plan.question.channel in PHONE_CHANNELS
        return self._reader.read(ids.tolist(), held.position, cell, at, listings=listings, whole=whole)

    def _columns(self, cell: int) -> _Held:
        """The columns of a cell, mapped anew when others were published. Nothing if a group is missing."""
        stamp = self._store.stamp()
        held = self._held.get(cell)
        if held is None or held.stamp != stamp:
            names = (cache.PERSON_GROUP, cache.cell_group(cell))
            manifest, loaded = self._store.current(names)
            held = _NOTHING._replace(stamp=stamp)
            if len(loaded) == len(names) and manifest.regimes:
                position = min(manifest.groups[name].position for name in names)
                held = _Held(stamp, position, manifest.regimes, tuple(loaded[name] for name in names))
            self._held[cell] = held
        return held

    def _program(self, inquiry: Inquiry, plan: Plan, held: _Held) -> _Prepared:
        prepared = self._prepared.get((inquiry, plan.ask.at))
        if prepared is None or prepared.plan is not plan or prepared.regimes != held.regimes:
            if len(self._prepared) >= KEPT:
                self._prepared.clear()
            program = None
            names: frozenset[str] = frozenset()
            if held.regimes:
                special = terms.special([plan.law(regime) for regime in held.regimes], plan.ask)
                program, names = Program(special), frozenset(special.facts)
            prepared = _Prepared(plan, held.regimes, program, names)
            self._prepared[inquiry, plan.ask.at] = prepared
        return prepared

    def _bits(self, ids: Array, crowd: Crowd, prepared: _Prepared, held: _Held) -> Array:
        """The reasons of different ids, ascending."""
        bits = np.zeros(len(ids), np.uint64)
        sent = _sent(crowd, ids, prepared.plan.ask.at)
        hits = _hits(crowd, ids)
        plan = prepared.plan
        kept = np.ones(len(ids), np.bool_)
        kept[np.searchsorted(ids, [*crowd.erased, *crowd.changed])] = False
        if prepared.program is not None:
            columns = screening.gathered(held.groups, ids[kept] - 1, prepared.facts | {"regime", "known"})
            columns |= {name: counts[kept] for name, counts in zip(layout.SENT, sent, strict=True)}
            columns["registry_hits"] = hits[kept]
            bits[kept] = prepared.program.bits(columns)
            kept[kept] = columns["known"]
        else:
            kept[:] = False
        for place in np.flatnonzero(~kept).tolist():
            state = crowd.changed.get(int(ids[place]))
            found, regime = _NOBODY, Regime()
            if state is not None:
                day, week, month = (int(counts[place]) for counts in sent)
                found, regime = self._gate.project(state, plan, int(hits[place]), (day, week, month))
            bits[place] = rules.deny_bits(found, plan.law(regime), plan.ask)
        return bits


_NOTHING = _Held((0, 0), 0, (), ())
_NOBODY = facts.nobody(0, suppressed=False)


def _ids(people: Iterable[int] | Array) -> Array:
    """Ids as an array. Raises BadInput for a number that cannot be one."""
    asked = np.asarray(people if isinstance(people, np.ndarray) else list(people), np.int64)
    if len(asked) and not (asked.min() >= 0 and asked.max() <= HIGHEST):
        raise errors.BadInput("A number is not a person's id", expected=f"0 to {HIGHEST}")
    return asked


def _sent(crowd: Crowd, ids: Array, at: int) -> tuple[Array, Array, Array]:
    """Contacts of each in the trailing day, week and thirty days."""
    if not crowd.sent:
        none = np.broadcast_to(np.int16(0), len(ids))
        return none, none, none
    people, times = np.array(crowd.sent, np.int64).T
    places = np.searchsorted(ids, people)

    def within(days: int) -> Array:
        counted = np.bincount(places[times > at - days * DAY], minlength=len(ids))
        return np.minimum(counted, NO_CAP).astype(np.int16)

    return within(1), within(7), within(30)


def _hits(crowd: Crowd, ids: Array) -> Array:
    """The registries that list each, as bits."""
    hits = np.zeros(len(ids), layout.dtype("registry_hits"))
    for person, code in crowd.listed:
        hits[np.searchsorted(ids, person)] |= 1 << code
    return hits
