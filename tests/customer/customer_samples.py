"""A company, its program as it is started, a relay that takes its mail, and what a customer's machines do with both.

Everybody is invented. Nothing here reaches into the program but three things that belong to the company itself: its
folder is made, a key for its shop is made, and its campaign is queued, each by a process of its own beside the server.
"""

from __future__ import annotations

import email
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec

from amana.core.vocabulary import Channel
from amana.delivery.listening import Listener
from amana.services.gate.asking import Gate, Inquiry
from amana.services.messaging import mailings
from amana.services.record.house import House

PROGRAM = "import sys; from amana.cli.main import main; main(sys.argv[1:])"
PATIENCE = 20  # seconds for the server to start, and for a mail to arrive
NEWS = Inquiry(brand="orchard", purpose="news", channel=Channel.EMAIL)

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
address = "1 Orchard Street, Leeds"
country = "UK"
serves = ["UK", "IL", "AE", "TH", "RU"]
stored_in = "UK"
languages = ["en", "he", "ar", "th", "ru"]
site = "{site}"

[brands.orchard]
name = "Orchard Street"
colour = "#7a1f5c"

[purposes.news]
notice = "letters"
channels = ["email"]
category = "marketing.communications.email"
label = {{ en = "Newsletter", he = "עלון", ar = "نشرة", th = "จดหมายข่าว", ru = "Рассылка" }}

[purposes.offers]
notice = "letters"
channels = ["email"]
category = "marketing.communications.email"
label = {{ en = "Offers", he = "מבצעים", ar = "عروض", th = "ข้อเสนอ", ru = "Предложения" }}

[notices.letters]
version = "2026-01"
who = "Orchard Street Ltd"
purposes = ["news", "offers"]
channels = ["email"]
shared_with = ["Post House Ltd"]
kept_for = "P3Y"
withdraw = "the link in every message"
[notices.letters.text]
en = "We would like to write to you about what grows here. You choose each thing separately, and nothing depends on it."
he = "נשמח לכתוב לך על מה שצומח כאן. כל דבר נבחר בנפרד, ושום דבר אינו תלוי בכך."
ar = "نود أن نكتب إليك عمّا ينمو هنا. تختار كل شيء على حدة، ولا يتوقف عليه شيء."
th = "เราอยากเขียนถึงคุณเรื่องสิ่งที่เติบโตที่นี่ คุณเลือกแต่ละอย่างแยกกัน และไม่มีสิ่งใดขึ้นกับการเลือกนี้"
ru = "Мы хотели бы писать вам о том, что здесь растёт. Вы выбираете каждое отдельно, и от этого ничего не зависит."

[topics.apples]
en = "Apples"
he = "תפוחים"
ar = "تفاح"
th = "แอปเปิล"
ru = "Яблоки"
[topics.pears]
en = "Pears"
he = "אגסים"
ar = "كمثرى"
th = "ลูกแพร์"
ru = "Груши"

[capture_points.signup]
kind = "form"
notice = "letters"
fields = ["residence"]
proof = ["channel_named", "sender_named", "purpose_named", "unbundled", "unticked",
  "not_condition", "withdrawal_told", "written"]

[fields.residence]
purposes = ["news", "offers"]
category = "user.contact.address.country"
why = "whose law applies"
kept_for = "P3Y"
hold = "column"
means = "residence"
[fields.language]
purposes = ["news", "offers"]
category = "user.demographic.language"
why = "to be understood"
kept_for = "P3Y"
hold = "column"
means = "language"

[mail]
sender = "hello@orchard.example"
port = {port}
security = "none"
dkim_domain = "orchard.example"
dkim_selector = "s1"
dkim_key_file = "dkim.pem"
[answers]
address = "answers@orchard.example"
"""


class Relay:
    """Takes every message and remembers it."""

    run: Any = None  # the listener hands it in

    def __init__(self) -> None:
        self._taken: list[tuple[str, bytes]] = []
        self._came = threading.Condition()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        with self._came:
            self._taken += [(one, envelope.original_content) for one in envelope.rcpt_tos]
            self._came.notify_all()
        return "250 ok"

    def mail(self, recipient: str, number: int) -> bytes:
        """The message to a recipient with that number, from 1, when it has come."""

        def came() -> list[bytes]:
            return [content for to, content in self._taken if to == recipient]

        with self._came:
            assert self._came.wait_for(lambda: len(came()) >= number, PATIENCE), "the mail did not come"
            return came()[number - 1]

    def count(self, recipient: str) -> int:
        """How many messages came to a recipient."""
        with self._came:
            return sum(to == recipient for to, _ in self._taken)


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """The running program, and what its company holds: the house beside it, the relay, the shop's key."""

    house: House
    relay: Relay
    port: int
    key: str
    log_key: str
    dkim_record: bytes

    def size(self) -> int:
        """How many events the log holds."""
        with self.house.database.read() as connection:
            return int(connection.exec_driver_sql("SELECT max(size) FROM checkpoint").scalar_one() or 0)

    def may(self, recipient: str, purpose: str = "news") -> tuple[bool, list[str]]:
        """The decision over HTTP about an address, and the codes of its reasons."""
        question = {
            "subject": {"type": "brand", "id": "orchard"},
            "action": {"name": "contact.email", "properties": {"purpose": purpose}},
            "resource": {"type": "email", "id": recipient},
        }
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        status, body, _ = self.post("/access/v1/evaluation", json.dumps(question), headers)
        assert status == 200, body
        answer = json.loads(body)
        return answer["decision"], [one["code"] for one in answer["context"].get("reasons", ())]

    def post(
        self, path: str, body: str, headers: dict[str, str]
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """One POST without cookies or redirects, as a machine does it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def campaign(self, name: str, recipient: str, subject: str) -> str:
        """Start a newsletter and wait until the server is done with it; the reason that held it back, or nothing."""
        (person,) = Gate(self.house).ask_address(recipient, NEWS)[1]
        said = mailings.Text(subject=subject, text="Apples are ripe.\n")
        order = mailings.Order(inquiry=NEWS, letters={"en": said}, people=(person,), by=name)
        started = mailings.start(self.house, order)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            told = mailings.told(self.house, started.id)
            if told.state == "done":
                return next(iter(told.left_out | told.not_sent), "")
            time.sleep(0.05)
        raise AssertionError("the server did not do the task")


def parsed(content: bytes) -> EmailMessage:
    """A message as a mail program reads it."""
    found = email.message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def words_of(message: EmailMessage, kind: str = "plain") -> str:
    """The text of one form of a message."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def link(text: str, page: str) -> str:
    """The first link to a kind of page (`c`, `p`, `u`) in a text."""
    found = re.search(rf"http://localhost[^\s<>]*/{page}/[\w-]+(?:\?[\w=&]+)?", text)
    assert found is not None, f"no link to /{page}/"
    return found[0]


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(workspace: Path, port: int) -> Iterator[None]:
    """`amana serve`, as it is started, until the block ends."""
    words = [sys.executable, "-c", PROGRAM, "-w", str(workspace), "serve", "--port", str(port)]
    told = workspace.with_name("told.txt")
    with told.open("wb") as stream:
        process = subprocess.Popen(words, env=dict(os.environ), stdout=stream, stderr=stream)
    try:
        assert _listens(port, process), told.read_text("utf-8")
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def taking_mail(relay: Relay) -> Iterator[int]:
    """The relay's port, while it listens."""
    with Listener(("127.0.0.1", 0), relay, most_bytes=1_000_000) as listening:
        yield listening.port


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False
