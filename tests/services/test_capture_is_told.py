"""What somebody turned on or changed is told to them once, with receipts that verify, and what they typed is read as a
file's is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from amana import errors
from amana.core import events
from amana.core import state as states
from amana.core.vocabulary import Channel
from amana.ledger import verify
from amana.services.choices import own_data
from amana.services.collection import acknowledging, capture, preferences
from amana.services.collection.capture import Choice, Context, Granted, Submission
from amana.services.collection.preferences import Change
from amana.services.record import history, links, publication, receipts, tasks, tokens
from amana.services.record.house import House
from amana.storage import people
from amana.storage import tokens as token_rows
from worlds.clock import DAY, Clock

EMAIL = Choice(purpose="offers", channel=Channel.EMAIL)
TEXT = Choice(purpose="offers", channel=Channel.SMS)
NEWS = Choice(purpose="news", channel=Channel.EMAIL)


def sent(house: House) -> list[dict[str, Any]]:
    """Every mail and text that waits, in order."""
    found: list[dict[str, Any]] = []

    def take(_: House, row: Any, payload: Mapping[str, Any]) -> None:
        found.append(dict(payload) | {"kind": row.kind})

    while tasks.work(house, {"mail": take, "sms": take}):
        pass
    return found


def member(
    house: House, *choices: Choice, email: str = "ann@example.com", **more: Any
) -> tuple[int, Granted]:
    """Somebody who asked and confirmed; nothing waits for them any more but what was told after."""
    said = Submission(
        capture_point="preference_centre", brand="orchard", choices=choices or (EMAIL,), email=email, **more
    )
    person = links.handled(house, capture.submit(house, said).handle)
    (asked,) = sent(house)
    return person, capture.confirm(house, asked["token"], Context(language="en"))


def attributes(house: House, person: int) -> dict[str, str]:
    with house.database.read() as connection:
        state = people.get(connection, [person])[person].state
    return {name: states.attribute(state, name) for name in state.attributes}


def test_what_was_confirmed_is_told_once_with_its_receipts_and_the_way_to_all_choices(house: House) -> None:
    person, granted = member(house, EMAIL, NEWS, context=Context(language="he"))
    (told,) = sent(house)
    assert (told["kind"], told["template"], told["language"]) == ("mail", "turned_on", "he")
    assert told["choices"] == [["offers", "email"], ["news", "email"]]
    assert tuple(told["entries"]) == granted.events
    key = publication.log_key(house).text()
    for text in receipts.many(house, told["entries"]):
        assert verify.verify(text, key)
    assert told["token"] == granted.token
    assert tokens.peek(house, granted.token, token_rows.MESSAGE).person == person


def test_what_is_confirmed_by_text_message_is_told_by_text_message(house: House) -> None:
    said = Submission(
        capture_point="preference_centre", brand="orchard", choices=(TEXT,), phone="+447400123456"
    )
    person = links.handled(house, capture.submit(house, said).handle)
    (asked,) = sent(house)
    capture.confirm_code(house, person, asked["token"], Context())
    (told,) = sent(house)
    assert (told["kind"], told["template"]) == ("sms", "turned_on")


def test_a_change_on_the_page_is_followed_by_its_receipt_and_one_elsewhere_is_not(house: House) -> None:
    person, _ = member(house)
    sent(house)
    wanted = Change(per_month=2, off=(EMAIL,))
    made = preferences.change(house, person, "orchard", wanted, Context(language="th"), mailed=True)
    (told,) = sent(house)
    assert made.mailed
    assert (told["template"], told["language"], tuple(told["entries"])) == ("receipt", "th", made.events)
    assert not preferences.change(house, person, "orchard", Change(per_month=4), Context()).mailed
    assert sent(house) == []


def test_who_leaves_everything_is_not_written_to_about_it(house: House) -> None:
    person, _ = member(house)
    sent(house)
    made = preferences.change(house, person, "orchard", Change(leave=True), Context(), mailed=True)
    assert made.events
    assert sent(house) == []


def test_receipts_of_many_changes_do_not_fill_a_mailbox(house: House, clock: Clock) -> None:
    person, _ = member(house)
    sent(house)
    told = [
        preferences.change(
            house, person, "orchard", Change(per_month=1 + number % 4), Context(), mailed=True
        ).mailed
        for number in range(acknowledging.MOST + 2)
    ]
    assert told == [True] * acknowledging.MOST + [False, False]
    clock.now += DAY + 1
    assert preferences.change(house, person, "orchard", Change(per_month=8), Context(), mailed=True).mailed


def test_a_change_that_changes_nothing_tells_nothing(house: House) -> None:
    person, _ = member(house)
    sent(house)
    assert not preferences.change(house, person, "orchard", Change(), Context(), mailed=True).mailed
    assert sent(house) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({"residence": "Deutschland", "zone": "Europe/Berlin"}, {"residence": "DE", "zone": "Europe/Berlin"}),
        ({"residence": "gb"}, {"residence": "GB"}),
        ({"residence": "Atlantis", "zone": "Europe/Atlantis"}, {}),
        ({"residence": "<script>"}, {}),
    ],
)
def test_what_is_typed_on_a_form_is_read_as_an_import_reads_it(
    house: House, typed: dict[str, str], kept: dict[str, str]
) -> None:
    person, _ = member(house, fields=typed)
    assert attributes(house, person) == kept


def test_a_correction_that_cannot_be_right_is_refused_and_what_stood_there_stays(
    house: House, clock: Clock
) -> None:
    person, _ = member(house, fields={"residence": "DE"})
    for wrong in (
        {"residence": "Atlantis"},
        {"zone": "Mars/Olympus"},
        {"town": "x" * 201},
        {"town": "a\x00b"},
    ):
        with pytest.raises(errors.BadInput):
            own_data.correct(house, person, wrong, Context())
    assert attributes(house, person) == {"residence": "DE"}
    clock.now += 1
    own_data.correct(house, person, {"residence": "United Kingdom", "zone": ""}, Context())
    assert attributes(house, person)["residence"] == "GB"


def test_a_receipt_is_handed_to_its_own_person_only_and_the_look_is_recorded(house: House) -> None:
    ann, _ = member(house)
    sent(house)
    ben, _ = member(house, email="ben@example.com")
    mine = history.of_person(house, ann)
    key = publication.log_key(house).text()
    for one in mine:
        assert verify.verify(own_data.receipt(house, ann, one.position), key)
        with pytest.raises(errors.NotFound):
            own_data.receipt(house, ben, one.position)
    assert any(isinstance(one.event, events.Point) for one in mine)
    assert own_data.looks(house, ann).own == len(mine)
    assert own_data.looks(house, ben).own == 0
