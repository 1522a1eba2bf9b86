"""What another law or another moment turns is what asking each person on both sides says."""

from __future__ import annotations

from collections import Counter
from importlib import resources
from pathlib import Path

import msgspec
import pytest
from audience_samples import CALLS, NEWS, OFFERS, TEXTS, given, row, said

from amana import errors
from amana.core import rules
from amana.core.vocabulary import Channel, Proof, Status
from amana.services.audience import whatif
from amana.services.audience.whatif import Flips, Side
from amana.services.gate.asking import Gate, Inquiry
from amana.services.law_book import law_updates
from amana.services.record.house import House
from worlds.clock import DAY, NOW
from worlds.lists import taken

TIMING = {entry.code for entry in rules.BOOK if rules.TIMING_BITS >> entry.bit & 1}
SEED = "5a" * 32


def side(house: House, law: str = "", at: int = NOW) -> Side:
    book, name = whatif.law_of(house, law)
    return Side(book=book, at=at, law=name)


def one_by_one(
    house: House, inquiry: Inquiry, where: Side, people: list[int], *, timing: bool
) -> list[set[str]]:
    """The reasons of each person, by the scalar rules under that side's book."""
    gate = Gate(msgspec.structs.replace(house, book=where.book))
    try:
        found = [{one.code for one in gate.ask(person, inquiry, where.at).reasons} for person in people]
    finally:
        gate.close()
    return found if timing else [codes - TIMING for codes in found]


def agrees(house: House, inquiry: Inquiry, before: Side, after: Side, *, timing: bool = False) -> Flips:
    """The comparison, held against two scalar runs person by person."""
    flips = whatif.compare(house, inquiry, before, after, with_timing=timing)
    people = flips.people.tolist()
    was, becomes = (one_by_one(house, inquiry, where, people, timing=timing) for where in (before, after))
    pairs = list(zip(was, becomes, strict=True))
    assert flips.turned.tolist() == [bool(old) != bool(new) for old, new in pairs]
    to_no = Counter(code for old, new in pairs if not old for code in new)
    to_yes = Counter(code for old, new in pairs if not new for code in old)
    assert {one.code: one.people for one in flips.to_no} == to_no
    assert {one.code: one.people for one in flips.to_yes} == to_yes
    assert flips.other_reasons == sum(1 for old, new in pairs if old and new and old != new)
    assert sum(no + yes for no, yes in flips.places.values()) == sum(flips.turned.tolist())
    return flips


@pytest.mark.parametrize("timing", [False, True], ids=["without timing", "with timing"])
@pytest.mark.parametrize("inquiry", [OFFERS, TEXTS, CALLS], ids=["email", "sms", "calls"])
def test_a_later_moment_turns_whom_asking_each_person_says(
    crowded: House, inquiry: Inquiry, timing: bool
) -> None:
    before, after = side(crowded, at=NOW - 200 * DAY), side(crowded, at=NOW + 180 * DAY + 5 * 3600)
    flips = agrees(crowded, inquiry, before, after, timing=timing)
    assert inquiry is not OFFERS or flips.turned_to_yes > 3


@pytest.mark.parametrize(
    ("inquiry", "eve", "day", "places"),
    [
        (CALLS, "2026-08-10", "2026-08-11", {"FR"}),
        (CALLS, "2026-06-30", "2026-07-01", {"NL"}),
        (OFFERS, "2024-08-26", "2024-08-27", {"AE"}),
    ],
    ids=["French calls", "Dutch calls", "the Emirates' e-mail"],
)
def test_a_dated_change_of_law_turns_people_of_its_country_alone(
    house: House, inquiry: Inquiry, eve: str, day: str, places: set[str]
) -> None:
    phones = {"FR": "+3361234567{}", "NL": "+3161234567{}", "AE": "+97150123456{}", "DE": "+4915112345{}"}
    proof = Proof.CONTRACT | Proof.SIMILAR_OFFER | Proof.DEMONSTRABLE
    customer = said(
        Status.UNKNOWN, 30, channel=Channel.PHONE_LIVE, relationship=True, reason="relationship", proof=proof
    )
    spoken = ((), (given(10, channel=inquiry.channel),), (customer,))
    rows = [
        row(2 + 3 * line + number, *said_of, residence=place, phone=phones[place].format(number))
        for line, place in enumerate(phones)
        for number, said_of in enumerate(spoken)
    ]
    taken(house, "shop", *rows)
    flips = agrees(house, inquiry, side(house, eve), side(house, day))
    assert set(flips.places) == places


def changed_packs(tmp_path: Path) -> Path:
    """The law book with one more proof asked for in Germany."""
    folder = tmp_path / "law"
    folder.mkdir()
    for file in resources.files("amana.data").joinpath("law").iterdir():
        text = file.read_text("utf-8")
        if file.name == "DE.toml":
            text = text.replace(
                'needs = ["consent", "confirmed"]', 'needs = ["consent", "confirmed", "written"]'
            )
        (folder / file.name).write_text(text, "utf-8")
    return folder


def test_a_folder_of_packs_turns_whom_asking_each_person_says(crowded: House, tmp_path: Path) -> None:
    flips = agrees(crowded, OFFERS, side(crowded), side(crowded, str(changed_packs(tmp_path))))
    assert set(flips.places) == {
        "DE",
        whatif.UNKNOWN_PLACE,
    }  # whoever may live anywhere stands under German law too
    assert [one.code for one in flips.to_no] == ["consent_unproven"]
    assert not flips.turned_to_yes


def test_a_signed_book_turns_the_same_as_the_packs_in_it(crowded: House, tmp_path: Path) -> None:
    folder = changed_packs(tmp_path)
    documents = {file.name: file.read_text("utf-8") for file in folder.iterdir()}
    signed = tmp_path / "book.json"
    signed.write_text(law_updates.packed(documents, law_updates.signer("law.example", SEED)), "utf-8")
    ways = [
        whatif.compare(crowded, OFFERS, side(crowded), side(crowded, str(one))) for one in (folder, signed)
    ]
    assert ways[0].people[ways[0].turned].tolist() == ways[1].people[ways[1].turned].tolist()
    assert ways[0].turned_to_no


def test_what_an_update_turns_is_said_for_every_purpose_and_channel(crowded: House, tmp_path: Path) -> None:
    book = whatif.law_of(crowded, str(changed_packs(tmp_path)))[0]
    found = {(one.purpose, one.channel): one for one in whatif.of_book(crowded, book)}
    assert set(found) == {("offers", "email"), ("offers", "sms"), ("offers", "phone_live"), ("news", "email")}
    flips = whatif.compare(crowded, OFFERS, side(crowded), Side(book=book, at=NOW, law=""))
    assert found["offers", "email"].to_no == flips.turned_to_no > 0
    assert found["news", "email"].to_no == found["news", "email"].to_yes == 0


def test_the_same_law_at_the_same_moment_turns_nobody(crowded: House) -> None:
    flips = whatif.compare(crowded, NEWS, side(crowded), side(crowded, crowded.book.version))
    assert not flips.turned.any()
    assert (flips.to_no, flips.to_yes, flips.places, flips.other_reasons) == ((), (), {}, 0)


def test_the_file_has_those_who_turn_with_their_reasons_on_both_sides(crowded: House, tmp_path: Path) -> None:
    flips = whatif.compare(crowded, OFFERS, side(crowded), side(crowded, str(changed_packs(tmp_path))))
    rows = whatif.table(flips).to_pylist()
    assert [one["person"] for one in rows] == flips.people[flips.turned].tolist()
    assert all(one["before"] and not one["after"] and not one["reasons_before"] for one in rows)
    assert {one["reasons_after"] for one in rows} == {"consent_unproven"}
    assert whatif.plain(whatif.table(flips)).to_pylist()[0]["before"] == "yes"


def test_an_audience_narrows_the_comparison(crowded: House, tmp_path: Path) -> None:
    packs = changed_packs(tmp_path)
    everybody = whatif.compare(crowded, OFFERS, side(crowded), side(crowded, str(packs)))
    turned = everybody.people[everybody.turned].tolist()
    (tmp_path / "some.csv").write_text("".join(f"p{one}\n" for one in turned[:2]), "utf-8")
    some = whatif.compare(crowded, OFFERS, side(crowded), side(crowded, str(packs)), tmp_path / "some.csv")
    assert some.people.tolist() == turned[:2]
    assert some.turned_to_no == 2


def test_a_law_that_is_nowhere_is_not_found(crowded: House) -> None:
    with pytest.raises(errors.NotFound, match="in use"):
        whatif.law_of(crowded, "1999.1")


def test_packs_that_are_not_sound_are_refused(crowded: House, tmp_path: Path) -> None:
    folder = changed_packs(tmp_path)
    text = (
        (folder / "DE.toml")
        .read_text("utf-8")
        .replace('subjects = ["consumer"]', 'subjects = ["sole_trader"]')
    )
    (folder / "DE.toml").write_text(text, "utf-8")
    with pytest.raises(errors.BadLaw):
        whatif.law_of(crowded, str(folder))
