"""The sample's web shop and its log of sends: the same for the same seed, and never written over what is there."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from amana.sample.people import people
from amana.sample.records import Member, Records, records
from amana.sample.sends import CAMPAIGNS, write_sends
from amana.sample.shop import settled, write_shop

Rows = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def held() -> list[Records]:
    return list(records(people(3, 700), 3))


def everything(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as shop:
        return [
            row
            for table in ("customers", "orders", "reviews")
            for row in shop.execute(f"SELECT * FROM {table} ORDER BY id")
        ]


def test_the_same_records_give_the_same_shop(tmp_path: Path, held: list[Records]) -> None:
    for name in ("one.db", "two.db"):
        write_shop(tmp_path / name, held)
    assert everything(tmp_path / "one.db") == everything(tmp_path / "two.db")
    assert not list(tmp_path.glob("*.new"))


def test_a_shop_that_is_there_is_left_as_it_is(tmp_path: Path, held: list[Records]) -> None:
    write_shop(tmp_path / "shop.db", held)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop, shop:
        shop.execute("DELETE FROM customers")
    write_shop(tmp_path / "shop.db", held)
    assert not [row for row in everything(tmp_path / "shop.db") if "@" in str(row[1])]


def test_customers_are_those_of_the_crm_with_an_order_for_each_purchase(
    tmp_path: Path, held: list[Records]
) -> None:
    write_shop(tmp_path / "shop.db", held)
    customers = [one.person for one in held if one.crm is not None]
    bought = sum(len(one.purchases) for one in customers)
    reviewed = sum(1 for one in customers if one.purchases)
    assert len(everything(tmp_path / "shop.db")) == len(customers) + bought + reviewed


def test_a_settled_customer_never_said_no_and_shares_no_address(held: list[Records]) -> None:
    chosen = [one for one in held if settled(one)]
    assert 10 < len(chosen) < len(held) / 4
    assert not any(one.says_no() or one.person.household_of or one.bought for one in chosen)


def test_a_campaign_went_to_whoever_was_a_member_on_its_day(tmp_path: Path, held: list[Records]) -> None:
    write_sends(tmp_path / "sends.csv", held)
    with (tmp_path / "sends.csv").open(encoding="utf-8", newline="") as stream:
        sent = {(row["Email Address"], row["Campaign"]) for row in csv.DictReader(stream)}
    for name, day in CAMPAIGNS:
        for one in held:
            member = one.newsletter
            if member is None:
                continue
            reached = member.opted_in < day and (member.ended is None or member.ended >= day)
            assert ((one.person.email, name) in sent) is reached
    late = [one for one in held if one.newsletter and one.newsletter.status is Member.UNSUBSCRIBED]
    assert any((one.person.email, CAMPAIGNS[0][0]) in sent for one in late)
