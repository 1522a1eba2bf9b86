"""Many people asked about in one call get what the gate gives each of them, on both databases, at every moment.

Rule. Equal to the gate: before there are columns, with columns, with columns that are behind, after somebody else
rewrote them, in the middle of an erasure, and beside the columns of a longer ledger. A withdrawal that was acknowledged
is in the next answer, also while a screen of everybody is under way.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from store_world import DAY, NOW, OFFERS, Place, row, say, take

from amana import errors
from amana.columns.store import ColumnStore
from amana.core.plan import Ask, Law
from amana.core.statements import PersonRow
from amana.core.vocabulary import Channel, Status
from amana.screening import blocks, engines
from amana.services.audience import cache, screening
from amana.services.audience.asking_many import Many
from amana.services.gate import registries
from amana.services.gate.asking import Gate
from amana.services.keeping import forget
from amana.services.record.house import House
from amana.storage import engines as databases
from amana.storage import register

CALLS = msgspec.structs.replace(OFFERS, channel=Channel.PHONE_LIVE)
TEXTS = msgspec.structs.replace(OFFERS, channel=Channel.SMS)
CELL = 1 << 24 | 1 << 8 | 1


@pytest.fixture
def house(place: Place, tmp_path: Path) -> Iterator[House]:
    """Thirty people, some of whom left or were written to lately."""
    with place.opened(writing=True) as opened:
        words = ("yes", "yes", "no", "", "left")
        take(opened, tmp_path, [row(number, words[number % 5]) for number in range(1, 31)])
        with opened.database.begin() as connection:
            cell = opened.writing().terms.cell("orchard", "offers", "email")
            sends = [(person, cell, NOW - person * DAY) for person in (1, 1, 2, 7, 20, 40)]
            register.note_sent(connection, sends)
        yield opened


@pytest.fixture
def gate(house: House) -> Iterator[Gate]:
    """The gate that answers about one person."""
    with closing(Gate(house)) as opened:
        yield opened


@pytest.fixture
def many(gate: Gate) -> Iterator[Many]:
    """The same gate for many."""
    with closing(Many(gate)) as opened:
        yield opened


def differing(house: House, many: Many, gate: Gate) -> list[int]:
    """Who gets another answer alone than among many, of everybody and some whom nobody knows."""
    ids = [*range(34), 2**31 - 1, 3, 3]
    found = []
    for inquiry in (OFFERS, CALLS, TEXTS):
        answers = many.ask(ids, inquiry)
        assert answers.people.tolist() == ids
        for person, allow, first, codes in zip(
            ids, answers.allow.tolist(), answers.first(), answers.reasons(), strict=True
        ):
            alone = gate.ask(person, inquiry)
            told = tuple(reason.code for reason in alone.reasons)
            if (alone.allow, told, told[0] if told else "") != (allow, codes, first):
                found.append(person)
        assert answers.ledger_size == gate.ask(1, inquiry).ledger_size
        whole = many.decisions(ids, inquiry)
        found += [
            person for person, told in zip(ids, whole, strict=True) if told != gate.ask(person, inquiry)
        ]
    return found


def test_many_get_what_each_gets_alone_however_old_the_columns_are(
    house: House, gate: Gate, many: Many, tmp_path: Path
) -> None:
    assert differing(house, many, gate) == [], "without columns"
    many.catch_up(OFFERS)
    assert differing(house, many, gate) == [], "with columns of one channel"
    many.catch_up(CALLS)
    many.catch_up(TEXTS)
    assert not any(many._held[cell].position == 0 for cell in many._held if cell == CELL)
    assert differing(house, many, gate) == [], "with columns"
    say(house, 6, Status.WITHDRAWN)
    say(house, 8, Status.OBJECTED)
    take(house, tmp_path, [row(31), row(3, "left")], "another list")
    assert differing(house, many, gate) == [], "with columns that are behind"
    many.catch_up(OFFERS)
    assert ColumnStore(house.columns).manifest().groups["person"].delta
    screened = screening.screen(house, OFFERS)
    assert screened.counts == blocks.count(blocks.distinct(screened.bits)), "counts are of who is there"
    assert differing(house, many, gate) == [], "with a delta"
    for person in range(9, 20):
        say(house, person, Status.WITHDRAWN)
    cache.catch_up(house, CELL)
    assert not ColumnStore(house.columns).manifest().groups["person"].delta
    assert differing(house, many, gate) == [], "after somebody else rewrote the columns"


def test_a_listed_number_counts_among_many(house: House) -> None:
    listed = [
        PersonRow(part="", line=number, phone=f"+44740012300{number}", fields={}, statements=())
        for number in (5, 6)
    ]
    registries.load(house, "NATIONAL_DNC", NOW, listed)
    with (
        closing(Gate(house)) as gate,
        closing(Many(gate)) as many,
    ):  # a gate knows the registries of its beginning
        for _ in range(2):
            assert differing(house, many, gate) == []
            told = many.ask([5, 6, 10], CALLS).reasons()
            assert ["registry_listed" in codes for codes in told] == [True, True, False]
            many.catch_up(CALLS)


def test_a_withdrawal_is_honoured_by_whoever_asks_next(house: House, gate: Gate, many: Many) -> None:
    many.catch_up(OFFERS)
    assert many.ask([6], OFFERS).allow.tolist() == [True]
    say(house, 6, Status.WITHDRAWN)
    assert many.ask([6], OFFERS).reasons() == [("withdrawn",)]
    assert not gate.ask(6, OFFERS).allow
    assert 6 not in screening.screen(house, OFFERS).allowed


class Halted:
    """An engine that stops in the middle of its work until it is told to go on."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def screen(self, facts: engines.Columns, law: list[Law], ask: Ask) -> engines.Answer:
        self.reached.set()
        assert self.go_on.wait(20)
        return engines.named("numpy").screen(facts, law, ask)


def test_a_withdrawal_during_a_screen_is_in_the_next_one_and_at_once_at_the_gate(
    house: House, gate: Gate, many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    halted, found = Halted(), []
    named = engines.named
    monkeypatch.setattr(engines, "named", lambda name: halted if name == "halted" else named(name))
    running = threading.Thread(target=lambda: found.append(screening.screen(house, OFFERS, engine="halted")))
    running.start()
    assert halted.reached.wait(20)
    position = say(house, 6, Status.WITHDRAWN)
    assert not gate.ask(6, OFFERS).allow
    assert not many.ask([6], OFFERS).allow.any()
    halted.go_on.set()
    running.join()
    assert found[0].ledger_size <= position, "the screen says what it could know"
    assert 6 not in screening.screen(house, OFFERS).allowed


@pytest.mark.parametrize("step", ["destroy_keys", "blank", "scrub"])
def test_whoever_is_being_erased_is_unknown_at_once(
    house: House, gate: Gate, many: Many, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 5, while the erasure is not done: no event tells the columns of it."""
    for inquiry in (OFFERS, CALLS, TEXTS):
        many.catch_up(inquiry)
    owner = {"destroy_keys": type(house.keys), "blank": ColumnStore, "scrub": type(house.database)}[step]

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, step, stopped)
    with pytest.raises(KeyboardInterrupt):
        forget.forget(house, [6])
    monkeypatch.undo()
    assert "unknown_person" in many.ask([6], OFFERS).reasons()[0]
    assert differing(house, many, gate) == []
    for _ in range(2):
        result = screening.screen(house, OFFERS)
        assert 6 not in result.people.tolist()
        assert result.counts.people == len(result.people) == 29
        forget.finish(house)
    assert differing(house, many, gate) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_columns_of_a_longer_ledger_are_not_believed(house: House, tmp_path: Path) -> None:
    """A backup of the database was put back beside newer columns."""
    databases.scrub(house.database.engine)
    older = tmp_path / "older"
    shutil.copytree(house.folder, older)
    say(house, 3, Status.GIVEN)
    say(house, 6, Status.WITHDRAWN)
    cache.catch_up(house, CELL)
    shutil.copytree(house.columns, older / "columns", dirs_exist_ok=True)
    with Place(folder=older).opened() as restored:
        gate = Gate(restored)
        with closing(gate), closing(Many(gate)) as many:
            assert differing(restored, many, gate) == []


def test_a_number_that_is_nobodys_id_is_refused(house: House, gate: Gate, many: Many) -> None:
    for number in (-1, 2**31):
        with pytest.raises(errors.BadInput):
            many.ask([number], OFFERS)
    assert many.ask([], OFFERS).reasons() == []
