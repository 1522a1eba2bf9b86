"""An erasure in a table whose values cannot stand twice, and one beside a collection that the map does not ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from amana import wiring
from amana.core.rights import Identity, Kind, Via
from amana.core.statements import PersonRow
from amana.services.collection import telling
from amana.services.record.house import House
from amana.services.rights import requests, rights_run
from amana.settings import Settings
from amana.storage.requests import RequestRow

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE"]
[brands.orchard]
name = "Orchard Street"
[purposes.news]
notice = "news"
channels = ["email"]
category = "marketing.communications.email"
[notices.news]
version = "1"
who = "Orchard Street Ltd"
purposes = ["news"]
channels = ["email"]
kept_for = "until you leave"
withdraw = "by the link in each message"
text = { en = "We write about what grows." }
"""
SYSTEM = '[system]\nname = "shop"\nkind = "sql"\ncountry = "DE"\ndatasets = ["shop.yml"]\n[settings]\nurl = "sqlite:///{}"\n'
DATASET = """
dataset:
- fides_key: shop
  collections:
  - name: customers
    fields:
    - {name: id, fides_meta: {primary_key: true, data_type: integer}}
    - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string}}
"""
VISITS = """
  - name: visits
    fides_meta: {skip_processing: true}
    fields:
    - {name: address, data_categories: [user.device.ip_address], fides_meta: {data_type: string}}
"""
PEOPLE = ("Dana@Example.com", "noa@example.com")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two customers, in a shop whose table takes each address once and none empty."""
    shop = tmp_path / "shop.db"
    with sqlite3.connect(shop) as connection:
        connection.execute("create table customers (id integer primary key, email text not null unique)")
        connection.executemany("insert into customers (email) values (?)", [(one,) for one in PEOPLE])
    connection.close()
    place = Settings(workspace=tmp_path / "workspace", actor="officer")
    wiring.create(place, DEFINITION)
    systems = place.workspace / "systems"
    systems.mkdir()
    (systems / "shop.toml").write_text(SYSTEM.format(shop), "utf-8")
    (systems / "shop.yml").write_text(DATASET, "utf-8")
    with wiring.opened(place, writing=True) as house:
        rows = [PersonRow(part="", line=number, email=one) for number, one in enumerate(PEOPLE, start=1)]
        telling.rows(house, "shop", "orchard", rows, b"list")
        yield house


def erased(house: House, address: str) -> RequestRow:
    said = requests.Said(kind=Kind.ERASURE, via=Via.STAFF, address=address, proved=Identity.CHECKED)
    row = requests.open_(house, said, actor="officer")
    requests.to_decide(house, row, "not_told:no_mail", actor="amana")
    row = requests.decide(house, row.ref, go=True, reason="told by letter", actor="officer")
    with rights_run.open_systems(house) as systems:
        return rights_run.run_now(house, row, systems)


def test_two_people_are_erased_where_no_value_may_stand_twice(house: House, tmp_path: Path) -> None:
    assert [erased(house, one).outcome for one in PEOPLE] == ["done", "done"]
    connection = sqlite3.connect(tmp_path / "shop.db")
    left = [email for (email,) in connection.execute("select email from customers")]
    connection.close()
    assert len(set(left)) == 2
    assert all(email.endswith("@erased.invalid") for email in left)


def test_a_collection_that_is_not_asked_is_told_as_left_and_never_as_empty(house: House) -> None:
    dataset = house.folder / "systems" / "shop.yml"
    dataset.write_text(DATASET + VISITS, "utf-8")
    row = erased(house, PEOPLE[0])
    assert row.outcome == "done_in_part"
    kept = [one.detail for one in requests.happened(house, row) if one.what == "kept"]
    assert [(one["node"], one["kept"][0]["ground"]) for one in kept] == [("shop:visits", "not_asked")]


def test_a_correction_that_nothing_could_take_waits_for_a_person(house: House) -> None:
    said = requests.Said(
        kind=Kind.RECTIFICATION,
        via=Via.STAFF,
        address=PEOPLE[0],
        proved=Identity.CHECKED,
        corrections={"user.shoe_size": "38"},
    )
    row = requests.open_(house, said, actor="officer")
    assert row.status == "deciding"
    assert [one.detail["ground"] for one in requests.happened(house, row) if one.what == "to_decide"] == [
        "nothing_holds_it"
    ]
