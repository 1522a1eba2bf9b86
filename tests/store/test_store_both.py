"""The record on both databases: everything that is written, read, screened, undone and counted."""

from __future__ import annotations

from pathlib import Path

from store_world import (
    NOW,
    OFFERS,
    Place,
    allowed,
    codes,
    person_of,
    row,
    say,
    take,
)

from amana.core.statements import PersonRow
from amana.core.vocabulary import Channel, Status
from amana.services.audience import screening
from amana.services.collection import imports
from amana.services.gate import registries
from amana.services.gate.asking import Gate, Inquiry
from amana.services.keeping import audit
from amana.services.record import history, reveal
from amana.storage import register


def test_an_import_is_recorded_asked_screened_and_audited(place: Place, tmp_path: Path) -> None:
    people = [row(number, "left" if number % 5 == 0 else "yes") for number in range(1, 41)]
    with place.opened(writing=True) as house:
        report = take(house, tmp_path, people)
        again = take(house, tmp_path, people)
        screened = screening.screen(house, OFFERS)
        leaver = person_of(house, 5)
        assert report.counts["people_new"] == 40
        assert again.repeated
        assert len(screened.allowed) == 32
        assert codes(house, leaver) == ["withdrawn"]
        audited = audit.full(house)
        assert audited.opened == audited.size


def test_a_withdrawal_is_known_to_the_next_question_and_the_next_screen(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, 11)])
        someone = person_of(house, 3)
        assert len(screening.screen(house, OFFERS).allowed) == 10
        gate = Gate(house)
        assert gate.ask(someone, OFFERS).allow
        say(house, someone, Status.WITHDRAWN)
        assert [reason.code for reason in gate.ask(someone, OFFERS).reasons] == ["withdrawn"]
        gate.close()
        assert someone not in screening.screen(house, OFFERS).allowed.tolist()


def test_a_withdrawal_during_a_screen_is_in_the_next_question_at_once_and_in_the_next_screen(
    place: Place, tmp_path: Path
) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, 11)])
        someone = person_of(house, 3)
        gate, told = Gate(house), []

        def withdraw() -> None:
            say(house, someone, Status.WITHDRAWN)
            told.extend(reason.code for reason in gate.ask(someone, OFFERS).reasons)

        before = screening.screen(house, OFFERS, caught_up=withdraw)
        gate.close()
        assert told == ["withdrawn"]
        assert someone in before.allowed.tolist(), "it speaks of the position that it caught up with"
        after = screening.screen(house, OFFERS)
        assert after.ledger_size > before.ledger_size
        assert someone not in after.allowed.tolist()


def test_what_the_ledger_knew_then_is_answered_from_its_events(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(1)])
        position = say(house, 1, Status.WITHDRAWN)
        gate = Gate(house)
        assert gate.ask(1, OFFERS, known_at=position).allow
        assert not gate.ask(1, OFFERS, known_at=position + 1).allow
        gate.close()


def test_an_import_is_undone_and_its_refusals_stay(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        report = take(house, tmp_path, [row(1), row(2, "left")])
        assert imports.undo(house, report.source) == 2
        assert "withdrawn" in codes(house, person_of(house, 2))
        kinds = [type(one.event).__name__ for one in history.of_person(house, person_of(house, 2))]
        assert kinds[-1] == "Retraction"
        audit.full(house)


def test_a_registry_is_loaded_and_counts_for_calls(place: Place, tmp_path: Path) -> None:
    calls = Inquiry(brand="orchard", purpose="offers", channel=Channel.PHONE_LIVE)
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(1), row(2)])
        rows = [PersonRow(part="", line=1, phone="+447400123001")]
        loaded = registries.load(house, "NATIONAL_DNC", NOW, rows)
        assert (loaded.registry.entries, loaded.rejected) == (1, 0)
        gate = Gate(house)
        listed, free = (gate.ask(person_of(house, number), calls) for number in (1, 2))
        gate.close()
        assert "registry_listed" in [reason.code for reason in listed.reasons]
        assert "registry_listed" not in [reason.code for reason in free.reasons]
        bits = dict(zip(*(screening.screen(house, calls)[:2]), strict=True))
        assert bits[person_of(house, 1)] != bits[person_of(house, 2)]


def test_a_look_is_recorded_before_the_value_is_given(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(1)])
        shown = reveal.reveal(house, 1, ["points", "full_name"], actor="tester", purpose="a call back")
        with house.database.read() as connection:
            looks = register.looks(connection, 1)
        assert shown.fields == {"full_name": "Ada Number1"}
        assert ("email", "Person1@example.com") in shown.points
        assert [(look[1], look[2], look[4]) for look in looks] == [
            ("tester", "a call back", "full_name points")
        ]


def test_a_reader_sees_one_moment_although_others_write_meanwhile(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(1)])
        with house.database.read() as connection:
            before = register.looks(connection)
            reveal.reveal(house, 1, ["points"], actor="tester", purpose="a call back")
            say(house, 1, Status.WITHDRAWN)
            assert register.looks(connection) == before
        assert allowed(house, 1) == [False]
