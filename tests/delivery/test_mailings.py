"""Mailings: one message to a screened audience, each copy with a permit in the moment of sending."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest
from post_samples import APPLES, NOW, OFFERS, known, offer, worked

from amana import errors
from amana.core.vocabulary import Channel
from amana.delivery.listening import Listener
from amana.services.collection import preferences
from amana.services.collection.capture import Choice, Context
from amana.services.gate.asking import Gate, Inquiry
from amana.services.messaging import mailings
from amana.services.messaging.mailings import Text
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import open_post
from worlds.clock import Clock
from worlds.relay import Sink

OFF = preferences.Change(off=(Choice(purpose="offers", channel=Channel.EMAIL),))
PEOPLE = {"ana@example.com": True, "ben@example.com": True, "cleo@example.com": False}


def person(house: House, address: str) -> int:
    """The person who holds an address."""
    gate = Gate(house)
    try:
        return gate.ask_address(address, OFFERS)[1][0]
    finally:
        gate.close()


def recipients(handler: Sink) -> list[str]:
    """Who got something, in alphabetical order."""
    return sorted(one.recipient for one in handler.taken)


def test_those_whom_the_screen_allows_get_one_copy_each_and_the_others_are_counted_by_reason(
    house: House, sender: Sender, handler: Sink
) -> None:
    known(house, PEOPLE)
    started = mailings.start(house, offer())
    assert (started.state, started.audience, started.chosen) == ("queueing", 3, 2)
    assert started.left_out == {"withdrawn": 1}
    worked(sender)
    told = mailings.told(house, started.id)
    assert (told.state, told.sent, told.waiting, told.not_sent) == ("done", 2, {}, {})
    assert recipients(handler) == ["ana@example.com", "ben@example.com"]
    for one in handler.taken:
        assert one.message["To"] == one.recipient
        assert one.message["From"] == "Orchard Street <hello@orchard.example>"
        assert one.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len({one.message["Message-ID"] for one in handler.taken}) == 2


def test_each_reads_their_own_language_and_english_where_it_is_not_there(
    house: House, sender: Sender, handler: Sink
) -> None:
    known(house, {"ana@example.com": True}, "he")
    known(house, {"ben@example.com": True}, "th")
    said = {"en": APPLES, "he": Text(subject="תפוחים", text="התפוחים בשלים.")}
    mailings.start(house, offer(letters=said))
    worked(sender)
    subjects = {one.recipient: one.message["Subject"] for one in handler.taken}
    assert subjects == {"ana@example.com": "תפוחים", "ben@example.com": "Apples"}
    hebrew = next(one for one in handler.taken if one.recipient == "ana@example.com")
    assert "התפוחים בשלים." in hebrew.text("html")  # made from the text


def test_whoever_withdraws_after_the_screen_gets_nothing(house: House, sender: Sender, handler: Sink) -> None:
    known(house, PEOPLE)
    started = mailings.start(house, offer())
    sender.workers()  # nothing is sent before somebody works
    preferences.change(house, person(house, "ben@example.com"), "orchard", OFF, Context())
    worked(sender)
    told = mailings.told(house, started.id)
    assert recipients(handler) == ["ana@example.com"]
    assert told.sent == 1


def test_whoever_withdraws_while_it_runs_gets_nothing_after_their_answer(
    house: House, sender: Sender, handler: Sink
) -> None:
    many = {f"person{number}@example.com": True for number in range(120)}
    known(house, many)
    last = [person(house, f"person{number}@example.com") for number in (117, 118, 119)]
    first = threading.Event()

    def leave(recipient: str) -> str:
        if not first.is_set():
            first.set()
            for one in last:
                preferences.change(house, one, "orchard", OFF, Context())
        return "250 ok"

    handler.answer = leave
    started = mailings.start(house, offer())
    worked(sender)
    told = mailings.told(house, started.id)
    assert (told.state, told.sent, told.not_sent) == ("done", 117, {"withdrawn": 3})
    assert not {f"person{number}@example.com" for number in (117, 118, 119)} & set(recipients(handler))


def test_a_stopped_mailing_sends_no_more_and_goes_on_where_it_stood(
    house: House, sender: Sender, handler: Sink
) -> None:
    many = {f"person{number}@example.com": True for number in range(60)}
    known(house, many)
    started = mailings.start(house, offer())

    def stop(recipient: str) -> str:
        if len(handler.taken) == 5:
            mailings.stop(house, started.id)
        return "250 ok"

    handler.answer = stop
    worked(sender)
    stopped = mailings.told(house, started.id)
    assert stopped.state == "stopped"
    assert stopped.sent == len(handler.taken) < 60
    assert sum(stopped.waiting.values()) == 60 - stopped.sent
    with pytest.raises(errors.Conflict):
        mailings.stop(house, started.id)
    assert tasks.retry(house) == 0  # nobody puts back what somebody stopped
    handler.answer = lambda recipient: "250 ok"
    mailings.go_on(house, started.id)
    worked(sender)
    assert mailings.told(house, started.id).state == "done"
    assert recipients(handler) == sorted(many)


def test_the_clocks_no_waits_however_long_and_ends_with_the_mailing(
    house: House, sender: Sender, handler: Sink, clock: Clock
) -> None:
    known(house, PEOPLE)
    for address, hours in (("ana@example.com", 20), ("ben@example.com", 200)):
        pause = preferences.Change(paused_until=clock.now + hours * 3600)
        preferences.change(house, person(house, address), "orchard", pause, Context())
    started = mailings.start(house, offer())
    assert started.chosen == 2
    for _ in range(80):  # a try each quarter of an hour
        worked(sender)
        clock.now += 900
    assert recipients(handler) == []
    assert mailings.told(house, started.id).waiting == {"paused": 2}
    clock.now += 4 * 3600  # 8 o'clock in the morning
    worked(sender)
    assert recipients(handler) == ["ana@example.com"]
    clock.now = NOW + 73 * 3600
    worked(sender)
    told = mailings.told(house, started.id)
    assert (told.state, told.sent, told.not_sent) == ("done", 1, {"too_late": 1})


def test_a_relay_that_is_down_costs_nobody_their_copy_and_gives_nobody_two(
    house: House, sender: Sender, handler: Sink, clock: Clock
) -> None:
    known(house, PEOPLE)
    handler.answer = lambda recipient: "451 later" if recipient.startswith("ana") else "250 ok"
    started = mailings.start(house, offer())
    worked(sender)
    assert mailings.told(house, started.id).waiting == {"smtp_451": 1}
    handler.answer = lambda recipient: "250 ok"
    clock.now += 60
    worked(sender)
    assert recipients(handler) == ["ana@example.com", "ben@example.com"]
    assert mailings.told(house, started.id).state == "done"


def test_of_what_a_killed_process_had_in_hand_nothing_is_sent_twice(
    house: House, sender: Sender, handler: Sink, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(house, PEOPLE)
    started = mailings.start(house, offer())
    with monkeypatch.context() as dying:
        dying.setattr("amana.services.messaging.mailings._Run._settle", _die)
        with pytest.raises(KeyboardInterrupt):
            worked(sender)
    assert len(handler.taken) == 2
    clock.now += tasks.LEASE + 1
    worked(sender)
    told = mailings.told(house, started.id)
    assert len(handler.taken) == 2
    assert (told.state, told.not_sent) == ("done", {"got_it_already": 2})


def test_nothing_is_sent_twice_though_somebody_speaks_another_language_by_then(
    house: House, sender: Sender, handler: Sink, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(house, {"ana@example.com": True})
    letters = {"en": APPLES, "he": Text(subject="תפוחים", text="התפוחים בשלים.")}
    started = mailings.start(house, offer(letters=letters))
    with monkeypatch.context() as dying:
        dying.setattr("amana.services.messaging.mailings._Run._settle", _die)
        with pytest.raises(KeyboardInterrupt):
            worked(sender)
    assert [one.message["Subject"] for one in handler.taken] == ["Apples"]
    clock.now += tasks.LEASE + 1
    known(house, {"ana@example.com": True, "ben@example.com": True}, "he")
    worked(sender)
    assert [one.message["Subject"] for one in handler.taken] == ["Apples"]
    assert mailings.told(house, started.id).not_sent == {"got_it_already": 1}
    mailings.start(house, offer(letters=letters))  # another mailing of the same words is another message
    worked(sender)
    assert {one.message["Subject"] for one in handler.taken if one.recipient.startswith("ana")} == {
        "Apples",
        "תפוחים",
    }


def _die(*_: object) -> None:
    raise KeyboardInterrupt


NAMES = """
[fields.name]
purposes = ["offers"]
category = "user"
why = "the salutation"
kept_for = "P3Y"
hold = "sealed"
means = "full_name"
"""


@pytest.mark.parametrize("batch", [1, 20])
def test_people_who_share_an_address_get_one_copy_and_only_if_all_of_them_may(
    batch: int,
    opening: Callable[..., House],
    relay: Listener,
    handler: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailings, "BATCH", batch)
    house = opening(relay.port, more=NAMES)
    known(house, {"ana@example.com": True, "ben@example.com": True}, name="Ana Invented")
    known(house, {"ana@example.com": True}, name="Berta Invented")
    post = open_post(house)
    sender = Sender(house, post)
    started = mailings.start(house, offer())
    assert started.chosen == 3
    worked(sender)
    assert recipients(handler) == ["ana@example.com", "ben@example.com"]
    told = mailings.told(house, started.id)
    assert (told.sent, told.not_sent) == (2, {"got_it_already": 1})
    preferences.change(house, 1, "orchard", OFF, Context())
    handler.taken.clear()
    mailings.start(house, offer())
    worked(sender)
    post.close()
    assert recipients(handler) == ["ben@example.com"]


def test_a_mailing_to_some_by_id_reaches_nobody_else(house: House, sender: Sender, handler: Sink) -> None:
    known(house, PEOPLE)
    started = mailings.start(house, offer(person(house, "ben@example.com"), 9_999))
    assert (started.audience, started.left_out) == (2, {"unknown_person": 1})
    worked(sender)
    assert recipients(handler) == ["ben@example.com"]


@pytest.mark.parametrize(
    "order",
    [
        offer(letters={}),
        offer(letters={"en": Text(subject=" ", text="x")}),
        offer(letters={"en": Text(subject="x\r\nBcc: a@example.com", text="x")}),
        offer(letters={"xx": APPLES}),
        offer(hours=0),
        offer(inquiry=Inquiry(brand="orchard", purpose="offers", channel=Channel.SMS)),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is_recorded(
    order: mailings.Order, house: House
) -> None:
    with pytest.raises(errors.BadInput):
        mailings.start(house, order)
    assert mailings.every(house) == []


def test_a_mailing_is_queued_in_parts_and_goes_on_after_each(
    house: House, sender: Sender, handler: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailings, "QUEUED_AT_ONCE", 7)
    monkeypatch.setattr(mailings, "TURN", 0.0)
    many = {f"person{number}@example.com": True for number in range(20)}
    known(house, many)
    ids = tuple(person(house, address) for address in many)
    started = mailings.start(house, offer(*ids))
    monkeypatch.setattr(mailings, "TURN", 0.02)
    worked(sender)
    assert recipients(handler) == sorted(many)
    assert mailings.told(house, started.id).state == "done"


def test_a_workspace_without_a_postal_address_is_told_so_at_once(house: House) -> None:
    organisation = msgspec.structs.replace(house.workspace.organisation, address="")
    house.workspace = msgspec.structs.replace(house.workspace, organisation=organisation)
    with pytest.raises(errors.BadWorkspace, match="postal"):
        mailings.start(house, offer())
    assert mailings.every(house) == []


def test_the_workers_of_a_process_do_mailings_too(house: House) -> None:
    post = open_post(house)
    assert "mailing" in Sender(house, post).workers()
    post.close()


def test_copies_that_were_given_up_and_put_back_are_sent_although_the_mailing_was_over(
    house: House, sender: Sender, handler: Sink, clock: Clock
) -> None:
    known(house, {"ana@example.com": True})
    handler.answer = lambda _: "451 not now"
    started = mailings.start(house, offer(hours=100))
    for _ in range(tasks.MOST_ATTEMPTS):
        worked(sender)
        clock.now += 6 * 3600
    assert mailings.told(house, started.id).state == "done"
    handler.answer = lambda _: "250 ok"
    assert tasks.retry(house) == 1
    worked(sender)
    told = mailings.told(house, started.id)
    assert (told.state, told.sent, told.waiting, told.not_sent) == ("done", 1, {}, {})


def test_nobody_gets_a_message_after_its_hours_though_the_worker_was_away_until_then(
    house: House, sender: Sender, handler: Sink, clock: Clock
) -> None:
    known(house, PEOPLE)
    started = mailings.start(house, offer(hours=2))
    clock.now += 2 * 3600
    worked(sender)
    told = mailings.told(house, started.id)
    assert (told.state, told.sent, told.not_sent) == ("done", 0, {"too_late": 2})
    assert handler.taken == []
