"""The audit opens what stands sealed beside the events, and finds an address or a profile that they do not speak of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import proof_house
import pytest

from amana import errors
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind
from amana.keys.store import BLIND_INDEX
from amana.ledger import sealing
from amana.services.keeping import audit, forget, rotation
from amana.services.record.addresses import Keyer
from amana.services.record.house import House
from amana.services.record.writing import Session, point_context, profile_context

ANA, BEN, PHONE = "Ana Example", "Ben Example", "+442079460018"
PEOPLE = 120  # in the workspace before these two
FIRST, SECOND = PEOPLE + 1, PEOPLE + 2
NAMED, CORRECTED, ADDED = 282, 283, 284
"""Where in the log the second person is named and corrected, and the first one's number is added."""


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A workspace with two more people who have a name; one was corrected, the other has a telephone."""
    made = proof_house.copied(original, tmp_path / "workspace")
    with proof_house.opened(made, writing=True) as house:
        house.writing().write(two_more)
    assert audited(made).profiles == 2
    return made


def two_more(session: Session) -> None:
    ana, ben = session.new_person(), session.new_person()
    assert (ana.id, ben.id) == (FIRST, SECOND)
    name(session, ana.id, ANA, "1")
    name(session, ben.id, "Ben Exampel", "2")
    name(session, ben.id, BEN, "3")
    found = Keyer(session.keys).stored(PointKind.PHONE.value, PHONE)
    assert found is not None
    session.add_point(ana, PointKind.PHONE.value, found.blind, PHONE, 0)
    session.record(
        ana,
        events.Point(
            **common("4"), point=0, point_kind=PointKind.PHONE, change="added", value=PHONE, country="GB"
        ),
    )


def name(session: Session, person: int, said: str, number: str) -> None:
    session.merge_profile(session.person(person), {"name": said})
    session.record(session.person(person), events.Profile(**common(number), sealed={"name": said}))


def common(number: str) -> dict[str, object]:
    when = Interval(lo=proof_house.NOW, hi=proof_house.NOW)
    return {"id": number * 32, "occurred": when, "actor": Actor.PERSON, "source": 1}


def audited(folder: Path) -> audit.Full:
    with proof_house.opened(folder) as house:
        return audit.full(house)


def told(folder: Path) -> str:
    with pytest.raises(errors.LedgerBroken) as broken:
        audited(folder)
    assert not any(value in repr(broken.value.__dict__) for value in (ANA, BEN, PHONE, "mail.example"))
    return f"{broken.value.what} {broken.value.got}"


def resealed(folder: Path, person: int, ordinal: int, value: str) -> None:
    """What somebody does who has the keys as well: another address in the place of a person's own."""
    with proof_house.opened(folder) as house:
        key = house.keys.keys([person])[person]
        sealed = sealing.wrap(key, bytes(12), value.encode(), point_context(person, ordinal))
    proof_house.tampered(
        folder, "UPDATE point SET sealed = ? WHERE person = ? AND ordinal = ?", sealed, person, ordinal
    )


def test_every_address_and_profile_is_opened(folder: Path) -> None:
    found = audited(folder)
    assert (found.addresses, found.profiles) == (PEOPLE + 1, 2)


def test_an_address_swapped_between_two_people_is_found_at_both(folder: Path) -> None:
    for person, now in ((1, -1), (2, 1), (-1, 2)):
        proof_house.tampered(folder, "UPDATE point SET person = ? WHERE person = ?", now, person)
    found = told(folder)
    assert "Event 1 added an address that does not open where it is stored" in found
    assert "Event 4 added an address that does not open where it is stored" in found


def test_an_address_swapped_by_a_holder_of_the_keys_is_found(folder: Path) -> None:
    resealed(folder, 2, 0, "person0@mail.example")
    assert "Event 4 added an address that is not the one that is stored" in told(folder)


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        (
            "UPDATE point SET blind = x'00112233445566778899aabbccddeeff' WHERE person = 2",
            "another keyed hash",
        ),
        (
            "UPDATE point SET blind = (SELECT blind FROM point WHERE person = 1) WHERE person = 2",
            "another keyed",
        ),
        ("UPDATE point SET kind = 'phone' WHERE person = 2", "is not the one that is stored"),
        ("DELETE FROM point WHERE person = 2", "is not stored"),
        ("UPDATE point SET ordinal = 7 WHERE person = 2", "is not stored"),
    ],
)
def test_an_address_that_cannot_be_found_as_the_events_say_is_named(
    folder: Path, statement: str, wrong: str
) -> None:
    proof_house.tampered(folder, statement)
    found = told(folder)
    assert "Event 4 added an address that" in found
    assert wrong in found


def test_a_keyed_hash_of_a_telephone_is_held_against_it_too(folder: Path) -> None:
    proof_house.tampered(folder, "UPDATE point SET blind = x'00' WHERE person = ?", FIRST)
    assert f"Event {ADDED} added an address that is found under another keyed hash" in told(folder)


@pytest.mark.parametrize("person", [1, 500], ids=["of somebody known", "of nobody"])
def test_an_address_that_no_event_added_is_found(folder: Path, person: int) -> None:
    proof_house.tampered(
        folder, "INSERT INTO point SELECT ?, 9, kind, blind, sealed FROM point WHERE person = 2", person
    )
    assert f"Address 9 of person {person} rests on no event" in told(folder)


Change = Callable[[Path], None]


def replaced(value: object) -> Change:
    def change(folder: Path) -> None:
        with proof_house.opened(folder) as house:
            key = house.keys.keys([SECOND])[SECOND]
            sealed = sealing.wrap(key, bytes(12), msgspec.json.encode(value), profile_context(SECOND))
        proof_house.tampered(folder, "UPDATE profile SET sealed = ? WHERE person = ?", sealed, SECOND)

    return change


def swapped(folder: Path) -> None:
    proof_house.tampered(
        folder, "UPDATE profile SET sealed = (SELECT sealed FROM profile WHERE person = ?)", FIRST
    )


def dropped(folder: Path) -> None:
    proof_house.tampered(folder, "DELETE FROM profile WHERE person = ?", SECOND)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (replaced({"name": ANA}), "the stored profile is another one"),
        (
            replaced({"name": "Ben Exampel"}),
            "the stored profile is another one",
        ),  # the one before the correction
        (replaced({"name": BEN, "note": ANA}), "the stored profile is another one"),
        (replaced([BEN]), "the stored profile does not open"),
        (swapped, "the stored profile does not open"),
        (dropped, "set sealed fields that are not stored"),
    ],
    ids=["another", "older", "one field more", "another form", "another person's", "dropped"],
)
def test_a_profile_that_is_not_what_the_events_set_is_named(folder: Path, change: Change, wrong: str) -> None:
    change(folder)
    found = told(folder)
    assert f"Event {CORRECTED}" in found
    assert wrong in found


def test_a_profile_that_no_event_set_is_found(folder: Path) -> None:
    proof_house.tampered(folder, "INSERT INTO profile VALUES (7, x'00')")
    assert "The sealed profile of person 7 rests on no event" in told(folder)
    proof_house.tampered(folder, "UPDATE profile SET person = 500 WHERE person = 7")
    assert "The sealed profile of person 500 rests on no event" in told(folder)


def test_the_addresses_stand_right_while_their_index_is_rotated_and_after(folder: Path) -> None:
    with proof_house.opened(folder, writing=True) as house:
        house.keys.new_index_generation()
        assert audit.full(house).addresses == PEOPLE + 1
        rotation.index(house)
        assert audit.full(house).addresses == PEOPLE + 1
        older(house)
    assert "another keyed hash" in told(folder)


def older(house: House) -> None:
    """Put an address back under a generation of the index that is retired."""
    (retired,) = [name for name in house.keys.retired() if BLIND_INDEX in name]
    blind = sealing.blind_index(house.keys.secret(retired), "email", "person1@mail.example")
    proof_house.tampered(house.folder, "UPDATE point SET blind = ? WHERE person = 2", blind)


def test_who_is_erased_takes_address_and_profile_along(folder: Path) -> None:
    with proof_house.opened(folder, writing=True) as house:
        forget.forget(house, [SECOND, 2])
    found = audited(folder)
    assert (found.addresses, found.profiles) == (PEOPLE, 1)


def test_going_on_from_an_audit_looks_at_whoever_has_later_events(folder: Path) -> None:
    with proof_house.opened(folder, writing=True) as house:
        audit.remember(house, audit.full(house))
        house.writing().write(lambda session: name(session, SECOND, BEN, "5"))
        since = audit.last(house)
        found = audit.full(house, since=since)
        assert (found.addresses, found.profiles) == (0, 1)
    dropped(folder)
    with proof_house.opened(folder) as house, pytest.raises(errors.LedgerBroken):
        audit.full(house, since=since)
