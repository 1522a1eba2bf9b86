"""What a newsletter tool does to find whom a campaign goes to: the keyset loop, imitated on SQLite and on PostgreSQL.

Rule. It does what every such tool must do for its two rules, and nothing more: subscribers and subscriptions are two
tables, because a subscriber may be on several lists; a page of a thousand is one statement by the last id seen, which
joins the list's subscription and asks for both statuses (the subscriber is not blocked, the subscription is confirmed);
each row becomes an object with what a message needs: id, address, name, and the attributes, read from JSON. It gives no
reasons, knows no law, counts no contacts and keeps no progress; its database is on the same machine, warm, and nobody
else uses it. Tools in the field do more for each row. People refused by either rule cost it less than others: they are
left out by the statement. The last id stands on both sides of the join, so that a server's planner walks both keys from
there and not from the beginning.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from figures import Figure, in_turn

SECTION = "screening"
PAGE = 1_000
LIST = 1
ROUNDS = 2
_TABLES = (
    "CREATE TABLE subscriber"
    " (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, attributes TEXT NOT NULL, status TEXT NOT NULL)",
    "CREATE TABLE subscription"
    " (subscriber INTEGER NOT NULL, list INTEGER NOT NULL, status TEXT NOT NULL, PRIMARY KEY (subscriber, list))",
)
_PAGE = (
    "SELECT s.id, s.email, s.name, s.attributes FROM subscriber s"
    " JOIN subscription l ON l.subscriber = s.id AND l.list = {m}"
    " WHERE s.id > {m} AND l.subscriber > {m} AND s.status = 'enabled' AND l.status = 'confirmed' ORDER BY s.id LIMIT {m}"
)

Array = np.ndarray[Any, Any]


@dataclass(slots=True)
class Subscriber:
    """One row, as the template of a message gets it."""

    id: int
    email: str
    name: str
    attributes: dict[str, Any]


def on_sqlite(facts: Mapping[str, Array], rows: int, folder: Path) -> Figure:
    """The loop over so many subscribers in a file."""
    database = sqlite3.connect(folder / "subscribers.db")
    for table in _TABLES:
        database.execute(table)
    database.executemany("INSERT INTO subscriber VALUES (?, ?, ?, ?, ?)", _subscribers(facts, rows))
    database.executemany("INSERT INTO subscription VALUES (?, ?, ?)", _subscriptions(facts, rows))
    database.commit()
    database.execute("ANALYZE")
    text = _PAGE.format(m="?")
    found = _figure(
        "SQLite", facts, rows, lambda last: database.execute(text, (LIST, last, last, PAGE)).fetchall()
    )
    database.close()
    return found


def on_postgresql(facts: Mapping[str, Array], rows: int, conninfo: str) -> Figure:
    """The same in a server's database, through one connection; the statement is prepared by the driver."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for table in _TABLES:
            connection.execute(table.encode())
        for name, values in (
            (b"subscriber", _subscribers(facts, rows)),
            (b"subscription", _subscriptions(facts, rows)),
        ):
            with connection.cursor().copy(b"COPY %s FROM STDIN" % name) as copy:
                for row in values:
                    copy.write_row(row)
            connection.execute(b"VACUUM ANALYZE " + name)
        text = _PAGE.format(m="%s").encode()
        cursor = connection.cursor()
        found = _figure(
            "PostgreSQL", facts, rows, lambda last: cursor.execute(text, (LIST, last, last, PAGE)).fetchall()
        )
        for name in ("subscriber", "subscription"):
            connection.execute(f"DROP TABLE {name}".encode())
    return found


def _subscribers(facts: Mapping[str, Array], rows: int) -> Iterator[tuple[int, str, str, str, str]]:
    for number, blocked in enumerate(facts["point_blocked"][:rows].tolist(), start=1):
        status = "blocked" if blocked else "enabled"
        yield number, f"person{number}@example.com", f"Person {number}", '{"city": "Example"}', status


def _subscriptions(facts: Mapping[str, Array], rows: int) -> Iterator[tuple[int, int, str]]:
    for number, granted in enumerate(facts["granted"][:rows].tolist(), start=1):
        yield number, LIST, "confirmed" if granted else "unconfirmed"


def _figure(
    store: str, facts: Mapping[str, Array], rows: int, page: Callable[[int], list[tuple[int, str, str, str]]]
) -> Figure:
    wanted = int((facts["granted"][:rows] & ~facts["point_blocked"][:rows]).sum())

    def walk() -> None:
        last, found = 0, 0
        while read := page(last):
            last = read[-1][0]
            people = [Subscriber(one, email, name, json.loads(more)) for one, email, name, more in read]
            found += len(people)
        if found != wanted:
            raise SystemExit(f"the keyset loop finds {found:,} people, the columns have {wanted:,}")

    took = in_turn({store: walk}, ROUNDS)[store]
    note = f"an imitation: two rules, {wanted:,} chosen; no reasons, no law"
    return Figure(SECTION, f"keyset loop of a newsletter tool, {store}", *took, rows, note=note)
