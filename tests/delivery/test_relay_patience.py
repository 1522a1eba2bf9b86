"""A relay that says how long to wait is not asked before: for copies of a mailing, and for those passed on."""

from __future__ import annotations

import socket
import threading

import pytest
from post_samples import NOW, known, offer, worked

from amana import errors
from amana.delivery import transport
from amana.delivery.gate import Errand
from amana.delivery.raw import read
from amana.delivery.transport import Relay, Transport
from amana.services.messaging import mailings
from amana.services.messaging.relaying import Relaying
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import Post
from worlds.clock import Clock
from worlds.relay import Sink

LETTER = (
    b"From: Orchard Street <shop@orchard.example>\r\nTo: undisclosed-recipients:;\r\nSubject: Apples\r\n"
    b"Message-ID: <apples@shop.orchard.example>\r\n\r\nApples are ripe.\r\n"
)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"4.7.1 Greylisted, please try again in 300 seconds", 300),
        (b"4.7.0 too many messages, retry after 5 minutes.", 300),
        (b"wait 2 h", 7_200),
        (b"Try again in 90s", 90),
        (b"4.3.2 try again later", 0),
        (b"4.7.1 after 3 attempts", 0),
        (b"refused for 10 mistakes", 0),
        (b"", 0),
    ],
)
def test_what_a_relay_says_about_waiting_is_read(said: bytes, seconds: int) -> None:
    assert transport.patience(said) == seconds


@pytest.mark.parametrize("code", [421, 450, 451])
def test_a_copy_of_a_mailing_waits_as_long_as_the_relay_asks(
    house: House, sender: Sender, handler: Sink, clock: Clock, code: int
) -> None:
    known(house, {"ana@example.com": True})
    handler.answer = lambda _: f"{code} 4.7.1 try again in 10 minutes"
    started = mailings.start(house, offer())
    worked(sender)
    handler.answer = lambda _: "250 ok"
    clock.now = NOW + 599
    worked(sender)
    assert (handler.taken, mailings.told(house, started.id).waiting) == ([], {f"smtp_{code}": 1})
    clock.now = NOW + 601
    worked(sender)
    assert [one.recipient for one in handler.taken] == ["ana@example.com"]
    assert mailings.told(house, started.id).state == "done"


def test_nobody_waits_longer_than_our_own_longest_pause(
    house: House, sender: Sender, handler: Sink, clock: Clock
) -> None:
    known(house, {"ana@example.com": True})
    handler.answer = lambda _: "451 try again in 900 hours"
    mailings.start(house, offer())
    worked(sender)
    handler.answer = lambda _: "250 ok"
    clock.now = NOW + tasks.LONGEST_PAUSE + 1
    worked(sender)
    assert len(handler.taken) == 1


def test_a_copy_that_is_passed_on_waits_as_long_as_the_relay_asks(
    house: House, post: Post, sender: Sender, handler: Sink, clock: Clock
) -> None:
    known(house, {"ana@example.com": True})
    handler.answer = lambda _: "451 4.7.1 please retry in 300 seconds"
    relaying = Relaying(house, post)
    errand = Errand(brand="orchard", purpose="offers")
    carried = relaying.carry(errand, read(LETTER), LETTER, ["ana@example.com"], partial=False)
    relaying.close()
    assert (carried.sent, carried.queued) == (0, 1)
    clock.now = NOW + 299
    worked(sender)  # not due yet
    clock.now = NOW + 301
    worked(sender)  # the relay says the same again
    handler.answer = lambda _: "250 ok"
    clock.now = NOW + 600
    worked(sender)
    assert handler.taken == []
    clock.now = NOW + 602
    worked(sender)
    assert [one.recipient for one in handler.taken] == ["ana@example.com"]


def test_a_relay_that_takes_no_connection_now_says_how_long_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def turn_away() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"421 4.3.2 busy, try again in 120 seconds\r\n")

        thread = threading.Thread(target=turn_away, daemon=True)
        thread.start()
        relay = Relay(host="127.0.0.1", port=listening.getsockname()[1], security="none")
        with pytest.raises(errors.NotNow) as refused:
            Transport(relay).send("a@example.com", "b@example.com", LETTER)
        thread.join()
    assert (refused.value.what, refused.value.after) == ("smtp_421", 120)
