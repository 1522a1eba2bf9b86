"""The sample company's web shop: a database with customers, their orders and what they wrote about them.

Rule: the shop knows the customers who are in the CRM, by their address, and calls whoever the newsletter tool has as
subscribed a "yes". Every purchase is an order, the latest has a review; nothing else is drawn, so the same records give
the same rows. A database that is there is left as it is, because what was erased in it must not come back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from amana.sample.people import Age
from amana.sample.records import Member, Records

_TABLES: Final = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, email TEXT NOT NULL, full_name TEXT, last_order TEXT, newsletter TEXT NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id), placed TEXT NOT NULL,
    item TEXT, ship_to TEXT, invoice_name TEXT
);
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id), written TEXT NOT NULL, words TEXT
);
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX reviews_customer ON reviews (customer);
"""


def write_shop(path: Path, held: Iterable[Records]) -> None:
    """Make the shop's database of everybody in the CRM; nothing happens if it is there. One transaction and one move."""
    if path.exists():
        return
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with closing(sqlite3.connect(beside)) as shop:
        shop.executescript(_TABLES)
        with shop:
            for one in held:
                if one.crm is not None:
                    _enter(shop, one)
    beside.replace(path)


def settled(one: Records) -> bool:
    """A grown-up private customer who bought, confirmed the newsletter and never said no; nobody shares with them."""
    person, newsletter = one.person, one.newsletter
    return (
        one.crm is not None
        and newsletter is not None
        and newsletter.status is Member.SUBSCRIBED
        and newsletter.confirmed
        and person.age is Age.ADULT
        and len(person.purchases) > 1
        and not (person.company or person.household_of or one.bought or one.says_no())
    )


def _enter(shop: sqlite3.Connection, one: Records) -> None:
    person, number = one.person, int(one.person.id[1:])
    subscribed = one.newsletter is not None and one.newsletter.status is Member.SUBSCRIBED
    last = person.purchases[-1].day.isoformat() if person.purchases else None
    shop.execute(
        "INSERT INTO customers VALUES (?, ?, ?, ?, ?)",
        (number, person.email, person.full_name, last, "yes" if subscribed else "no"),
    )
    shop.executemany(
        "INSERT INTO orders (customer, placed, item, ship_to, invoice_name) VALUES (?, ?, ?, ?, ?)",
        [
            (
                number,
                bought.day.isoformat(),
                bought.category,
                f"{person.full_name}, {person.region}",
                person.full_name,
            )
            for bought in person.purchases
        ],
    )
    if last:
        shop.execute(
            "INSERT INTO reviews (customer, written, words) VALUES (?, ?, ?)",
            (number, last, f"Just what I wanted. {person.given_name}"),
        )
