"""Requests that people write by mail: read for what they ask, proved at the address on record, and never by a machine."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from post_samples import OFFERS, known, worked

from amana.core.rights import Kind
from amana.delivery import written
from amana.services.gate import asking
from amana.services.messaging import inbound
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.rights import mail_intake, requests
from amana.storage.requests import RequestRow
from worlds.clock import Clock
from worlds.relay import Sink

PRIVACY = "answers+privacy@orchard.example"
ANA = "ana@example.com"


def letter(
    body: str, *, sender: str = f"Ana <{ANA}>", subject: str = "My data", **headers: str
) -> EmailMessage:
    """A letter to the privacy mailbox."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, PRIVACY, subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made


def comes(house: House, mail: EmailMessage | bytes, recipient: str = PRIVACY) -> str:
    """The letter comes in; what became of it."""
    return inbound.mail(house, mail if isinstance(mail, bytes) else mail.as_bytes(), recipient).said


def opened(house: House) -> list[RequestRow]:
    """Every request."""
    return requests.every(house)


def reviews(house: House) -> int:
    """How many letters wait for a reader."""
    return sum(one.count for one in tasks.standing(house) if one.kind == "review")


def allowed(house: House) -> bool:
    gate = asking.Gate(house)
    try:
        return gate.ask_address(ANA, OFFERS)[0].allow
    finally:
        gate.close()


@pytest.fixture
def ana(house: House) -> House:
    """A workspace that knows Ana."""
    known(house, {ANA: True})
    return house


def test_an_erasure_by_mail_waits_for_proof_that_goes_to_the_address_on_record(
    ana: House, sender: Sender, handler: Sink
) -> None:
    assert comes(ana, letter("Please delete my account.", subject="Hello")) == "request"
    (row,) = opened(ana)
    assert (row.kind, row.via, row.status, row.proved) == ("erasure", "mail", "verifying", 0)
    assert requests.content(ana, row).words == "Hello\nPlease delete my account."
    assert allowed(ana)
    worked(sender)
    assert {one.recipient for one in handler.taken} == {ANA}


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ("אני מבקשת למחוק את כל המידע שיש לכם עליי", "he"),
        ("أرجو حذف بياناتي", "ar"),
        ("กรุณาลบข้อมูลของฉัน", "th"),
        ("Прошу удалить мои данные", "ru"),
    ],
)
def test_it_is_answered_in_the_language_it_was_written_in(ana: House, body: str, language: str) -> None:
    assert comes(ana, letter(body, subject="")) == "request"
    assert [(one.kind, one.language) for one in opened(ana)] == [("erasure", language)]


def test_a_withdrawal_by_mail_counts_before_the_mail_is_taken(ana: House) -> None:
    assert allowed(ana)
    assert comes(ana, letter("I withdraw my consent.")) == "request"
    assert not allowed(ana)


def test_what_is_not_clear_waits_for_a_person_with_its_clock_running(ana: House) -> None:
    assert comes(ana, letter("Something about my letter?")) == "request"
    (row,) = opened(ana)
    assert row.status == "deciding"
    assert row.due > row.received
    assert {"unclear_mail"} == {
        one.detail["ground"] for one in requests.happened(ana, row) if one.what == "to_decide"
    }


def test_an_unclear_letter_is_not_lost_in_another_open_request(ana: House) -> None:
    comes(ana, letter("Please send me a copy of my data."))
    assert comes(ana, letter("And something else.")) == "review"
    assert comes(ana, letter("And something else.")) == "review"
    assert len(opened(ana)) == 1
    assert reviews(ana) == 1


def test_a_correction_is_not_guessed_from_a_letter(ana: House) -> None:
    assert comes(ana, letter("Please correct my name, it is Anna.")) == "request"
    (row,) = opened(ana)
    assert (row.kind, row.status) == (Kind.RECTIFICATION.value, "deciding")


def test_advertising_from_nobody_we_know_makes_nobody_a_person(ana: House) -> None:
    with ana.database.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM person").scalar_one()
    assert comes(ana, letter("Buy our watches!", sender="shop@watches.example")) == "review"
    with ana.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM person").scalar_one() == before
    assert opened(ana) == []


def test_somebody_we_do_not_know_who_asks_plainly_is_heard(ana: House) -> None:
    assert comes(ana, letter("Delete my data.", sender="new@example.org")) == "request"
    assert [one.status for one in opened(ana)] == ["verifying"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; type=x"},
        {"Precedence": "bulk"},
        {"List_Id": "<apples.example>"},
        {"Return_Path": "<>"},
        {"X_Autoreply": "yes"},
    ],
)
def test_a_machine_asks_for_nothing(ana: House, headers: dict[str, str]) -> None:
    assert comes(ana, letter("Delete my data.", **headers)) == "machine"
    assert opened(ana) == []


@pytest.mark.parametrize(
    "sender",
    ["answers@orchard.example", "answers+privacy@orchard.example", "mailer-daemon@relay.example", ""],
)
def test_our_own_letters_and_those_without_a_sender_go_nowhere(ana: House, sender: str) -> None:
    assert comes(ana, letter("Delete my data.", sender=sender)) in ("ours", "machine")
    assert opened(ana) == []
    assert reviews(ana) == 0


def test_a_signature_of_a_server_proves_nobody(ana: House) -> None:
    signed = letter("Delete my data.", Authentication_Results="mx.example; dkim=pass; spf=pass")
    comes(ana, signed)
    assert [one.proved for one in opened(ana)] == [0]


@pytest.mark.parametrize(
    "quoted",
    [
        "Thanks!\n\nOn Monday somebody wrote:\n> please delete my data",
        "Thanks!\n> delete my data",
        "Thanks!\n-- \ndelete my data",
        "Thanks!\n-----Original Message-----\ndelete my data",
        "Thanks!\nFrom: Bo <bo@example.com>\ndelete my data",
        "תודה!\nבתאריך יום ב׳ כתב:\nלמחוק את המידע",
        "Спасибо!\n21 ноября Бо пишет:\nудалите мои данные",
    ],
)
def test_what_is_quoted_asks_for_nothing(ana: House, quoted: str) -> None:
    comes(ana, letter(quoted))
    assert [one.kind for one in opened(ana) if one.status != "deciding"] == []


def test_attachments_are_not_read_and_html_is_read_as_words() -> None:
    mail = letter("Good day.")
    mail.add_attachment("Delete my data.", filename="request.txt")
    mail.add_attachment(letter("Delete my account."))
    found = written.read(mail.as_bytes())
    assert found is not None
    assert found.text == "Good day."
    page = letter("")
    page.set_content(
        "<head><title>no</title></head><p>Please <b>delete</b> my&nbsp;data</p>"
        "<blockquote>object to</blockquote><style>x</style>",
        subtype="html",
    )
    read = written.read(page.as_bytes())
    assert read is not None
    assert read.text.split() == ["Please", "delete", "my", "data"]
    comes_first = letter("Please see below.")
    comes_first.add_alternative("<p>Other</p>", subtype="html")
    both = written.read(comes_first.as_bytes())
    assert both is not None
    assert both.text == "Please see below."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"From: ana@example.com\r\n\r\n\xff delete my data",
        b"From: =?bad?q?=zz?= <ana@example.com>\r\nSubject: =?utf-8?b?!!!?=\r\n\r\nhello",
        b"From: ana@example.com\r\nContent-Type: text/plain; charset=klingon\r\n\r\nhello",
        b"From: ana@example.com\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: ana@example.com, bo@example.com\r\nContent-Type: text/html\r\n\r\n<p>" + b"<div>" * 50_000,
    ],
)
def test_a_strange_letter_is_read_without_a_fault(ana: House, content: bytes) -> None:
    assert comes(ana, content) in ("machine", "request", "review")


def test_other_mail_to_the_same_mailbox_is_read_as_before(ana: House) -> None:
    assert comes(ana, letter("stop", subject="stop"), "answers@orchard.example") == "leave_all"
    assert comes(ana, letter("delete my data"), "answers@orchard.example") != "request"
    assert opened(ana) == []
    assert mail_intake.is_ours("answers@orchard.example", "Answers+Privacy@Orchard.example")
    assert not mail_intake.is_ours("answers@orchard.example", "answers+privacy@elsewhere.example")


def test_no_word_of_a_letter_stands_in_a_log_or_in_the_clear(ana: House, clock: Clock) -> None:
    comes(ana, letter("Delete my data, I am Esmeralda Quixote."))
    (row,) = opened(ana)
    assert "Esmeralda" not in str([one.detail for one in requests.happened(ana, row)])
    for path in ana.folder.rglob("*"):
        if path.is_file():
            assert b"Esmeralda" not in path.read_bytes(), path
