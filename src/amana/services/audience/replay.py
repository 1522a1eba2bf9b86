"""Replay: past sends of any tool, asked about as if the gate had stood in front of them.

Rule. Each send is asked about at its own moment, under the law of that moment, and with what had happened until then: a
permission, a choice, a restriction or a blocked address counts from its earliest moment on, whenever it was recorded
(`known_at` also leaves out what the ledger did not hold yet). Imports that were taken back count at no moment. Where
somebody lives, how old they are, what they were to us and which lists held them is read as it is known now, because the
record does not say when it became so. That a send went out shows that there was an address, so that is not asked. Limits
count the sends of the log itself, the earlier ones of a second first: they did arrive, whether or not they should have.

How. Whoever had nothing happen after their send is what the columns say; only for the others events are opened. All
sends of a quarter of an hour are one run of the engine: moments within it are moved to the side of its start on which
they stand, so that every comparison with the moment of asking comes out as it would at the send's own second.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from amana import errors
from amana.columns import layout
from amana.columns.store import Columns
from amana.core import events, rules
from amana.core import state as states
from amana.core.facts import NO_CAP, Facts
from amana.core.plan import QUARTER, Plan
from amana.core.regimes import Regime
from amana.core.state import PersonState
from amana.screening import blocks, engines
from amana.services.audience import attributes, cache, outlook, screening
from amana.services.audience.outlook import Outlook
from amana.services.audience.past_sends import Sends
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record import history
from amana.services.record.house import House

Array = np.ndarray[Any, Any]
DAY = 86_400
FEW = 64  # rows for which the rules run one by one
DATED = (events.Permission, events.Relationship, events.Preference, events.Restriction)
_MOMENTS = ("granted_by", "sale_at", "interest_at", "relationship_at", "published_at", "paused_until")
_NO_POINT = np.uint64(1 << rules.BY_CODE["no_contact_point"].bit)
NOBODY = np.uint64(1 << rules.BY_CODE["unknown_person"].bit)


class Replayed(NamedTuple):
    """What the gate would have said."""

    sends: Sends
    bits: Array  # reasons of each send, uint64; zero is allow
    outlook: Outlook | None  # what it would have taken
    opened: int  # people whose events were opened
    quarters: int  # runs of the engine
    rules_version: str
    ledger_size: int
    seconds: float  # answering alone
    catch_up_seconds: float
    remedy_seconds: float

    @property
    def counts(self) -> blocks.Counts:
        """All sends by reason."""
        return blocks.count(blocks.distinct(self.bits))


class _Asked(NamedTuple):
    """The pairs of send and person that one question is about."""

    inquiry: Inquiry
    pairs: Array  # their places among all pairs
    person: Array
    at: Array
    sent: tuple[Array, Array, Array]  # contacts of the log in the day, week and month before each


def run(
    house: House,
    brand: str,
    sends: Sends,
    *,
    known_at: int | None = None,
    engine: str = "numpy",
    with_remedies: bool = True,
) -> Replayed:
    """Ask about every send. Raises NotFound for a purpose of the log that the workspace lacks."""
    runner = engines.named(engine)
    gate = Gate(house)
    work = _Work(house, gate, runner, known_at)
    bits = np.zeros(len(sends.whose), np.uint64)
    try:
        for asked in _asked(brand, sends):
            bits[asked.pairs] = work.answer(asked)
        answered = np.zeros(len(sends), np.uint64)
        np.bitwise_or.at(answered, sends.whose, bits)  # of several holders, one that says no is enough
        stranger = np.ones(len(sends), np.bool_)
        stranger[sends.whose] = False
        answered[stranger] = NOBODY
        started = time.perf_counter()
        found = work.needs(answered[sends.whose] != 0) if with_remedies else None
        return Replayed(
            sends,
            answered,
            found,
            work.opened,
            work.quarters,
            house.book.version,
            work.position,
            work.seconds,
            work.catch_up_seconds,
            time.perf_counter() - started,
        )
    finally:
        gate.close()


def table(found: Replayed) -> pa.Table:
    """Every send: part, line, moment, campaign, purpose, channel, allowed, reasons. No address and no person."""
    sends = found.sends
    purposes, channels = [one[0] for one in sends.asked], [one[1].value for one in sends.asked]
    return pa.table(
        {
            "part": _words(sends.part, sends.parts),
            "line": pa.array(sends.lines),
            "at": pa.array(sends.at, pa.timestamp("s", "UTC")),
            "campaign": _words(sends.campaign, sends.campaigns),
            "purpose": _words(sends.ask, purposes),
            "channel": _words(sends.ask, channels),
            "allow": pa.array(found.bits == 0),
            "reasons": screening.named(found.bits),
        }
    )


def plain(found: pa.Table) -> pa.Table:
    """The same for a CSV: `yes` and `no`, texts in place of dictionaries."""
    names = found.column_names
    columns = [
        pa.array(["yes" if one else "no" for one in found[name].to_pylist()])
        if name == "allow"
        else found[name].cast(pa.string())
        if pa.types.is_dictionary(found[name].type)
        else found[name]
        for name in names
    ]
    return pa.table(columns, names=names)


def _words(numbers: Array, words: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32()), pa.array(list(words), pa.string()))


# ---- the questions ----------------------------------------------------------------------------------------------


def _asked(brand: str, sends: Sends) -> Iterable[_Asked]:
    """The log as questions, each with its pairs."""
    ask, at = sends.ask[sends.whose], sends.at[sends.whose]
    channel = np.array([list(type(one[1])).index(one[1]) for one in sends.asked], np.int64)
    windows = trailing(sends.person, channel[ask] if len(channel) else ask, at)
    for number, (purpose, by) in enumerate(sends.asked):
        pairs = np.flatnonzero(ask == number)
        yield _Asked(
            Inquiry(brand=brand, purpose=purpose, channel=by),
            pairs,
            sends.person[pairs],
            at[pairs],
            (windows[0][pairs], windows[1][pairs], windows[2][pairs]),
        )


def trailing(person: Array, channel: Array, at: Array) -> tuple[Array, Array, Array]:
    """How many earlier sends to the same person by the same channel lie in the day, week and month before each send.

    A send is not counted for itself; of several in one second, those further up in the log are earlier.
    """
    order = np.lexsort((at, channel, person))  # stable: the log's order within a second
    group = np.concatenate([[0], np.cumsum((np.diff(person[order]) != 0) | (np.diff(channel[order]) != 0))])
    group, moment = group[: len(order)], at[order]
    span = int(moment.max() - moment.min()) + 40 * DAY if len(moment) else 1
    key = group * span + (moment - (moment.min() if len(moment) else 0))
    counts = []
    for days in (1, 7, 30):
        start = np.maximum(group * span, key - days * DAY + 1)
        before = np.arange(len(order)) - np.searchsorted(key, start, side="left")
        count = np.empty(len(order), np.int64)
        count[order] = before
        counts.append(np.minimum(count, NO_CAP))
    return counts[0], counts[1], counts[2]


class _Work:
    """Answers the questions of one replay, and remembers what its remedies are looked for in."""

    def __init__(self, house: House, gate: Gate, runner: engines.Engine, known_at: int | None) -> None:
        self.house, self.gate, self.runner, self.known_at = house, gate, runner, known_at
        self.opened, self.quarters, self.position = 0, 0, 0
        self.seconds, self.catch_up_seconds = 0.0, 0.0
        self._epochs = _epochs(house)
        self._refused: list[tuple[Inquiry, Plan, Columns, list[Regime], Array]] = []

    def answer(self, asked: _Asked) -> Array:
        """The reasons of each pair."""
        started = time.perf_counter()
        plan = self.gate.plan(asked.inquiry, self.house.clock())
        caught = cache.catch_up(self.house, plan.question.cell)
        held = attributes.catch_up(self.house)
        self.position = caught.position
        prepared = time.perf_counter()
        self.catch_up_seconds += prepared - started
        regimes = list(caught.regimes) or [Regime()]
        columns = self._columns(asked, caught, held, regimes, plan)
        bits = np.zeros(len(asked.pairs), np.uint64)
        quarter = asked.at // QUARTER
        order = np.argsort(quarter, kind="stable")
        edges = np.flatnonzero(np.diff(quarter[order]) != 0) + 1
        for rows in np.split(order, edges) if len(order) else ():
            start = int(quarter[rows[0]]) * QUARTER
            some = _moved({name: column[rows] for name, column in columns.items()}, asked.at[rows], start)
            bits[rows] = self._quarter(asked, start, some, regimes, rows)
        self.seconds += time.perf_counter() - prepared
        return bits

    def _quarter(self, asked: _Asked, start: int, some: Columns, regimes: list[Regime], rows: Array) -> Array:
        """All sends of one quarter of an hour."""
        self.quarters += 1
        plan = self._plan(asked.inquiry, start)
        used, local = np.unique(some["regime"], return_inverse=True)
        here = [regimes[number] for number in used.tolist()]
        law = [plan.law(regime) for regime in here]
        some = some | {"regime": local.astype(layout.dtype("regime"))}
        if len(rows) <= FEW:
            found = np.array(
                [
                    rules.deny_bits(row, law[row.regime], plan.ask)
                    for row in map(
                        Facts._make, zip(*(some[name].tolist() for name in Facts._fields), strict=True)
                    )
                ],
                np.uint64,
            )
        else:
            found = self.runner.screen(some, law, plan.ask).bits
        found = np.where(some["known"], found & ~_NO_POINT, NOBODY)
        some = some | {"has_point": np.ones(len(rows), np.bool_)}
        self._refused.append((asked.inquiry, plan, some, here, asked.pairs[rows]))
        return found

    def _plan(self, inquiry: Inquiry, at: int) -> Plan:
        """The plan of a moment, with the notice as it stood then."""
        plan = self.gate.plan(inquiry, at)
        notice = self.house.workspace.purposes[inquiry.purpose].notice
        epoch = max((one for name, since, one in self._epochs if name == notice and since <= at), default=1)
        mine = msgspec.structs.replace(plan.question.circumstances, notice_floor=epoch if epoch > 1 else 0)
        question = msgspec.structs.replace(plan.question, circumstances=mine)
        return Plan(self.house.book, question, self.house.is_holiday)

    # ---- facts of then ------------------------------------------------------------------------------------------

    def _columns(
        self,
        asked: _Asked,
        caught: cache.Caught,
        held: attributes.Attributes,
        regimes: list[Regime],
        plan: Plan,
    ) -> Columns:
        """The facts of each pair at its own moment; new regimes are added to the list."""
        if len(asked.person) and not caught.regimes:
            columns = {name: np.zeros(len(asked.person), layout.dtype(name)) for name in Facts._fields}
        else:
            columns = screening.facts_of(self.house, caught, plan, asked.person)
        for name, counts in zip(layout.SENT, asked.sent, strict=True):
            columns[name] = counts.astype(layout.dtype(name))
        late = attributes.column(held.loaded, attributes.LATEST, asked.person - 1) > asked.at
        if self.known_at is not None:
            late |= np.ones(len(late), np.bool_)
        late &= columns["known"]
        self._look_back(asked, columns, np.flatnonzero(late), regimes, plan)
        return columns

    def _look_back(
        self, asked: _Asked, columns: Columns, rows: Array, regimes: list[Regime], plan: Plan
    ) -> None:
        """Replace the facts of some rows by those that the events tell of their moment."""
        numbers = {regime: number for number, regime in enumerate(regimes)}
        by_person: dict[int, list[int]] = {}
        for place, person in zip(rows.tolist(), asked.person[rows].tolist(), strict=True):
            by_person.setdefault(person, []).append(place)
        self.opened += len(by_person)
        for person, opened in history.of_people(self.house, list(by_person), before=self.known_at):
            happened = [one.event for one in opened]
            for place in by_person[person]:
                if not happened:  # the ledger had not heard of them
                    columns["known"][place] = False
                    continue
                state = then(happened, int(asked.at[place]), self.gate)
                hits = int(columns["registry_hits"][place])
                sent = tuple(int(columns[name][place]) for name in layout.SENT)
                found, regime = self.gate.project(state, plan, hits, (sent[0], sent[1], sent[2]))
                number = numbers.setdefault(regime, len(numbers))
                if number == len(regimes):
                    regimes.append(regime)
                for name, value in found._replace(regime=number)._asdict().items():
                    columns[name][place] = value

    # ---- what it would have taken -------------------------------------------------------------------------------

    def needs(self, refused: Array) -> Outlook:
        """What would have turned the refused, counted; `refused` says which pairs."""
        started = time.perf_counter()
        found: outlook.Needs = Counter()
        groups = 0
        for inquiry, plan, some, regimes, pairs in self._refused:
            rows = refused[pairs]
            if rows.any():
                later = functools.cache(self.gate.later(inquiry))
                chosen = {name: column[rows] for name, column in some.items()}
                more, count = outlook.needs_of(chosen, regimes, plan, later)
                found.update(more)
                groups += count
        return outlook.told(found, groups, time.perf_counter() - started)


def then(happened: Iterable[events.AnyEvent], at: int, gate: Gate) -> PersonState:
    """The state that events tell of a moment. See the module's rule."""
    return states.fold_all((one for one in happened if _was(one, at)), gate.terms)


def _was(event: events.AnyEvent, at: int) -> bool:
    """Whether an event counts at a moment."""
    dated = isinstance(event, DATED) or (isinstance(event, events.Point) and event.change.endswith("blocked"))
    return not dated or event.occurred.lo <= at


def _moved(columns: Columns, at: Array, start: int) -> Columns:
    """Moments within the quarter brought to the side of its start on which they stand for the send's own second."""
    moved = dict(columns)
    for name in _MOMENTS:
        moment = columns[name]
        moved[name] = np.where(moment <= at, np.minimum(moment, start), np.maximum(moment, start + 1))
    return moved


def _epochs(house: House) -> list[tuple[str, int, int]]:
    """Notice, moment of publication and material epoch of every published version."""
    told = (one.event for one in history.of_person(house, 0))
    return [
        (one.notice.rpartition("@")[0], one.occurred.lo, one.epoch)
        for one in told
        if isinstance(one, events.Notice)
    ]


def check(house: House, sends: Sends) -> None:
    """Refuse purposes of the log that the workspace lacks. Raises NotFound."""
    known = house.workspace.purposes
    for purpose, _ in sends.asked:
        if purpose not in known:
            raise errors.NotFound(
                f"The log names the purpose {purpose!r}, which the workspace does not have",
                expected=f"one of: {', '.join(known)}",
                remedy="map the log's words to them: purpose = { column = …, values = { … } }",
            )
