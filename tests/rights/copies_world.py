"""A workspace with a connected shop, a relay that remembers, and people with and without data. All are invented."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amana import wiring
from amana.core.rights import Identity, Kind, Via
from amana.core.rights import Status as Stands
from amana.core.vocabulary import Channel, Status
from amana.services.collection import telling
from amana.services.messaging.sending import Sender
from amana.services.record.house import House
from amana.services.record.posting import open_post
from amana.services.rights import requests, rights_run
from amana.settings import Settings
from amana.storage.requests import RequestRow
from worlds import lists, orchard
from worlds.clock import DAY, NOW, Clock
from worlds.relay import Sink, listening

NOA = "noa@example.com"

DEFINITION = orchard.workspace(
    """
[recipients.printer]
name = "Print House Example"
country = "IL"
role = "processor"
purposes = ["offers"]
agreement = "contract 7"
safeguard = "adequacy"
""",
    orchard.full_name(),
    orchard.field(
        "shoe",
        "user.behavior",
        hold="sealed",
        why="to show what fits",
        kept_for="P1Y",
        more="""\
label = { en = "Shoe size", he = "מידת נעל", ar = "مقاس الحذاء", th = "ขนาดรองเท้า", ru = "Размер обуви" }
uses = ["personalise"]
""",
    ),
    orchard.residence(),
    orchard.language(),
    organisation='address = "1 Orchard Street, Berlin"\nsite = "https://my.orchard.example"\n' + orchard.FIVE,
    brands=("orchard", "harbour"),
    purposes={"offers": ("email", "sms"), "news": ("email",)},
    labels={"offers": {"en": "Offers", "he": "הצעות", "ar": "عروض", "th": "ข้อเสนอ", "ru": "Предложения"}},
    text=orchard.IN_FIVE,
)

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
    then = lists.at(NOW - 100 * DAY)
    row = lists.row(
        1,
        lists.given(then, notice="offers@1", evidence="form 7"),
        lists.said(Status.WITHDRAWN, then, channel=Channel.SMS, evidence="form 7"),
        email=address,
        phone=phone,
        full_name=name,
        shoe="=41",
        language=language,
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


@contextmanager
def relayed(folder: Path, clock: Clock, more: str = "") -> Iterator[tuple[House, Sink, Sender]]:
    """The workspace with a relay on this machine."""
    inbox = Sink()
    with (
        listening(inbox) as relay,
        opened(folder, clock, orchard.mail(relay.port) + more) as house,
    ):
        post = open_post(house)
        try:
            yield house, inbox, Sender(house, post)
        finally:
            post.close()
