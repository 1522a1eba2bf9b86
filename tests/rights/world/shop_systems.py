"""The shop's systems as real databases and files, the workspace that is connected to them, and what they hold now.

Rule. Everything here speaks to the databases by their drivers, never by the product's connectors. A shop is built once
and put back to its first state as often as a test likes; a dump gives every row as plain values, for comparing.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import shop_tables as shop
import sqlalchemy as sa
from shop_tables import Row

NOW = 1_790_000_000
"""UTC second at which the clock of the world starts, on `shop.TODAY`."""

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE", "IL", "EG"]
stored_in = "DE"
languages = ["en"]
[brands.orchard]
name = "Orchard Street"
[brands.grove]
name = "Grove"
[purposes.news]
notice = "news"
channels = ["email", "sms"]
category = "marketing.communications.email"
[notices.news]
version = "2026-01"
who = "Orchard Street Ltd"
purposes = ["news"]
channels = ["email", "sms"]
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you news." }
[fields.residence]
purposes = ["news"]
category = "user.contact.address.country"
why = "law"
kept_for = "P3Y"
hold = "column"
means = "residence"
[fields.full_name]
purposes = ["news"]
category = "user.name"
why = "salutation"
kept_for = "P3Y"
hold = "sealed"
means = "full_name"
"""

TABLES = {
    "postgresql": """
        CREATE TABLE customers (id integer PRIMARY KEY, email text NOT NULL, full_name text, phone text, born date,
            default_address integer, track_code varchar(40));
        CREATE TABLE addresses (id integer PRIMARY KEY, customer_id integer, street text, city text);
        CREATE TABLE orders (number text PRIMARY KEY, customer_id integer, placed date, delivery jsonb, note text);
        CREATE TABLE order_lines (order_number text, line integer, article text, gift_message text,
            PRIMARY KEY (order_number, line));
        CREATE TABLE tickets (id integer PRIMARY KEY, opened timestamp, participants text[], messages jsonb)
    """,
    "mysql": """
        CREATE TABLE invoices (id INT PRIMARY KEY, order_number VARCHAR(40), payer VARCHAR(80), iban VARCHAR(40),
            total DECIMAL(12,2), paid_on DATE);
        CREATE TABLE households (id INT PRIMARY KEY, plan VARCHAR(40), members JSON);
        CREATE TABLE newsletter (id INT PRIMARY KEY, email VARCHAR(200), orchard VARCHAR(3), grove VARCHAR(3))
    """,
    "sqlite": """
        CREATE TABLE visitors (code TEXT PRIMARY KEY, first_seen TEXT, segment TEXT);
        CREATE TABLE visits (id INTEGER PRIMARY KEY, code TEXT, page TEXT, ip TEXT)
    """,
}
HOLDS = {"postgresql": "store", "mysql": "books", "sqlite": "insight"}
TICKETS_LIST = "participants"  # an array of PostgreSQL's own


def admin(address: str) -> sa.Engine:
    """The test's own connection to a database."""
    url = sa.make_url(address)
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite+pysqlite"}
    name = url.drivername.partition("+")[0]
    return sa.create_engine(
        url.set(drivername=drivers[name]), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )


class Shop:
    """The systems of one shop. `folder` is the workspace's."""

    def __init__(self, folder: Path, postgresql: str, mariadb: str) -> None:
        self.folder = folder
        self.addresses = {
            "postgresql": postgresql,
            "mysql": mariadb,
            "sqlite": f"sqlite:///{folder / 'insight.db'}",
        }
        self.engines = {kind: admin(address) for kind, address in self.addresses.items()}

    def build(self) -> None:
        """Make the tables and fill them, and write the map."""
        sqlite3.connect(self.folder / "insight.db").close()
        for kind, engine in self.engines.items():
            with engine.connect() as connection:
                for statement in TABLES[kind].split(";"):
                    connection.exec_driver_sql(statement)
        self.connect()
        self.put_back()

    def connect(self) -> None:
        """Write the files of the data map into the workspace."""
        systems = self.folder / "systems"
        systems.mkdir(exist_ok=True)
        for path in (Path(__file__).parent / "systems").iterdir():
            text = path.read_text("utf-8")
            for mark, kind in (("@POSTGRESQL@", "postgresql"), ("@MARIADB@", "mysql")):
                text = text.replace(mark, self.addresses[kind])
            (systems / path.name).write_text(text, "utf-8")

    def put_back(self) -> None:
        """Put every system back to its first state."""
        for kind, engine in self.engines.items():
            with engine.begin() as connection:
                for table, rows in self._tables(HOLDS[kind]):
                    connection.exec_driver_sql(f"DELETE FROM {table}")
                    for row in rows:
                        self._insert(connection, table, row)
        self.write_leads(shop.LEADS)

    def write_leads(self, rows: list[Row]) -> None:
        """The list from a fair, as a file."""
        folder = self.folder / "leads"
        folder.mkdir(exist_ok=True)
        with (folder / "leads.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(shop.LEADS[0]))
            writer.writeheader()
            writer.writerows(rows)

    def _tables(self, system: str) -> list[tuple[str, list[Row]]]:
        found = [(name.partition("/"), rows) for name, rows in shop.TABLES.items()]
        return [(table, rows) for (held_by, _, table), rows in found if held_by == system]

    def _insert(self, connection: sa.Connection, table: str, row: Row) -> None:
        cells = {
            name: json.dumps(value, ensure_ascii=False) if self._as_json(name, value) else value
            for name, value in row.items()
        }
        places = ", ".join(f":{name}" for name in cells)
        connection.execute(sa.text(f"INSERT INTO {table} ({', '.join(cells)}) VALUES ({places})"), cells)

    @staticmethod
    def _as_json(name: str, value: object) -> bool:
        return isinstance(value, dict) or (isinstance(value, list) and name != TICKETS_LIST)

    def dump(self) -> dict[str, dict[str, Row]]:
        """Every row of every system: system/table -> key -> row."""
        found: dict[str, dict[str, Row]] = {}
        for kind, engine in self.engines.items():
            with engine.connect() as connection:
                for table, _ in self._tables(HOLDS[kind]):
                    name = f"{HOLDS[kind]}/{table}"
                    rows = connection.execute(sa.text(f"SELECT * FROM {table}")).mappings()
                    found[name] = _by_key(name, [_plain(dict(row)) for row in rows])
        with (self.folder / "leads" / "leads.csv").open(encoding="utf-8", newline="") as stream:
            found["leads/leads"] = _by_key("leads/leads", list(csv.DictReader(stream)))
        return found

    def run(self, kind: str, *statements: str) -> None:
        """Statements of the test's own, on one of the databases."""
        with self.engines[kind].connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


def _by_key(table: str, rows: list[Row]) -> dict[str, Row]:
    return {shop.key(table, row): row for row in rows}


def _plain(row: Row) -> Row:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if name in ("members", "messages", "delivery") and isinstance(value, str):
        return json.loads(value)
    return value


def first_state() -> dict[str, dict[str, Row]]:
    """What a dump gives before anything was done."""
    return {table: _by_key(table, rows) for table, rows in shop.TABLES.items()}


def after(changed: Mapping[str, Mapping[str, Row | None]]) -> dict[str, dict[str, Row]]:
    """What a dump should give: the first state with these rows other ones, or gone."""
    whole = {table: dict(rows) for table, rows in first_state().items()}
    for table, rows in changed.items():
        for key, row in rows.items():
            if row is None:
                del whole[table][key]
            else:
                whole[table][key] = row
    return whole


def hashes_marked(
    dump: Mapping[str, Mapping[str, Row]], expected: Mapping[str, Mapping[str, Row]], mark: str
) -> dict[str, dict[str, Row]]:
    """The dump with the mark wherever one is expected and another value than the first stands."""
    first = first_state()

    def marked(table: str, key: str, row: Row) -> Row:
        wanted = expected.get(table, {}).get(key) or {}
        return {
            name: mark if wanted.get(name) == mark and value and value != first[table][key][name] else value
            for name, value in row.items()
        }

    return {
        table: {key: marked(table, key, row) for key, row in rows.items()} for table, rows in dump.items()
    }


Opener = Callable[[], Any]
