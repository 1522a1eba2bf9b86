"""What comes back lands in the same record: bounces, complaints, answers by mail and by text.

The vectors are made from RFC 3464 (appendix E.1), RFC 5965 (appendix B.2) and the words in core/reply_words.
"""

from __future__ import annotations

import re
import smtplib
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import pytest
from post_samples import OFFERS, asked_for, known, offer, worked

from amana import errors
from amana.core import mailing
from amana.core.vocabulary import Channel
from amana.delivery.texting import Received
from amana.services.collection import capture
from amana.services.gate import asking
from amana.services.gate.asking import Inquiry
from amana.services.messaging import bounces, inbound, mailings
from amana.services.messaging.inbound import Recorded
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from worlds.clock import Clock
from worlds.relay import Sink, Taken

NEWS = Inquiry(brand="orchard", purpose="news", channel=Channel.EMAIL)
HARBOUR = Inquiry(brand="harbour", purpose="offers", channel=Channel.EMAIL)


def reasons(house: House, inquiry: Inquiry = OFFERS, address: str = "ana@example.com") -> set[str]:
    """Why an address may not be written to."""
    gate = asking.Gate(house)
    try:
        return {one.code for one in gate.ask_address(address, inquiry)[0].reasons}
    finally:
        gate.close()


@pytest.fixture
def sent(house: House, sender: Sender, handler: Sink) -> Taken:
    """A marketing mail that Ana got."""
    known(house, {"ana@example.com": True})
    mailings.start(house, offer(1))
    worked(sender)
    assert not reasons(house)
    (taken,) = handler.taken
    return taken


def delivery_status(action: str, status: str, original: bytes = b"") -> bytes:
    """RFC 3464: a report of a mail system, which hides the recipient."""
    return (
        b"From: Mail System <mailer-daemon@relay.example>\r\nSubject: Returned mail\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\n\r\nIt did not arrive.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; redacted@example.com\r\n"
        + f"Action: {action}\r\nStatus: {status}\r\n\r\n--b\r\n".encode()
        + b"Content-Type: text/rfc822-headers\r\n\r\n"
        + original.partition(b"\r\n\r\n")[0]
        + b"\r\n\r\n--b--\r\n"
    )


def feedback_report(kind: str, original: bytes) -> bytes:
    """RFC 5965: a complaint, whose recipient is hidden."""
    return (
        b"From: <feedback@provider.example>\r\nSubject: FW: Apples\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        + f"Feedback-Type: {kind}\r\nUser-Agent: Provider/1.0\r\nVersion: 1\r\n\r\n".encode()
        + b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + original
        + b"\r\n--b--\r\n"
    )


def words(text: str, subject: str = "Re: Apples", sender: str = "ana@example.com") -> bytes:
    """Somebody's own mail."""
    return (
        f"From: Ana <{sender}>\r\nSubject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n\r\n> Apples are ripe.\r\n> unsubscribe\r\n"
    ).encode()


def test_a_bounce_for_good_blocks_the_address_found_by_the_return_path(house: House, sent: Taken) -> None:
    assert inbound.mail(house, delivery_status("failed", "5.1.1"), sent.sender.upper()).said == "hard"
    assert reasons(house) == {"contact_point_blocked"}


def test_a_bounce_is_found_by_the_original_that_came_back_too(house: House, sent: Taken) -> None:
    back = delivery_status("failed", "5.1.1", sent.content)
    assert inbound.mail(house, back, "answers@orchard.example").events
    assert reasons(house) == {"contact_point_blocked"}


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("delivered", "2.0.0")])
def test_a_message_that_is_on_its_way_or_arrived_changes_nothing(
    action: str, status: str, house: House, sent: Taken
) -> None:
    assert not inbound.mail(house, delivery_status(action, status), sent.sender).events
    assert not reasons(house)


DAY = 86_400


def soft(house: House, sent: Taken, clock: Clock, days: list[int]) -> list[int]:
    """Soft bounces on some days from now on; how many events each recorded."""
    began, back = clock.now, delivery_status("failed", "4.2.2")
    recorded = []
    for day in days:
        clock.now = began + day * DAY
        recorded.append(len(inbound.mail(house, back, sent.sender).events))
    return recorded


def test_soft_bounces_over_a_week_block_the_address(house: House, sent: Taken, clock: Clock) -> None:
    assert soft(house, sent, clock, [0, 0, 2, 4, 6]) == [1, 0, 1, 1, 1]  # one a day is counted
    assert "contact_point_blocked" not in reasons(house)
    assert soft(house, sent, clock, [1]) == [2]
    assert "contact_point_blocked" in reasons(house)


def test_two_soft_bounces_of_one_moment_are_one(house: House, sent: Taken) -> None:
    writer = house.writing()
    recorded: list[int] = []
    threads = [
        threading.Thread(target=lambda: recorded.append(len(bounces.note(house, "answers", 1, 0))))
        for _ in range(2)
    ]
    with writer._lock:  # both wait for their turn, so that one batch holds them
        for thread in threads:
            thread.start()
        while len(writer._queue) < 2:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert sorted(recorded) == [0, 1]


def test_soft_bounces_of_two_threads_are_one_a_day(house: House, sent: Taken, clock: Clock) -> None:
    back = delivery_status("failed", "4.2.2")
    recorded: list[int] = []

    def bounced() -> None:
        for _ in range(5):
            recorded.append(len(inbound.mail(house, back, sent.sender).events))

    threads = [threading.Thread(target=bounced) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(recorded) == 1


def test_soft_bounces_within_a_week_do_not_however_many(house: House, sent: Taken, clock: Clock) -> None:
    assert soft(house, sent, clock, [0, 1, 2, 3, 4, 5, 6]) == [1] * 7
    assert "contact_point_blocked" not in reasons(house)


def test_a_delivery_begins_the_count_anew(house: House, sent: Taken, clock: Clock) -> None:
    soft(house, sent, clock, [0, 2, 4, 6])
    clock.now += DAY
    assert len(inbound.mail(house, delivery_status("delivered", "2.0.0"), sent.sender).events) == 1
    assert soft(house, sent, clock, [1, 3, 5, 7]) == [1] * 4
    assert "contact_point_blocked" not in reasons(house)


def test_a_confirmation_begins_the_count_anew(
    house: House, sent: Taken, clock: Clock, sender: Sender, handler: Sink
) -> None:
    soft(house, sent, clock, [0, 2, 4, 6])
    handler.taken.clear()
    asked_for(house, "ana@example.com", purpose="news")
    worked(sender)
    token = re.search(r"/c/([\w-]+)", handler.taken[-1].text())
    assert token
    capture.confirm(house, token[1], capture.Context())
    assert soft(house, sent, clock, [1, 3]) == [1] * 2
    assert "contact_point_blocked" not in reasons(house)


def test_a_bounce_that_no_token_of_ours_vouches_for_changes_nothing(house: House, sent: Taken) -> None:
    strange = delivery_status("failed", "5.1.1").replace(b"redacted", b"ana")
    strange = strange.replace(b"mailer-daemon@relay.example", b"ana@example.com")
    assert not inbound.mail(house, strange, "answers@orchard.example").events
    assert not inbound.mail(house, strange, "answers+aaaaaaaaaaaaaaaaaaaaaaaaaaaaa@orchard.example").events
    assert not reasons(house)


def test_a_bounce_in_free_text_is_understood(house: House, sent: Taken) -> None:
    back = (
        b"From: mailer-daemon@relay.example\r\nSubject: failure notice\r\n\r\n"
        b"Hi. This is the qmail-send program at relay.example.\r\n\r\n<ana@example.com>:\r\n"
        b"192.0.2.1 does not like recipient.\r\n"
    )
    assert inbound.mail(house, back, sent.sender).said == "hard"
    assert reasons(house) == {"contact_point_blocked"}


def test_a_bounce_of_a_confirmation_blocks_the_address_it_went_to(
    house: House, sender: Sender, handler: Sink
) -> None:
    asked_for(house, "ben@example.com")
    sender.work()
    assert inbound.mail(house, delivery_status("failed", "5.1.1"), handler.taken[-1].sender).events
    assert "contact_point_blocked" in reasons(house, address="ben@example.com")


def test_a_return_path_of_a_service_message_takes_nobody_out_of_anything(
    house: House, sender: Sender, handler: Sink
) -> None:
    known(house, {"ana@example.com": True})
    asked_for(house, "ana@example.com")
    sender.work()
    assert not inbound.mail(house, words("", "unsubscribe"), handler.taken[-1].sender).events


@pytest.mark.parametrize("kind", ["abuse", "fraud", "other"])
def test_a_complaint_blocks_and_withdraws_though_the_recipient_is_hidden(
    kind: str, house: House, sent: Taken
) -> None:
    hidden = sent.content.replace(b"ana@example.com", b"redacted@redacted.example")
    assert inbound.mail(house, feedback_report(kind, hidden), "answers@orchard.example").said == "complaint"
    assert {"contact_point_blocked", "withdrawn"} <= reasons(house)
    assert "withdrawn" in reasons(house, NEWS)


def test_not_spam_gives_nothing_back_and_takes_nothing(house: House, sent: Taken) -> None:
    assert not inbound.mail(house, feedback_report("not-spam", sent.content), sent.sender).events


def test_one_click_by_mail_withdraws_what_the_message_was_for(house: House, sent: Taken) -> None:
    way = re.search(r"mailto:([^?>]+)", sent.message["List-Unsubscribe"])
    assert way
    assert inbound.mail(house, words("", "unsubscribe", "other@example.net"), way[1]).said == "leave"
    assert "withdrawn" in reasons(house)
    assert "withdrawn" not in reasons(house, NEWS)


@pytest.mark.parametrize(
    "text", ["Stop", "STOP, please", "הסר", "توقف", "ยกเลิก", "ОТПИСАТЬСЯ", "Unsubscribe me from this"]
)
def test_an_answer_whose_first_word_refuses_withdraws_everything_of_the_brand(
    text: str, house: House, sent: Taken
) -> None:
    assert inbound.mail(house, words(text), sent.sender).said == "leave_all"
    assert "withdrawn" in reasons(house)
    assert "withdrawn" in reasons(house, NEWS)
    assert "withdrawn" not in reasons(house, HARBOUR)


def test_an_answer_without_a_token_counts_for_whoever_holds_the_address(house: House, sent: Taken) -> None:
    assert inbound.mail(house, words("stop"), "answers@orchard.example").events
    assert "withdrawn" in reasons(house)
    assert "withdrawn" in reasons(house, HARBOUR)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (words("I will stop by the shop on Monday"), "review"),
        (words("Thank you!"), "other"),
        (b"Auto-Submitted: auto-replied\r\n" + words("Stop! I am away."), "machine"),
        (b"\xff\xfe not a message", "other"),
    ],
)
def test_other_words_change_nothing_by_themselves(
    content: bytes, said: str, house: House, sent: Taken
) -> None:
    before = tasks.waiting(house).get("ready", 0)
    assert inbound.mail(house, content, sent.sender) == Recorded(said=said)
    assert not reasons(house)
    assert tasks.waiting(house).get("ready", 0) == before + (said == "review")


def test_what_the_listener_took_is_recorded_within_a_second(house: House, sent: Taken) -> None:
    answers = mailing.Answers(address="answers@orchard.example", listen="127.0.0.1:0")
    with inbound.listener(house, answers) as listening, smtplib.LMTP("127.0.0.1", listening.port) as lmtp:
        began = time.monotonic()
        assert lmtp.sendmail("ana@example.com", [sent.sender], words("stop")) == {}
        assert "withdrawn" in reasons(house)
        assert time.monotonic() - began < 1
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            lmtp.sendmail("ana@example.com", ["somebody@orchard.example"], words("stop"))


# ---- texts ----------------------------------------------------------------------------------------------------------

TEXTS = Inquiry(brand="orchard", purpose="offers", channel=Channel.SMS)
NUMBER = "+4915123456789"


def texted(house: House, body: str, said: str = "") -> Recorded:
    """A text from a number."""
    serial = f"SM{time.monotonic_ns()}"
    return inbound.text(house, Received(id=serial, number=NUMBER, ours="+4930123456", body=body, said=said))


@pytest.fixture
def texter(house: House) -> House:
    """A workspace in which somebody agreed to texts."""
    known(house, {NUMBER: True}, channel=Channel.SMS)
    assert "withdrawn" not in reasons(house, TEXTS, NUMBER)
    assert "contact_point_blocked" not in reasons(house, TEXTS, NUMBER)
    return house


@pytest.mark.parametrize("word", ["STOP", "stop.", "הסר", "إلغاء", "ยกเลิก", "СТОП"])
def test_stop_withdraws_and_start_lifts_the_block_and_nothing_more(
    word: str, texter: House, clock: Clock
) -> None:
    assert texted(texter, word).said == "STOP"
    assert {"withdrawn", "contact_point_blocked"} <= reasons(texter, TEXTS, NUMBER)
    clock.now += 60
    assert texted(texter, "START").said == "START"
    left = reasons(texter, TEXTS, NUMBER)
    assert "withdrawn" in left
    assert "contact_point_blocked" not in left


def test_a_text_that_is_posted_again_is_recorded_once(texter: House) -> None:
    stop = Received(id="SM1", number=NUMBER, ours="+4930123456", body="STOP")
    assert inbound.text(texter, stop).events
    assert not inbound.text(texter, stop).events


def test_stop_by_whatsapp_withdraws_there_and_leaves_texts_alone(texter: House) -> None:
    by_app = Received(id="SM1", number=f"whatsapp:{NUMBER}", ours="whatsapp:+4930123456", body="STOP")
    assert inbound.text(texter, by_app).said == "STOP"
    assert not {"withdrawn", "contact_point_blocked"} & reasons(texter, TEXTS, NUMBER)
    texted(texter, "STOP")
    start = Received(id="SM2", number=f"whatsapp:{NUMBER}", ours="whatsapp:+4930123456", body="START")
    assert not inbound.text(texter, start).events
    assert "contact_point_blocked" in reasons(texter, TEXTS, NUMBER)


def test_stop_inside_a_sentence_waits_for_a_person(texter: House) -> None:
    assert texted(texter, "please do not stop").said == "review"
    assert "withdrawn" not in reasons(texter, TEXTS, NUMBER)
    assert tasks.waiting(texter) == {"ready": 1}


def test_what_the_provider_read_counts_before_our_own_reading(texter: House) -> None:
    assert texted(texter, "enough of this", said="STOP").said == "STOP"
    assert "withdrawn" in reasons(texter, TEXTS, NUMBER)


def test_help_is_answered_once_by_whoever_can(texter: House) -> None:
    assert texted(texter, "HELP").said == "HELP"
    assert tasks.waiting(texter) == {}  # nothing here sends texts
    provider = mailing.Texting(account="AC1", token_file="sms.secret", sender="+4930123456")
    texter.workspace = msgspec.structs.replace(texter.workspace, sms=provider)
    assert texted(texter, "HELP", said="HELP").said == "HELP"
    assert tasks.waiting(texter) == {}  # the provider has answered already
    texted(texter, "HELP")
    assert tasks.waiting(texter) == {"ready": 1}
    assert "withdrawn" not in reasons(texter, TEXTS, NUMBER)


# ---- a mailbox ------------------------------------------------------------------------------------------------------


class Imap(socketserver.StreamRequestHandler):
    """As much of RFC 9051 as polling needs."""

    messages: ClassVar[list[bytes]] = []
    seen: ClassVar[set[int]] = set()

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, _, rest = line.decode().strip().partition(" ")
            self._answer(rest)
            self.wfile.write(f"{tag} OK done\r\n".encode())
            if rest == "LOGOUT":
                return

    def _answer(self, rest: str) -> None:
        if rest.startswith("CAPABILITY"):
            self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
        elif rest.startswith("SELECT"):
            self.wfile.write(f"* {len(self.messages)} EXISTS\r\n".encode())
        elif rest.startswith("UID SEARCH"):
            left = " ".join(str(one + 1) for one in range(len(self.messages)) if one + 1 not in self.seen)
            self.wfile.write(f"* SEARCH {left}\r\n".encode())
        elif rest.startswith("UID FETCH"):
            number = int(rest.split()[2])
            content = self.messages[number - 1]
            head = f"* {number} FETCH (UID {number} BODY[] {{{len(content)}}}\r\n".encode()
            self.wfile.write(head + content + b")\r\n")
        elif rest.startswith("UID STORE"):
            self.seen.add(int(rest.split()[2]))


@pytest.fixture
def mailbox() -> Iterator[int]:
    """The port of a mailbox on this machine."""
    Imap.messages, Imap.seen = [], set()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Imap) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_mailbox_is_read_once_and_marked_after_the_record(house: House, sent: Taken, mailbox: int) -> None:
    (house.folder / "imap.secret").write_text("secret", "utf-8")
    (house.folder / "imap.secret").chmod(0o600)
    answers = mailing.Answers(
        address="answers@orchard.example",
        imap_host="127.0.0.1",
        imap_port=mailbox,
        imap_user="answers",
        imap_password_file="imap.secret",
    )
    Imap.messages = [f"Delivered-To: {sent.sender}\r\n".encode() + words("stop")]
    assert inbound.poll(house, answers) == 1
    assert "withdrawn" in reasons(house)
    assert inbound.poll(house, answers) == 0


def test_a_mailbox_that_is_not_there_is_tried_again_later(house: House) -> None:
    (house.folder / "imap.secret").write_text("secret", "utf-8")
    (house.folder / "imap.secret").chmod(0o600)
    answers = mailing.Answers(
        address="a@orchard.example", imap_host="127.0.0.1", imap_port=1, imap_password_file="imap.secret"
    )
    with pytest.raises(errors.NotNow):
        inbound.poll(house, answers)
