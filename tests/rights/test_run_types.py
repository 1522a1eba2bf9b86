"""References between columns of different types are followed, and what they lead to is proved gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import retention_world as world
import sqlalchemy as sa
from hypothesis import given as over
from hypothesis import strategies as st
from retention_world import Clock, connect, given, people, taken
from systems_worlds import admin

from amana.core.rights import Identity, Kind, Via
from amana.services.record.house import House
from amana.services.rights import requests, rights_run
from amana.services.rights.requests import Said
from amana.services.systems import rights_walk
from amana.services.upkeep import retention

DANA, OMAR = "dana@shop.example", "omar@shop.example"
SYSTEM = """
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
        fields:
          - {{name: id, fides_meta: {{primary_key: true, data_type: integer}}}}
          - {{name: email, data_categories: [user.contact.email], fides_meta: {{identity: email, data_type: string}}}}
          - {{name: code, fides_meta: {{data_type: {source}}}}}
      - name: orders
        fields:
          - {{name: id, fides_meta: {{primary_key: true, data_type: integer}}}}
          - name: customer
            fides_meta:
              data_type: {target}
              references: [{{dataset: shop, field: customers.code, direction: from}}]
          - {{name: wish, data_categories: [user.behavior], fides_meta: {{data_type: string}}}}
"""
ENDS = {
    "char to text": ("char(8)", "'AB1'", "string", "text", "'AB1'", "string"),
    "text to char": ("text", "'AB1'", "string", "char(8)", "'AB1'", "string"),
    "char to a longer char": ("char(8)", "'AB1'", "string", "char(12)", "'AB1'", "string"),
    "numeric to integer": ("numeric(10,2)", "42", "float", "integer", "42", "integer"),
    "integer to numeric": ("integer", "42", "integer", "numeric(10,2)", "42", "float"),
    "integer to numeric of no declared type": ("integer", "42", "integer", "numeric(10,2)", "42", "string"),
    "numeric of no declared type to integer": ("numeric(10,2)", "42", "string", "integer", "42", "integer"),
    "numeric to numeric of another scale": ("numeric(10,2)", "4.5", "float", "numeric(12,4)", "4.5", "float"),
    "numeric to text": ("numeric(10,2)", "42", "float", "text", "'42'", "string"),
}
KINDS = ["sqlite", "postgresql", "mariadb"]


class Shop:
    """A shop whose orders refer to its customers by columns of two types."""

    def __init__(self, house: House, engine: sa.Engine) -> None:
        self.house, self.engine = house, engine

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id").all()
            return [tuple(one) for one in found]


@pytest.fixture(params=[(kind, name) for kind in KINDS for name in ENDS], ids=lambda one: "-".join(one))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    kind, name = request.param
    source, own, is_source, target, other, is_target = ENDS[name]
    url = f"sqlite:///{tmp_path}/shop.db" if kind == "sqlite" else request.getfixturevalue(kind)()
    engine = admin(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE customers (id integer PRIMARY KEY, email varchar(99), code {source})"
        )
        connection.exec_driver_sql(
            f"CREATE TABLE orders (id integer PRIMARY KEY, customer {target}, wish varchar(99))"
        )
        connection.exec_driver_sql(f"INSERT INTO customers VALUES (1, '{DANA}', {own}), (2, '{OMAR}', NULL)")
        connection.exec_driver_sql(f"INSERT INTO orders VALUES (7, {other}, 'pears'), (8, NULL, 'figs')")
    with world.workspace(tmp_path / "workspace", Clock()) as house:
        connect(house, "shop", SYSTEM.format(url=url), SHOP.format(source=is_source, target=is_target))
        taken(house, "shop", (DANA, given("offers")))
        yield Shop(house, engine)
    engine.dispose()


def test_an_erasure_follows_the_reference_and_proves_what_it_led_to_gone(shop: Shop) -> None:
    said = Said(kind=Kind.ERASURE, via=Via.STAFF, address=DANA, proved=Identity.CHECKED)
    row = requests.open_(shop.house, said, actor="Noa")
    requests.to_decide(shop.house, row, "not_told:no_mail", actor="amana")
    row = requests.decide(shop.house, row.ref, go=True, reason="told by letter", actor="Noa")
    with rights_run.open_systems(shop.house) as systems:
        row = rights_run.run_now(shop.house, row, systems)
    assert (row.status, row.outcome) == ("answered", "done")
    assert [one[2] for one in shop.rows("orders")] == [None, "figs"]
    assert [one[1] for one in shop.rows("customers")] == [None, OMAR]


def test_retention_keeps_the_way_over_the_reference(shop: Shop) -> None:
    kept = (shop.house.folder / "systems" / "shop.yml").read_text("utf-8")
    living = kept.replace("- name: orders\n", "- name: orders\n        amana: {purposes: [news]}\n")
    (shop.house.folder / "systems" / "shop.yml").write_text(living, "utf-8")
    [dana] = people(shop.house)
    world.said(shop.house, dana, world.Status.WITHDRAWN, "offers")
    review = retention.work(shop.house, retention.begin(shop.house, actor="Noa"))
    assert sum(one.counted.due for one in review.places if one.system == "shop") == 0
    [place] = [one for one in review.places if one.place == "shop:customers"]
    assert place.counted.kept == {"leads": 1}


@over(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3),
    st.integers(0, 4),
)
def test_a_number_is_one_with_itself_however_many_zeros_stand_behind_it(number: Any, more: int) -> None:
    text = f"{number:f}"
    assert rights_walk.loose(text + "0" * more) == rights_walk.loose(text)
    assert float(rights_walk.loose(text)) == float(number)


@pytest.mark.parametrize("text", ["", "042", "1.", ".5", "1.2.30", "v1.20", "1e3", "AB1"])
def test_what_is_no_number_keeps_its_text(text: str) -> None:
    assert rights_walk.loose(text + "  ") == text
