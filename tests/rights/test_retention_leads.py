"""Retention cuts nobody's rows off: whatever stays is found by the walk of a request that comes later."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import retention_world as world
import sqlalchemy as sa
from retention_world import Clock, connect, given, people, taken
from systems_worlds import admin

from amana.core.rights import Identity, Kind, Via
from amana.services.record.house import House
from amana.services.rights import reaching, requests, rights_run
from amana.services.rights.requests import Said
from amana.services.upkeep import retention

DANA, OMAR = "dana@shop.example", "omar@shop.example"

SYSTEM = """
[system]
kind = "sql"
country = "DE"
datasets = ["{name}.yml"]
[settings]
url = "{url}"
"""
SHOP = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        amana: {purposes: [offers]}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string}}
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: {identity: phone_number, data_type: string}
          - {name: name, data_categories: [user.name], fides_meta: {data_type: string}}
          - {name: note, data_categories: [user.behavior], amana: {purposes: [news]}, fides_meta: {data_type: string}}
      - name: orders
        amana:
          purposes: [offers]
          keeps: [{ground: tax, citation: AO § 147(3), fields: [invoice], kept_for: P8Y, since: placed}]
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - name: customer
            fides_meta: {data_type: integer, references: [{dataset: shop, field: customers.id, direction: from}]}
          - {name: placed, fides_meta: {data_type: string}}
          - {name: invoice, data_categories: [user.name], fides_meta: {data_type: string}}
          - {name: wish, data_categories: [user.behavior], fides_meta: {data_type: string}}
"""
DESK = """
dataset:
  - fides_key: desk
    collections:
      - name: tickets
        amana: {purposes: [news]}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - name: customer
            fides_meta: {data_type: integer, references: [{dataset: shop, field: customers.id, direction: from}]}
          - {name: text, data_categories: [user.behavior], fides_meta: {data_type: string}}
"""
TABLES = (
    "CREATE TABLE customers (id integer PRIMARY KEY, email text, phone text, name text, note text)",
    "CREATE TABLE orders (id integer PRIMARY KEY, customer integer, placed text, invoice text, wish text)",
)
TICKETS = "CREATE TABLE tickets (id integer PRIMARY KEY, customer integer, text text)"
OLD_ORDER, NEW_ORDER = "2015-01-01", "2025-01-01"


class Shop:
    """A workspace, a shop of two tables, and its help desk in another system."""

    def __init__(self, house: House, engine: sa.Engine, desk: sa.Engine) -> None:
        self.house, self.engine, self.desk = house, engine, desk

    def put(self, table: str, *rows: tuple[Any, ...]) -> None:
        engine = self.desk if table == "tickets" else self.engine
        with engine.begin() as connection:
            for row in rows:
                marks = ", ".join(f":v{i}" for i in range(len(row)))
                values = {f"v{i}": value for i, value in enumerate(row)}
                connection.execute(sa.text(f"INSERT INTO {table} VALUES ({marks})"), values)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        engine = self.desk if table == "tickets" else self.engine
        with engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id").all()
            return [tuple(one) for one in found]

    def left(self, person: int, *purposes: str) -> None:
        for one in purposes or ("offers", "news"):
            world.said(self.house, person, world.Status.WITHDRAWN, one)

    def retained(self) -> retention.Review:
        review = retention.work(self.house, retention.begin(self.house, actor="Noa"))
        retention.approve(self.house, review.number, actor="Noa", beyond="it is a test")
        return retention.work(self.house, review.number)

    def erased(self, address: str) -> dict[str, int]:
        """Erase somebody; how many rows were found of each collection."""
        said = Said(kind=Kind.ERASURE, via=Via.STAFF, address=address, proved=Identity.CHECKED)
        row = requests.open_(self.house, said, actor="Noa")
        with rights_run.open_systems(self.house) as systems:
            row = rights_run.run_now(self.house, row, systems)
            if row.status == "deciding":  # nobody can be told: there is no mail here
                requests.decide(self.house, row.ref, go=True, reason="told by letter", actor="Noa")
                row = rights_run.run_now(self.house, requests.get(self.house, row.ref), systems)
        assert row.status == "answered"
        with self.house.database.read() as connection:
            steps = _steps(connection, row.run or 0)
        return {node: found for action, node, found in steps if action == "find"}


def _steps(connection: sa.Connection, run: int) -> list[tuple[str, str, int]]:
    query = sa.text("SELECT action, node, found FROM request_step WHERE run = :run")
    return [(one[0], one[1], one[2]) for one in connection.execute(query, {"run": run})]


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    if request.param == "sqlite":
        urls = [f"sqlite:///{tmp_path / name}.db" for name in ("shop", "desk")]
    else:
        fresh = request.getfixturevalue("postgresql")
        urls = [fresh(), fresh()]
    engines = [admin(url) for url in urls]
    for engine, tables in zip(engines, (TABLES, (TICKETS,)), strict=True):
        with engine.begin() as connection:
            for table in tables:
                connection.exec_driver_sql(table)
    with world.workspace(tmp_path / "workspace", Clock()) as house:
        connect(house, "shop", SYSTEM.format(name="shop", url=urls[0]), SHOP)
        connect(house, "desk", SYSTEM.format(name="desk", url=urls[1]), DESK)
        yield Shop(house, *engines)
    for engine in engines:
        engine.dispose()


def counted(review: retention.Review, place: str) -> dict[str, int]:
    [found] = [one for one in review.places if one.place == place]
    return found.done.kept


def test_an_address_stays_while_an_order_that_the_law_keeps_hangs_on_it(shop: Shop) -> None:
    taken(shop.house, "shop", (DANA, given("offers", "news")))
    [dana] = people(shop.house)
    shop.put("customers", (1, DANA, None, "Dana", "likes pears"))
    shop.put("orders", (7, 1, NEW_ORDER, "Dana Levi", "pears"), (8, 1, OLD_ORDER, "Dana Levi", "figs"))
    shop.left(dana)
    review = shop.retained()
    assert shop.rows("customers") == [(1, DANA, None, None, None)]
    assert shop.rows("orders") == [(7, 1, NEW_ORDER, "Dana Levi", None), (8, 1, OLD_ORDER, None, None)]
    assert counted(review, "shop:customers") == {"leads": 1}
    found = shop.erased(DANA)
    assert found == {"shop:customers": 1, "shop:orders": 2, "desk:tickets": 0}
    assert shop.rows("customers") == [(1, None, None, None, None)]


def test_a_tree_of_which_nothing_has_a_ground_goes_with_its_address(shop: Shop) -> None:
    taken(shop.house, "shop", (DANA, given("offers", "news")))
    [dana] = people(shop.house)
    shop.put("customers", (1, DANA, None, "Dana", "likes pears"))
    shop.put("orders", (8, 1, OLD_ORDER, "Dana Levi", "figs"))
    shop.left(dana)
    review = shop.retained()
    assert shop.rows("customers") == [(1, None, None, None, None)]
    assert shop.rows("orders") == [(8, 1, OLD_ORDER, None, None)]
    assert counted(review, "shop:customers") == {}


def test_an_address_stays_for_what_another_purpose_holds_in_its_own_row(shop: Shop) -> None:
    taken(shop.house, "shop", (DANA, given("offers", "news")))
    [dana] = people(shop.house)
    shop.put("customers", (1, DANA, None, "Dana", "likes pears"))
    shop.left(dana, "offers")
    shop.retained()
    assert shop.rows("customers") == [(1, DANA, None, None, "likes pears")]


def test_an_address_stays_for_what_another_system_holds_and_goes_once_that_is_gone(shop: Shop) -> None:
    taken(shop.house, "shop", (DANA, given("offers", "news")))
    [dana] = people(shop.house)
    shop.put("customers", (1, DANA, None, "Dana", None))
    shop.put("tickets", (5, 1, "Where are my pears?"))
    shop.left(dana, "offers")
    shop.retained()
    assert shop.rows("customers") == [(1, DANA, None, None, None)]
    assert shop.rows("tickets") == [(5, 1, "Where are my pears?")]
    shop.left(dana, "news")
    shop.retained()
    assert shop.rows("tickets") == [(5, 1, None)]
    shop.retained()
    assert shop.rows("customers") == [(1, None, None, None, None)]


def test_a_row_that_should_go_whole_stays_as_a_way_without_its_other_fields(shop: Shop) -> None:
    whole = SHOP.replace("amana: {purposes: [offers]}", "amana: {purposes: [offers], on_erasure: delete}", 1)
    (shop.house.folder / "systems" / "shop.yml").write_text(whole, "utf-8")
    taken(shop.house, "shop", (DANA, given("offers", "news")), (OMAR, given("offers", "news")))
    dana, omar = people(shop.house)
    shop.put("customers", (1, DANA, None, "Dana", "pears"), (2, OMAR, None, "Omar", "figs"))
    shop.put("orders", (7, 1, NEW_ORDER, "Dana Levi", "pears"))
    shop.left(dana)
    shop.left(omar)
    review = shop.retained()
    assert shop.rows("customers") == [(1, DANA, None, None, None)]
    assert counted(review, "shop:customers") == {"leads": 1}
    assert shop.erased(DANA)["shop:orders"] == 1


def test_whatever_of_anybody_stays_is_found_by_the_walk_of_a_request(shop: Shop) -> None:
    """A law over many people: with and without each kind of row, of every age, whichever purposes ended."""
    dice = random.Random(7)
    everybody = [(f"p{i}@shop.example", given("offers", "news")) for i in range(60)]
    taken(shop.house, "shop", *everybody)
    for i, person in enumerate(people(shop.house), start=1):
        shop.put("customers", (i, everybody[i - 1][0], None, f"N{i}", dice.choice([None, "a note"])))
        for number in range(dice.randrange(3)):
            placed = dice.choice([OLD_ORDER, NEW_ORDER])
            shop.put("orders", (10 * i + number, i, placed, dice.choice([None, f"N{i}"]), "a wish"))
        if dice.random() < 0.4:
            shop.put("tickets", (i, i, "a text"))
        if ended := dice.choice([(), ("offers",), ("news",), ("offers", "news")]):
            shop.left(person, *ended)
    shop.retained()
    personal = {"customers": slice(1, 5), "orders": slice(3, 5), "tickets": slice(2, 3)}
    standing = {
        (table, row[0]) for table, part in personal.items() for row in shop.rows(table) if any(row[part])
    }
    with rights_run.open_systems(shop.house) as systems:
        known = reaching.known(shop.house, people(shop.house), "a test")
        places = [one.place for dataset in systems.map.datasets for one in dataset.collections]
        found = reaching.find(systems, known.seeds, places)
    met = {
        (place.collection, held.row["id"]) for place, state in found.items() for held in state.rows.values()
    }
    assert standing <= met
    assert 60 > sum(table == "customers" for table, _ in standing) > 20
