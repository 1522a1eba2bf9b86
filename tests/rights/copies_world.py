"""A workspace with a connected shop, a relay that remembers, and people with and without data. All are invented."""

from __future__ import annotations

import email
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from amana import wiring
from amana.core.rights import Identity, Kind, Via
from amana.core.rights import Status as Stands
from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Channel, Proof, Status
from amana.delivery.listening import Listener
from amana.services.collection import telling
from amana.services.messaging.sending import Sender
from amana.services.record.house import House
from amana.services.record.posting import open_post
from amana.services.rights import requests, rights_run
from amana.settings import Settings
from amana.storage.requests import RequestRow

NOW = 1_780_000_000  # 2026-05-28
DAY = 86_400
NOA = "noa@example.com"
FULL = Proof(sum(Proof)) & ~Proof.GUARDIAN

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE"]
stored_in = "DE"
address = "1 Orchard Street, Berlin"
languages = ["en", "he", "ar", "th", "ru"]
site = "https://my.orchard.example"

[brands.orchard]
name = "Orchard Street"
[brands.harbour]
name = "Harbour"

[purposes.offers]
notice = "offers"
channels = ["email", "sms"]
category = "marketing"
label = { en = "Offers", he = "הצעות", ar = "عروض", th = "ข้อเสนอ", ru = "Предложения" }
[purposes.news]
notice = "offers"
channels = ["email"]
category = "marketing"

[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers", "news"]
channels = ["email", "sms"]
kept_for = "P3Y"
withdraw = "link in each message"
[notices.offers.text]
en = "We send you offers & news."
he = "נשלח לך הצעות."
ar = "نرسل إليك عروضًا."
th = "เราส่งข้อเสนอให้คุณ"
ru = "Мы присылаем предложения."

[recipients.printer]
name = "Print House Example"
country = "IL"
role = "processor"
purposes = ["offers"]
agreement = "contract 7"
safeguard = "adequacy"

[fields.full_name]
purposes = ["offers"]
category = "user.name"
why = "to address people by name"
kept_for = "P3Y"
hold = "sealed"
means = "full_name"
[fields.shoe]
purposes = ["offers"]
category = "user.behavior"
why = "to show what fits"
kept_for = "P1Y"
hold = "sealed"
label = { en = "Shoe size", he = "מידת נעל", ar = "مقاس الحذاء", th = "ขนาดรองเท้า", ru = "Размер обуви" }
uses = ["personalise"]
[fields.residence]
purposes = ["offers"]
category = "user.contact.address.country"
why = "decides whose law applies"
kept_for = "P3Y"
hold = "column"
means = "residence"
[fields.language]
purposes = ["offers"]
category = "user.demographic.language"
why = "the reader's language"
kept_for = "P3Y"
hold = "column"
means = "language"
"""

MAIL = """
[mail]
sender = "hello@orchard.example"
port = {port}
security = "none"
"""

SYSTEM = """
[system]
kind = "sql"
label = "Web shop"
country = "DE"
purposes = ["offers"]
datasets = ["shop.yml"]
[settings]
url = "sqlite:///shop.db"
"""

DATASET = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - name: id
            fides_meta: {primary_key: true, data_type: integer}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email, data_type: string, length: 80}
          - name: name
            data_categories: [user.name]
            fides_meta: {data_type: string}
          - name: newsletter
            data_categories: [user.behavior]
            fides_meta: {data_type: integer}
            amana:
              permission: {brand: orchard, purpose: offers, channel: email, yes: 1, no: 0}
      - name: orders
        amana:
          keeps:
            - {ground: tax, citation: AO § 147(3), words: Invoices, fields: [invoice], kept_for: P8Y, since: placed}
        fields:
          - name: id
            fides_meta: {primary_key: true, data_type: integer}
          - name: customer_id
            data_categories: [user.unique_id]
            fides_meta:
              data_type: integer
              references:
                - {dataset: shop, field: customers.id, direction: from}
          - name: placed
            fides_meta: {data_type: string}
          - name: invoice
            data_categories: [user.financial]
            fides_meta: {data_type: string}
          - name: notes
            data_categories: [user.content]
            fides_meta: {data_type: string}
"""


class Clock:
    """UTC seconds that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def shop(folder: Path, orders: int = 2) -> None:
    """The shop's database and its files in the workspace."""
    (folder / "systems").mkdir()
    (folder / "systems" / "shop.toml").write_text(SYSTEM, "utf-8")
    (folder / "systems" / "shop.yml").write_text(DATASET, "utf-8")
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.executescript(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, name TEXT, newsletter INTEGER);"
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, placed TEXT, invoice TEXT, notes TEXT);"
        )
        people = [(1, NOA, "Noa נועה", 1), (2, "omar@example.com", "Omar", 1)]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", people)
        rows = [
            (number, 1, "2026-01-05", f"invoice {number}", "ring twice") for number in range(1, orders + 1)
        ]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()


@contextmanager
def opened(folder: Path, clock: Clock, more: str = "") -> Iterator[House]:
    """The workspace, made when it is first opened."""
    settings = Settings(workspace=folder, actor="test")
    if not (folder / wiring.DEFINITION).exists():
        wiring.create(settings, DEFINITION + more, at=clock)
    with wiring.opened(settings, writing=True, at=clock) as house:
        yield house


def told(
    house: House, address: str = NOA, *, phone: str = "", name: str = "Noa Levi", language: str = "en"
) -> int:
    """Somebody of an earlier list, who agreed to offers by e-mail and refused them by text; their number."""
    then = Interval(lo=NOW - 100 * DAY, hi=NOW - 100 * DAY)

    def said(status: Status, channel: Channel) -> Statement:
        return Statement(
            status=status,
            purpose="offers",
            channel=channel,
            occurred=then,
            proof=FULL if status is Status.GIVEN else Proof(0),
            notice="offers@1" if status is Status.GIVEN else "",
            evidence="form 7",
        )

    row = PersonRow(
        part="",
        line=1,
        email=address,
        phone=phone,
        fields={"full_name": name, "shoe": "=41", "residence": "DE", "language": language},
        statements=(said(Status.GIVEN, Channel.EMAIL), said(Status.WITHDRAWN, Channel.SMS)),
    )
    telling.rows(house, "crm", "orchard", [row], house.random(16))
    with house.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT max(id) FROM person").scalar_one())


def asked(house: House, kind: Kind, person: int, *, language: str = "en", **more: Any) -> RequestRow:
    """A request of somebody who proved who they are."""
    said = requests.Said(
        kind=kind, via=Via.CENTRE, person=person, language=language, proved=Identity.STEPPED_UP, **more
    )
    row = requests.open_(house, said, actor="the person")
    return row if house.workspace.mail is not None else told_by_letter(house, row)


def told_by_letter(house: House, row: RequestRow) -> RequestRow:
    """Without mail an officer tells people of their erasure by letter, and says so before it begins."""
    if row.kind == Kind.ERASURE.value and row.status == Stands.READY.value:
        requests.to_decide(house, row, "not_told:no_mail", actor="amana")
        row = requests.decide(house, row.ref, go=True, reason="told by letter", actor="dpo")
    return row


def ran(house: House, row: RequestRow) -> RequestRow:
    """Work on it as far as it goes now."""
    with rights_run.open_systems(house) as systems:
        return rights_run.run_now(house, requests.get(house, row.ref), systems)


class Inbox:
    """What the relay got."""

    run: Any = None

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.answer = "250 ok"
        self.refuses = ""  # an address that takes no letter

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take one message."""
        if self.refuses in envelope.rcpt_tos:
            return "550 no such person"
        if self.answer.startswith("250"):
            parsed: Any = email.message_from_bytes(envelope.original_content, policy=policy.default)
            self.taken.append(parsed)
        return self.answer

    def subjects(self) -> list[str]:
        """The subjects, in order."""
        return [str(one["Subject"]) for one in self.taken]


@contextmanager
def relayed(folder: Path, clock: Clock, more: str = "") -> Iterator[tuple[House, Inbox, Sender]]:
    """The workspace with a relay on this machine."""
    inbox = Inbox()
    with (
        Listener(("127.0.0.1", 0), inbox, most_bytes=5_000_000) as relay,
        opened(folder, clock, MAIL.format(port=relay.port) + more) as house,
    ):
        post = open_post(house)
        try:
            yield house, inbox, Sender(house, post)
        finally:
            post.close()


def text(message: EmailMessage, kind: str = "plain") -> str:
    """The text of one form of a message."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())
