"""A workspace with connected systems in it: people here, and copies of their permissions and data there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from amana import wiring
from amana.core import events
from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Actor, Channel, Proof, Status
from amana.services.collection import capture, imports
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.systems import data_map
from amana.settings import Settings
from amana.storage import positions
from amana.worker import loop

NOW = 1_780_000_000  # 2026-05-28, a Thursday, 20:26 UTC
DAY = 86_400
EVERY_PROOF = Proof(sum(Proof)) & ~Proof.GUARDIAN

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE"]
stored_in = "DE"

[brands.orchard]
name = "Orchard Street"

[purposes.offers]
notice = "offers"
channels = ["email"]
category = "marketing"

[purposes.news]
notice = "offers"
channels = ["email"]
category = "marketing"

[notices.offers]
version = "1"
who = "Orchard Street Ltd"
purposes = ["offers", "news"]
channels = ["email"]
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you offers." }

[fields.residence]
purposes = ["offers", "news"]
category = "user.contact.address.country"
why = "whose law applies"
kept_for = "P3Y"
hold = "column"
means = "residence"

[fields.name]
purposes = ["offers", "news"]
category = "user.name"
why = "to greet people"
kept_for = "P3Y"
hold = "sealed"
means = "full_name"

[fields.town]
purposes = ["offers"]
category = "user.contact.address.city"
why = "offers nearby"
kept_for = "P1Y"
hold = "sealed"
"""

SHOP_SYSTEM = """
[system]
kind = "sql"
country = "DE"
purposes = ["offers"]
datasets = ["shop.yml"]
[settings]
url = "{url}"
"""
SHOP = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        amana: {kept_for: P2Y, kept_since: seen}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - {name: seen, fides_meta: {data_type: string}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string}}
          - {name: name, data_categories: [user.name], fides_meta: {data_type: string}}
          - name: offers
            fides_meta: {data_type: string}
            amana: {permission: {brand: orchard, purpose: offers, channel: email, yes: "yes", no: "no"}}
          - name: news
            fides_meta: {data_type: boolean}
            amana: {permission: {brand: orchard, purpose: news, channel: email, yes: true, no: false}}
"""
TABLE = {
    "sqlite": "CREATE TABLE customers "
    "(id INTEGER PRIMARY KEY, seen TEXT, email TEXT, name TEXT, offers TEXT, news BOOLEAN)",
    "postgresql": "CREATE TABLE customers "
    "(id integer PRIMARY KEY, seen date, email text, name text, offers text, news boolean)",
    "mysql": "CREATE TABLE customers (id INT PRIMARY KEY, seen DATE, email VARCHAR(200), name VARCHAR(60), "
    "offers VARCHAR(9), news TINYINT(1)) ENGINE=InnoDB",
}


class Clock:
    """UTC seconds that stand still until the test moves them."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@contextmanager
def workspace(folder: Path, clock: Clock, definition: str = DEFINITION) -> Iterator[House]:
    """A new workspace."""
    settings = Settings(workspace=folder, actor="test")
    wiring.create(settings, definition, at=clock)
    with wiring.opened(settings, writing=True, at=clock) as house:
        yield house


def connect(house: House, name: str, system: str, dataset: str = "") -> None:
    """Connect a system."""
    folder = house.folder / data_map.FOLDER
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(system, "utf-8")
    if dataset:
        (folder / f"{name}.yml").write_text(dataset, "utf-8")


def shop(house: House, engine: sa.Engine, url: str, dataset: str = SHOP) -> None:
    """Connect a shop's database, empty so far."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            TABLE["mysql" if engine.dialect.name == "mariadb" else engine.dialect.name]
        )
    connect(house, "shop", SHOP_SYSTEM.format(url=url), dataset)


def customers(engine: sa.Engine, *rows: Sequence[Any]) -> None:
    """Enter rows: (id, seen, email, name, offers, news)."""
    with engine.begin() as connection:
        for row in rows:
            names = ("id", "seen", "email", "name", "offers", "news")
            connection.execute(
                sa.text("INSERT INTO customers VALUES (:id, :seen, :email, :name, :offers, :news)"),
                dict(zip(names, row, strict=True)),
            )


def copies(engine: sa.Engine) -> dict[int, tuple[str | None, bool | None]]:
    """What the shop's copies say: id -> (offers, news)."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id, offers, news FROM customers ORDER BY id").all()
    return {row[0]: (row[1], None if row[2] is None else bool(row[2])) for row in found}


def given(*purposes: str, when: int = NOW - 10 * DAY) -> tuple[Statement, ...]:
    """Grants with every proof."""
    return tuple(
        Statement(
            status=Status.GIVEN,
            purpose=one,
            channel=Channel.EMAIL,
            occurred=Interval(lo=when, hi=when),
            proof=EVERY_PROOF,
        )
        for one in purposes
    )


def taken(house: House, source: str, /, *people: tuple[str, tuple[Statement, ...]], **fields: str) -> None:
    """Import people: (address, statements)."""
    rows = [
        PersonRow(part="", line=line, email=email, fields={"residence": "DE"} | fields, statements=said)
        for line, (email, said) in enumerate(people, start=1)
    ]
    imports.run(
        house,
        imports.Order(
            kind="table",
            name=source,
            digest=source,
            reading="",
            evidence="a form",
            brand="orchard",
            fields=tuple(house.workspace.fields),
            rows=lambda start: iter(rows),
        ),
    )


def said(house: House, person: int, status: Status, purpose: str, *, confirmed: bool = True) -> None:
    """Something that a person says for themselves, now."""

    def work(session: Session) -> None:
        held = session.person(person)
        event = events.Permission(
            id=house.random(16).hex(),
            occurred=Interval(lo=session.now, hi=session.now),
            actor=Actor.PERSON,
            source=capture.source_of(session, "centre"),
            brand="orchard",
            purpose=purpose,
            channel="email",
            status=status,
            proof=EVERY_PROOF,
            confirmed=confirmed,
            notice_epoch=1,
        )
        session.record(held, event)

    house.writing().write(work)


def people(house: House) -> list[int]:
    """Everybody, by id."""
    with house.database.read() as connection:
        return positions.people_after(connection, 0, 100_000)


def rounds(house: House, most: int = 60) -> None:
    """Let the worker work until nothing is due any more."""
    for _ in range(most):
        if loop.one_round(house, {}) == 0:
            return
    raise AssertionError("the worker does not come to rest")
