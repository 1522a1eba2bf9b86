"""A workspace with connected systems in it: people here, and copies of their permissions and data there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from amana import wiring
from amana.core import events
from amana.core.statements import Interval, Statement
from amana.core.vocabulary import Actor, Status
from amana.services.collection import capture
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.services.systems import data_map
from amana.settings import Settings
from amana.storage import positions
from amana.worker import loop
from worlds import lists, orchard
from worlds.clock import DAY, NOW, Clock
from worlds.lists import EVERY_PROOF

DEFINITION = orchard.workspace(
    orchard.residence("offers", "news"),
    orchard.full_name("name", "offers", "news"),
    orchard.field("town", "user.contact.address.city", hold="sealed", why="offers nearby", kept_for="P1Y"),
    purposes={"offers": ("email",), "news": ("email",)},
)

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
    return tuple(lists.given(lists.at(when), purpose=one) for one in purposes)


def taken(house: House, source: str, /, *people: tuple[str, tuple[Statement, ...]], **fields: str) -> None:
    """Import people: (address, statements)."""
    rows = [
        lists.row(line, *said, email=email, **fields) for line, (email, said) in enumerate(people, start=1)
    ]
    lists.taken(house, source, *rows, digest=source)


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
