"""A message that a sender submits again: it reaches nobody twice, and the sender hears what became of the first one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from post_samples import known, letter, worked

from amana.delivery import gate
from amana.delivery.gate import Carried, Errand, Refused
from amana.delivery.raw import read
from amana.services.messaging import relaying, sending
from amana.services.messaging.relaying import Relaying
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import Post
from amana.storage import tasks as task_rows
from worlds.clock import Clock
from worlds.relay import Sink

ANA, BEN = "ana@example.com", "ben@example.com"
SENT, QUEUED = Carried(sent=1), Carried(queued=1)
IN_HAND = Carried(refused=(Refused(code="in_hand", later=True),))
NOT_REPEATED = Carried(refused=(Refused(code="not_repeated"),))
ROUNDS = 50
DRIVER = Path(__file__).with_name("passing_driver.py")


@pytest.fixture
def passing(house: House, post: Post) -> Iterator[Relaying]:
    """What the gate passes messages on with."""
    known(house, {ANA: True, BEN: True})
    opened = Relaying(house, post)
    yield opened
    opened.close()


@cache
def content_of(text: str) -> bytes:
    """The bytes of a message: the same for the same text, as of a sender that submits it again."""
    return letter(text=text)


def submitted(passing: Relaying, *recipients: str, text: str = "Apples are ripe.") -> Carried:
    """A message is submitted."""
    content, errand = content_of(text), Errand(brand="orchard", purpose="offers")
    return passing.carry(errand, read(content), content, recipients, partial=False)


def refused(code: str) -> Carried:
    """One copy that was refused for good."""
    return Carried(refused=(Refused(code=code),))


def test_whoever_submits_again_what_the_relay_refused_hears_that_it_was_refused(
    passing: Relaying, handler: Sink
) -> None:
    handler.answer = lambda _: "554 5.7.1 no"
    assert submitted(passing, ANA) == refused("smtp_554")
    handler.answer = lambda _: "250 ok"
    assert submitted(passing, ANA) == refused("smtp_554")
    assert handler.taken == []


def test_whoever_submits_again_what_was_sent_hears_that_it_was_sent(passing: Relaying, handler: Sink) -> None:
    assert [submitted(passing, ANA) for _ in range(3)] == [SENT, SENT, SENT]
    assert len(handler.taken) == 1


def test_each_recipient_is_told_of_by_what_became_of_their_own_copy(passing: Relaying, handler: Sink) -> None:
    handler.answer = lambda recipient: "554 no" if recipient == ANA else "250 ok"
    told = Carried(sent=1, refused=(Refused(code="smtp_554"),))
    assert [submitted(passing, ANA, BEN) for _ in range(2)] == [told, told]
    assert submitted(passing, BEN) == SENT
    assert [one.recipient for one in handler.taken] == [BEN]


@pytest.mark.parametrize(("answer", "at_last"), [("250 ok", SENT), ("552 too large", refused("smtp_552"))])
def test_a_copy_that_waits_is_told_as_waiting_and_later_as_what_became_of_it(
    passing: Relaying, sender: Sender, handler: Sink, clock: Clock, answer: str, at_last: Carried
) -> None:
    handler.answer = lambda _: "451 later"
    assert [submitted(passing, ANA) for _ in range(2)] == [QUEUED, QUEUED]
    handler.answer = lambda _: answer
    clock.now += 60
    worked(sender)
    assert submitted(passing, ANA) == at_last


def test_two_spellings_of_one_address_get_one_copy(passing: Relaying, handler: Sink) -> None:
    assert submitted(passing, ANA, "Ana@Example.com").sent == 2
    assert len(handler.taken) == 1


def test_after_a_day_the_same_content_is_another_message(
    passing: Relaying, handler: Sink, clock: Clock
) -> None:
    submitted(passing, ANA)
    clock.now += relaying.ONCE_WITHIN + 1
    submitted(passing, ANA)
    assert len(handler.taken) == 2


@pytest.mark.parametrize("step", ["hand_over", "_settle", "_queue"])
def test_what_nobody_wrote_down_is_never_told_as_sent_and_never_sent_again(
    passing: Relaying, handler: Sink, clock: Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    handler.answer = lambda _: "451 later" if step == "_queue" else "250 ok"
    with monkeypatch.context() as dying:
        dying.setattr(Relaying, step, _die)
        with pytest.raises(KeyboardInterrupt):
            submitted(passing, ANA)
    left = len(handler.taken)
    handler.answer = lambda _: "250 ok"
    assert submitted(passing, ANA) == IN_HAND
    clock.now += relaying.IN_HAND_WITHIN
    assert submitted(passing, ANA) == NOT_REPEATED
    assert len(handler.taken) == left == (1 if step == "_settle" else 0)


def test_a_process_that_dies_before_its_permit_is_written_has_sent_nothing_and_the_next_try_does(
    passing: Relaying, handler: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(Relaying, "_links", _die)
        with pytest.raises(KeyboardInterrupt):
            submitted(passing, ANA)
    assert (submitted(passing, ANA), len(handler.taken)) == (SENT, 1)


def test_a_gate_that_is_killed_while_the_relay_answers_leaves_copies_that_are_not_repeated(
    passing: Relaying, house: House, handler: Sink, clock: Clock, tmp_path: Path
) -> None:
    submitted(passing, BEN)  # and wrote it down: that much is known after the kill
    message = tmp_path / "message"
    message.write_bytes(content_of("Apples are ripe."))
    running: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def kill(_: str) -> str:
        started.wait()
        running[0].kill()
        running[0].wait()
        return "250 ok"  # to nobody

    handler.answer = kill
    running.append(
        subprocess.Popen([sys.executable, DRIVER, house.folder, str(clock.now), message, ANA, BEN])
    )
    started.set()
    assert running[0].wait(60) == -signal.SIGKILL
    handler.answer = lambda _: "250 ok"
    assert submitted(passing, ANA, BEN) == Carried(sent=1, refused=IN_HAND.refused)
    clock.now += relaying.IN_HAND_WITHIN
    assert submitted(passing, ANA, BEN) == Carried(sent=1, refused=NOT_REPEATED.refused)
    assert Counter(one.recipient for one in handler.taken) == {ANA: 1, BEN: 1}


@pytest.mark.slow
def test_of_two_who_submit_the_same_together_one_sends_it(
    passing: Relaying, house: House, post: Post, handler: Sink
) -> None:
    other = Relaying(house, post)  # as another listener of the gate has it
    together = threading.Barrier(2)

    def submit(one: Relaying, text: str) -> Carried:
        together.wait()
        return submitted(one, ANA, text=text)

    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            text = f"Apples are ripe, says number {number}."
            content_of(text)  # made by one of us, so that both submit the same bytes
            told = [pool.submit(submit, one, text) for one in (passing, other)]
            answers = [one.result() for one in told]
            assert SENT in answers
            assert all(one in (SENT, IN_HAND) for one in answers)
            assert len(handler.taken) == number + 1
    other.close()


def test_what_is_in_hand_may_be_asked_for_again_and_what_is_not_repeated_may_not() -> None:
    said = [gate._status(one.refused[0], after_data=True) for one in (IN_HAND, NOT_REPEATED)]
    assert said == ["451 4.7.1 in_hand", "550 5.7.1 not_repeated"]


# ---- copies that wait ------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(passing: Relaying, handler: Sink, clock: Clock) -> None:
    """One copy waits as a task, and is due."""
    handler.answer = lambda _: "451 later"
    assert submitted(passing, ANA) == QUEUED
    handler.answer = lambda _: "250 ok"
    clock.now += 1


@pytest.mark.usefixtures("waiting")
def test_a_worker_that_dies_after_the_relay_took_a_copy_does_not_send_it_again(
    house: House, sender: Sender, handler: Sink, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(task_rows, "finish", _die)
        with pytest.raises(KeyboardInterrupt):
            worked(sender)
    clock.now += tasks.LEASE + 1
    worked(sender)
    assert len(handler.taken) == 1
    (group,) = tasks.standing(house)
    assert (group.kind, group.state, group.trouble) == ("mail", "failed", "not_repeated")
    assert tasks.retry(house) == 0


@pytest.mark.usefixtures("waiting")
def test_a_worker_that_dies_before_it_took_a_permit_loses_no_copy_though_one_was_tried_before(
    sender: Sender, handler: Sink, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler.answer = lambda _: "451 later"
    worked(sender)  # with a permit of its own
    handler.answer = lambda _: "250 ok"
    clock.now += 60
    with monkeypatch.context() as dying:
        dying.setattr(sending.Sender, "_carry", _die)
        with pytest.raises(KeyboardInterrupt):
            worked(sender)
    clock.now += tasks.LEASE + 1
    worked(sender)
    assert len(handler.taken) == 1


def _die(*_: object) -> None:
    raise KeyboardInterrupt
