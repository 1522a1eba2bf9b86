"""Refer a friend: a link for everybody, one message where the law knows it, and nothing kept about the friend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from amana import errors, wiring
from amana.core import referral
from amana.core.referral import Refusal, Stated
from amana.core.statements import PersonRow
from amana.core.vocabulary import Channel, SubjectType
from amana.services.collection import referral as referring
from amana.services.collection.referral import Asked
from amana.services.record.house import House
from amana.storage import people, tables
from worlds import orchard
from worlds.clock import NOW, Clock
from worlds.houses import Templates
from worlds.lists import taken

ON = date(2026, 5, 28)
BOOK = wiring.law_book()
LAWFUL = Stated(knows_sender=True, knows_friend=True, referrer_named=True)
FRIEND = Asked(address="Friend@Example.com", country="CA", stated=LAWFUL)
DEFINITION = orchard.workspace(country="CA")


@pytest.fixture
def house(tmp_path: Path, templates: Templates) -> Iterator[House]:
    with templates.opened(DEFINITION, tmp_path / "workspace", Clock()) as opened:
        yield opened


def refusals(*places: str, stated: Stated = LAWFUL, channel: Channel = Channel.EMAIL) -> tuple[Refusal, ...]:
    return referral.decide(BOOK, places, channel, SubjectType.CONSUMER, ON, stated).refusals


def test_canada_allows_one_message_and_says_on_what_it_rests() -> None:
    answer = referral.decide(BOOK, ("CA",), Channel.EMAIL, SubjectType.CONSUMER, ON, LAWFUL)
    assert (answer.allow, answer.rules, answer.citations) == (
        True,
        ("CA.referral_single",),
        ("SOR/2013-221 s.4",),
    )


@pytest.mark.parametrize("place", [code for code in BOOK.codes() if code != "CA"])
def test_no_other_country_of_the_book_does(place: str) -> None:
    assert refusals(place) in ((Refusal.NO_REFERRAL_IN_LAW,), (Refusal.PROHIBITED,))


def test_every_country_concerned_must_allow_it_and_unknown_law_does_not() -> None:
    assert refusals("CA", "UK") == (Refusal.NO_REFERRAL_IN_LAW,)
    assert refusals("JP") == (Refusal.LAW_UNKNOWN,)
    assert refusals() == (Refusal.NO_COUNTRY,)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"knows_sender": False}, Refusal.RELATIONSHIPS_NOT_STATED),
        ({"knows_friend": False}, Refusal.RELATIONSHIPS_NOT_STATED),
        ({"referrer_named": False}, Refusal.REFERRER_NOT_NAMED),
        ({"paid_by_message": True}, Refusal.INSTIGATED),
    ],
)
def test_each_condition_is_needed(change: dict[str, bool], refusal: Refusal) -> None:
    assert refusals("CA", stated=msgspec.structs.replace(LAWFUL, **change)) == (refusal,)


def test_a_friend_is_written_to_once_by_anybody_however_the_address_is_typed(house: House) -> None:
    assert referring.ask(house, FRIEND).allow
    assert referring.claim(house, FRIEND).allow
    again = msgspec.structs.replace(FRIEND, address="friend@example.com")
    assert referring.claim(house, again).refusals == (Refusal.WRITTEN_BEFORE,)
    assert referring.ask(house, again).refusals == (Refusal.WRITTEN_BEFORE,)


def test_nothing_is_kept_of_a_friend_but_a_keyed_hash(house: House) -> None:
    referring.claim(house, FRIEND)
    with house.database.read() as connection:
        assert people.count(connection) == 0
        (row,) = connection.execute(tables.referred.select())
    assert (len(row.friend), row.at) == (32, NOW)
    for file in house.folder.iterdir():
        if file.is_file() and file.suffix != ".toml":
            assert b"riend@" not in file.read_bytes()


def test_a_refused_message_leaves_no_trace_at_all(house: House) -> None:
    german = msgspec.structs.replace(FRIEND, country="DE")
    assert referring.claim(house, german).refusals == (Refusal.NO_REFERRAL_IN_LAW,)
    with house.database.read() as connection:
        assert not list(connection.execute(tables.referred.select()))
    assert referring.ask(house, FRIEND).allow


def test_whether_somebody_known_may_be_contacted_is_the_gates_question(house: House) -> None:
    taken(house, "shop", PersonRow(part="", line=1, email="friend@example.com"))
    assert referring.claim(house, FRIEND).refusals == (Refusal.KNOWN,)


def test_whoever_left_is_not_written_to_as_a_friend(house: House) -> None:
    address = referring._address(house, FRIEND)
    with house.database.begin() as connection:
        connection.execute(tables.suppression.insert().values(blind=address.suppress[0], list="left", at=NOW))
    assert referring.claim(house, FRIEND).refusals == (Refusal.SUPPRESSED,)


def test_a_texts_number_brings_its_own_countrys_law(house: House) -> None:
    text = msgspec.structs.replace(FRIEND, address="+442079460018", channel=Channel.SMS)
    assert referring.ask(house, text).refusals == (Refusal.NO_REFERRAL_IN_LAW,)


def test_a_share_link_names_its_referrer_to_this_workspace_alone(house: House) -> None:
    link = referring.link(house, "https://orchard.example/welcome", 42)
    code = link.partition("?ref=")[2]
    assert referring.referrer(house, code) == 42
    assert referring.link(house, "https://orchard.example/welcome", 42) == link
    for forged in (code[:-1] + ("0" if code[-1] != "0" else "1"), "2b" + code[2:], "", "-", "zz-1", "2a"):
        assert referring.referrer(house, forged) is None
    with house.database.read() as connection:
        assert not list(connection.execute(tables.referred.select()))


@pytest.mark.parametrize(
    "base", ["http://orchard.example", "orchard.example", "https://orchard.example/?a=b"]
)
def test_a_share_link_stands_below_a_plain_page(house: House, base: str) -> None:
    with pytest.raises(errors.BadInput):
        referring.link(house, base, 1)
