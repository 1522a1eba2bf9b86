"""Real senders against the gate: only those who may be written to are, and every copy has its way out."""

from __future__ import annotations

import re
import shutil
import smtplib
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from post_samples import OFFERS, known, letter

from amana import errors
from amana.core import workspace
from amana.core.vocabulary import Channel
from amana.delivery.listening import Listener
from amana.services.audience import screening
from amana.services.collection import preferences
from amana.services.collection.capture import Choice, Context
from amana.services.gate import asking
from amana.services.messaging import gating, relaying
from amana.services.messaging.sending import Sender
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.record.posting import open_post
from worlds.clock import Clock
from worlds.relay import Sink

SENDERS = """
[gate]
listen = "127.0.0.1:0"
[gate.senders."shop@orchard.example"]
brand = "orchard"
purpose = "offers"
"""
USERS = """
[gate]
listen = "127.0.0.1:0"
[gate.users.shop]
password_file = "shop.secret"
brand = "orchard"
purpose = "offers"
[gate.users.crm]
password_file = "crm.secret"
brand = "orchard"
"""
SECRETS = {"shop.secret": "correct horse battery", "crm.secret": "another one"}
OFF = preferences.Change(off=(Choice(purpose="offers", channel=Channel.EMAIL),))
SHOP = "shop@orchard.example"


@contextmanager
def gate_of(house: House) -> Iterator[Listener]:
    """The gate of a workspace, listening."""
    post = open_post(house)
    assert house.workspace.gate is not None
    with gating.listener(house, post, house.workspace.gate) as listening:
        yield listening
    post.close()


@pytest.fixture
def gated(opening: Callable[..., House], relay: Listener) -> House:
    """A workspace whose gate knows the shop by its address."""
    house = opening(relay.port, more=SENDERS)
    known(house, {"ana@example.com": True, "ben@example.com": True, "cleo@example.com": False})
    return house


@pytest.fixture
def client(gated: House) -> Iterator[smtplib.SMTP]:
    """A sender at the gate."""
    with gate_of(gated) as listening, smtplib.SMTP("127.0.0.1", listening.port, timeout=20) as smtp:
        yield smtp


def person(house: House, address: str) -> int:
    """The person who holds an address."""
    gate = asking.Gate(house)
    try:
        return gate.ask_address(address, OFFERS)[1][0]
    finally:
        gate.close()


def test_whoever_said_no_and_whoever_is_unknown_is_refused_by_name(
    client: smtplib.SMTP, handler: Sink
) -> None:
    refused = client.sendmail(
        SHOP, ["ana@example.com", "cleo@example.com", "nobody@example.com"], letter("first")
    )
    assert refused == {
        "cleo@example.com": (550, b"5.7.1 withdrawn"),
        "nobody@example.com": (550, b"5.7.1 unknown_person"),
    }
    (taken,) = handler.taken
    assert taken.recipient == "ana@example.com"


def test_each_copy_has_a_way_out_of_its_own(client: smtplib.SMTP, handler: Sink) -> None:
    client.sendmail(SHOP, ["ana@example.com", "ben@example.com"], letter(X_Amana_Note="internal"))
    ways = {re.findall(r"https://\S+/u/[\w-]+", one.message["List-Unsubscribe"])[0] for one in handler.taken}
    assert len(ways) == 2
    assert len({one.sender for one in handler.taken}) == 2
    for one in handler.taken:
        (way,) = re.findall(r"https://\S+/u/[\w-]+", one.message["List-Unsubscribe"])
        for kind in ("plain", "html"):
            assert "Apples are ripe." in one.text(kind)
            assert way in one.text(kind)
            assert "1 Orchard Street, Berlin" in one.text(kind)
        assert not [name for name in one.message if name.lower().startswith("x-amana")]


def test_the_same_message_reaches_the_same_person_once_however_often_it_is_submitted(
    client: smtplib.SMTP, handler: Sink
) -> None:
    same = letter()
    for _ in range(3):
        client.sendmail(SHOP, ["ana@example.com"], same)
    assert len(handler.taken) == 1


def test_what_the_relay_refused_is_refused_to_the_sender_however_often_it_is_submitted(
    client: smtplib.SMTP, handler: Sink
) -> None:
    same = letter()
    handler.answer = lambda _: "554 5.7.1 no"
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(SHOP, ["ana@example.com"], same)
        assert (refused.value.smtp_code, refused.value.smtp_error) == (550, b"5.7.1 smtp_554")
        handler.answer = lambda _: "250 ok"
    assert handler.taken == []


def test_whoever_leaves_while_the_copies_before_theirs_are_handed_over_gets_nothing(
    gated: House, client: smtplib.SMTP, handler: Sink
) -> None:
    before = [f"reader{number}@example.com" for number in range(relaying.HANDS)]
    known(gated, dict.fromkeys(before, True))
    ben = person(gated, "ben@example.com")

    def leave(recipient: str) -> str:
        preferences.change(gated, ben, "orchard", OFF, Context())
        return "250 ok"

    handler.answer = leave  # the relay answers nobody else meanwhile
    client.sendmail(SHOP, [*before, "ben@example.com"], letter(X_Amana_Partial="yes"))
    assert sorted(one.recipient for one in handler.taken) == before


def test_the_clock_puts_off_and_does_not_refuse(gated: House, clock: Clock, handler: Sink) -> None:
    pause = preferences.Change(paused_until=clock.now + 3_600)
    preferences.change(gated, person(gated, "ana@example.com"), "orchard", pause, Context())
    with (
        gate_of(gated) as listening,
        smtplib.SMTP("127.0.0.1", listening.port, timeout=20) as smtp,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        smtp.sendmail(SHOP, ["ana@example.com"], letter())
    assert refused.value.recipients["ana@example.com"] == (450, b"4.7.1 paused")
    assert not handler.taken


def test_a_sender_whom_nobody_placed_says_the_purpose_in_the_header_or_is_refused(
    gated: House, handler: Sink
) -> None:
    def send(*recipients: str, **headers: str) -> str:
        with gate_of(gated) as listening, smtplib.SMTP("127.0.0.1", listening.port, timeout=20) as smtp:
            try:
                smtp.sendmail("crm@orchard.example", recipients, letter(*recipients, **headers))
            except smtplib.SMTPDataError as refused:
                return f"{refused.smtp_code} {refused.smtp_error.decode()}"
        return "sent"

    assert send("ana@example.com") == "550 5.6.0 purpose_unknown"
    assert send("ana@example.com", X_Amana_Purpose="orchard/nonsense") == "550 5.7.1 purpose_unknown"
    assert send("ana@example.com", X_Amana_Purpose="orchard/news") == "550 5.7.1 consent_unknown"
    assert not handler.taken
    mixed = ("ana@example.com", "cleo@example.com")
    assert send(*mixed, X_Amana_Purpose="orchard/offers") == "550 5.7.1 withdrawn"
    assert not handler.taken
    assert send(*mixed, X_Amana_Purpose="orchard/offers", X_Amana_Partial="yes") == "sent"
    assert [one.recipient for one in handler.taken] == ["ana@example.com"]


def test_a_credential_decides_and_nobody_passes_without_one(
    opening: Callable[..., House], relay: Listener, handler: Sink
) -> None:
    house = opening(relay.port, more=USERS, files=SECRETS)
    known(house, {"ana@example.com": True})
    with gate_of(house) as listening, smtplib.SMTP("127.0.0.1", listening.port, timeout=20) as smtp:
        assert smtp.docmd(f"MAIL FROM:<{SHOP}>")[0] in (503, 530)
        smtp.ehlo()
        assert smtp.mail(SHOP) == (530, b"5.7.0 authentication required")
        for user, password in (("shop", "wrong"), ("nobody", "correct horse battery")):
            with pytest.raises(smtplib.SMTPAuthenticationError):
                smtp.login(user, password)
        smtp.login("shop", SECRETS["shop.secret"])
        with pytest.raises(smtplib.SMTPDataError, match="purpose_contradicts"):
            smtp.sendmail(SHOP, ["ana@example.com"], letter(X_Amana_Purpose="harbour/offers"))
        smtp.sendmail(SHOP, ["ana@example.com"], letter())
    assert len(handler.taken) == 1


def test_off_this_machine_the_gate_needs_names_and_encryption(gated: House, tmp_path: Path) -> None:
    text = (gated.folder / "amana.toml").read_text("utf-8")
    with pytest.raises(errors.BadWorkspace):
        workspace.read(text.replace("127.0.0.1:0", "0.0.0.0:0"))


def test_over_tls_a_password_is_taken_only_after_encryption(
    opening: Callable[..., House], relay: Listener, handler: Sink
) -> None:
    certificate, key = _certificate()
    more = USERS.replace(
        'listen = "127.0.0.1:0"', 'listen = "0.0.0.0:0"\ntls_cert_file = "c.pem"\ntls_key_file = "k.pem"'
    )
    house = opening(relay.port, more=more, files=SECRETS | {"c.pem": certificate, "k.pem": key})
    known(house, {"ana@example.com": True})
    context = ssl.create_default_context(cadata=certificate)
    with gate_of(house) as listening, smtplib.SMTP("localhost", listening.port, timeout=20) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("auth")
        smtp.starttls(context=context)
        smtp.login("shop", SECRETS["shop.secret"])
        smtp.sendmail(SHOP, ["ana@example.com"], letter())
    assert len(handler.taken) == 1


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"From: a@orchard.example\r\n\r\nhello\n.\r\nMAIL FROM:<x@y.example>\r\n", b"bare_line_end"),
        (b"From: a@orchard.example\r\n\r\nhello\r.\r\n", b"bare_line_end"),
        (b"From: a@orchard.example\nBcc: b@example.com\r\n\r\nhello\r\n", b"bare_line_end"),
        (b"From: a@orchard.example\r\n\r\nhe\x00llo\r\n", b"bare_line_end"),
        (b"From: a@orchard.example\r\nFrom: b@orchard.example\r\n\r\nhello\r\n", b"header_repeated"),
        (b"Subject: x\r\n\r\nhello\r\n", b"no_sender"),
        (b"From: a@orchard.example\r\nno colon here\r\n\r\nhello\r\n", b"header_malformed"),
        (b" folded\r\nFrom: a@orchard.example\r\n\r\nhello\r\n", b"header_malformed"),
        (b"From: a@orchard.example", b"no_body"),
        (
            b'From: a@orchard.example\r\nContent-Type: multipart/signed; boundary="b"\r\n\r\n'
            b"--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\ny\r\n--b--\r\n",
            b"sealed_message",
        ),
        (
            b"From: a@orchard.example\r\nContent-Type: application/pdf\r\n\r\nx\r\n",
            b"no_text",
        ),
        (
            b"From: a@orchard.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\nx\r\n",
            b"charset",
        ),
    ],
)
def test_a_message_that_two_readers_could_read_differently_does_not_pass(
    content: bytes, answer: bytes, client: smtplib.SMTP, handler: Sink
) -> None:
    client.ehlo()
    client.mail(SHOP)
    client.rcpt("ana@example.com")
    client.putcmd("data")
    client.getreply()
    client.send(content + b"\r\n.\r\n")
    code, said = client.getreply()
    assert (code, said) == (550, b"5.6.0 " + answer)
    assert not handler.taken
    assert client.noop()[0] == 250  # and nothing that was smuggled waits as a command


def test_too_large_a_message_is_refused(
    opening: Callable[..., House], relay: Listener, handler: Sink
) -> None:
    house = opening(relay.port, more=SENDERS.replace('"127.0.0.1:0"', '"127.0.0.1:0"\nmost_bytes = 2_000'))
    known(house, {"ana@example.com": True})
    with (
        gate_of(house) as listening,
        smtplib.SMTP("127.0.0.1", listening.port, timeout=20) as smtp,
        pytest.raises(smtplib.SMTPResponseException) as refused,
    ):
        smtp.sendmail(SHOP, ["ana@example.com"], letter(text="x y " * 2_000))
    assert refused.value.smtp_code == 552
    assert not handler.taken


def test_what_the_relay_cannot_take_now_waits_and_leaves_with_a_permit_of_its_own(
    gated: House, client: smtplib.SMTP, handler: Sink, clock: Clock
) -> None:
    handler.answer = lambda recipient: "451 later"
    client.sendmail(SHOP, ["ana@example.com", "ben@example.com"], letter())
    assert tasks.waiting(gated) == {"ready": 2}
    preferences.change(gated, person(gated, "ben@example.com"), "orchard", OFF, Context())
    handler.answer = lambda recipient: "250 ok"
    clock.now += 60
    post = open_post(gated)
    worker = Sender(gated, post)
    while worker.work():
        pass
    post.close()
    assert [one.recipient for one in handler.taken] == ["ana@example.com"]
    assert tasks.waiting(gated) == {"done": 1, "failed": 1}


def test_without_a_postal_address_nothing_leaves(
    opening: Callable[..., House], relay: Listener, handler: Sink
) -> None:
    house = opening(relay.port, more=SENDERS)
    known(house, {"ana@example.com": True})
    text = (house.folder / "amana.toml").read_text("utf-8")
    house.workspace = workspace.read(text.replace('address = "1 Orchard Street, Berlin"', ""))
    with (
        gate_of(house) as listening,
        smtplib.SMTP("127.0.0.1", listening.port, timeout=20) as smtp,
        pytest.raises(smtplib.SMTPDataError, match="postal_address_missing"),
    ):
        smtp.sendmail(SHOP, ["ana@example.com"], letter())
    assert not handler.taken


@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed here")
def test_swaks_sends_through_the_gate(gated: House, handler: Sink) -> None:
    def swaks(listening: Listener, recipient: str) -> subprocess.CompletedProcess[str]:
        place = ["--server", "127.0.0.1", "--port", str(listening.port)]
        whose = ["--from", SHOP, "--to", recipient, "--header", "Subject: Apples", "--body", "Ripe."]
        return subprocess.run(["swaks", *place, *whose], capture_output=True, text=True, check=False)

    with gate_of(gated) as listening:
        assert swaks(listening, "ana@example.com").returncode == 0
        no = swaks(listening, "cleo@example.com")
    assert no.returncode == 24  # swaks: no recipient was accepted
    assert "550 5.7.1 withdrawn" in no.stdout
    assert [one.recipient for one in handler.taken] == ["ana@example.com"]


@pytest.mark.slow
def test_a_campaign_to_a_thousand_reaches_those_whom_the_screen_allows_and_nobody_who_left_meanwhile(
    opening: Callable[..., House], relay: Listener, handler: Sink
) -> None:
    house = opening(relay.port, more=SENDERS)
    people = {f"person{number}@example.com": number % 5 != 0 for number in range(1_000)}
    known(house, people)
    allowed = {address for address, agreed in people.items() if agreed}
    assert screening.screen(house, OFFERS).counts.allowed == len(allowed)
    leaving = ("person998@example.com", "person999@example.com")
    ids = [person(house, address) for address in leaving]
    left_at: dict[str, int] = {}

    def leave() -> None:
        for address, one in zip(leaving, ids, strict=True):
            preferences.change(house, one, "orchard", OFF, Context())
            left_at[address] = len(handler.taken)

    refused: dict[str, tuple[int, bytes]] = {}
    away = threading.Thread(target=leave)
    with gate_of(house) as listening, smtplib.SMTP("127.0.0.1", listening.port, timeout=60) as smtp:
        everybody = list(people)
        for start in range(0, len(everybody), 50):
            if start == 400:
                away.start()
            batch = everybody[start : start + 50]
            refused |= smtp.sendmail(SHOP, batch, letter(str(start), X_Amana_Partial="yes"))
        away.join()
    got = [one.recipient for one in handler.taken]
    assert len(got) == len(set(got))
    assert set(got) == allowed - set(leaving)
    assert min(left_at.values()) < len(got)  # they left while it ran
    assert set(refused) == set(people) - set(got)


def _certificate() -> tuple[str, str]:
    """A certificate for localhost that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, secret.decode()
