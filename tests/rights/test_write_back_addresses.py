"""A copy that stands for an address which its holder uses no more says no, as the relay refuses that address."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import retention_world as world
import sqlalchemy as sa
from retention_world import Clock, copies, customers, given, people, rounds
from systems_worlds import admin

from amana.services.record.house import House
from worlds import lists

OLD, NEW = "dana.old@shop.example", "dana.new@shop.example"
ORDERS = """
      - name: orders
        amana: {kept_for: P2Y, kept_since: seen}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - {name: seen, fides_meta: {data_type: string}}
          - name: customer
            fides_meta:
              data_type: integer
              references: [{dataset: shop, field: customers.id, direction: from}]
          - name: offers
            fides_meta: {data_type: string}
            amana: {permission: {brand: orchard, purpose: offers, channel: email, yes: "yes", no: "no"}}
"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    with world.workspace(tmp_path / "workspace", clock) as opened:
        yield opened


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    sqlite3.connect(tmp_path / "shop.db").close()
    return admin(f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def connected(house: House, engine: sa.Engine, tmp_path: Path) -> House:
    """A shop whose orders hold copies too, and no address."""
    world.shop(house, engine, f"sqlite:///{tmp_path / 'shop.db'}", world.SHOP + ORDERS)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, seen TEXT, customer INTEGER, offers TEXT)"
        )
    rounds(house)
    return house


def moved(house: House, *addresses: str) -> None:
    """One person whose address changes from one import to the next."""
    for number, address in enumerate(addresses):
        row = lists.row(1, *given("offers", "news"), id="c-1", email=address)
        lists.taken(house, "shop", row, digest=f"moved {number} {address}")
    assert len(people(house)) == 1


def ordered(engine: sa.Engine, *rows: tuple[int, int]) -> None:
    """Enter orders: (id, customer), each with a yes."""
    with engine.begin() as connection:
        for number, customer in rows:
            connection.exec_driver_sql(
                f"INSERT INTO orders VALUES ({number}, '2026-05-01', {customer}, 'yes')"
            )


def of_orders(engine: sa.Engine) -> dict[int, str]:
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql("SELECT id, offers FROM orders")}


def test_the_row_of_the_address_in_use_says_yes_and_that_of_the_old_one_no(
    connected: House, engine: sa.Engine
) -> None:
    customers(engine, (1, "2026-05-01", OLD.upper(), "Dana", "yes", True))
    customers(engine, (2, "2026-05-01", NEW, "Dana", "yes", True))
    moved(connected, OLD, NEW)
    rounds(connected)
    assert copies(engine) == {1: ("no", False), 2: ("yes", True)}


def test_a_row_without_an_address_says_what_the_row_that_led_to_it_says(
    connected: House, engine: sa.Engine
) -> None:
    customers(engine, (1, "2026-05-01", OLD, "Dana", "yes", True))
    customers(engine, (2, "2026-05-01", NEW, "Dana", "yes", True))
    ordered(engine, (11, 1), (12, 2))
    moved(connected, OLD, NEW)
    rounds(connected)
    assert of_orders(engine) == {11: "no", 12: "yes"}


def test_whoever_has_one_address_keeps_their_yes_everywhere(connected: House, engine: sa.Engine) -> None:
    customers(engine, (1, "2026-05-01", OLD, "Dana", "yes", True))
    ordered(engine, (11, 1))
    moved(connected, OLD)
    rounds(connected)
    assert (copies(engine), of_orders(engine)) == ({1: ("yes", True)}, {11: "yes"})
