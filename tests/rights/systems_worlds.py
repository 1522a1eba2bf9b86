"""Systems with the suite's people in them: databases, folders of files. Filled by other means than the connector's."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from systems_suite import EVERYBODY, SEEN, World

from amana.connectors.systems import catalogue, sql
from amana.connectors.systems.system import Rows
from amana.core.data_map import System

NAMES = list(EVERYBODY[0])
TABLES = {
    "sqlite": """CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, name VARCHAR(40), born DATE, joined DATETIME,
        balance NUMERIC(12,2), score REAL, active BOOLEAN, profile TEXT, tags TEXT, since TEXT);
        CREATE INDEX by_email ON people (email)""",
    "postgresql": """CREATE TABLE people (id integer PRIMARY KEY, email text, name varchar(40), born date,
        joined timestamp, balance numeric(12,2), score double precision, active boolean, profile jsonb, tags text[],
        since text); CREATE INDEX by_email ON people (email)""",
    "mysql": """CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(200), name VARCHAR(40), born DATE,
        joined DATETIME, balance DECIMAL(12,2), score DOUBLE, active TINYINT(1), profile JSON, tags JSON, since TEXT,
        KEY by_email (email)) ENGINE=InnoDB""",
}
VISITS_TABLE = (
    "CREATE TABLE visits (person_id INT, page VARCHAR(50), address TEXT, PRIMARY KEY (person_id, page))"
)


def opened(kind: str, beside: Path, /, **settings: Any) -> Rows:
    """A system's rows, as the catalogue opens them."""
    return catalogue.open_rows(System(name="shop", kind=kind, settings=settings), beside, {})


def admin(address: str) -> sa.Engine:
    """Another connection to the same database, for the test's own use."""
    url = sa.make_url(address)
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
    return sa.create_engine(
        url.set(drivername=drivers.get(url.drivername, url.drivername)),
        poolclass=sa.NullPool,
        isolation_level="AUTOCOMMIT",
    )


def fill(engine: sa.Engine) -> None:
    """The people and their visits, as the database's own types."""
    kind = "mysql" if engine.dialect.name == "mariadb" else engine.dialect.name
    with engine.begin() as connection:
        for statement in (*TABLES[kind].split(";"), VISITS_TABLE):
            connection.exec_driver_sql(statement)
        for row in EVERYBODY:
            cells = dict(row)
            cells["profile"] = None if row["profile"] is None else json.dumps(row["profile"])
            if kind != "postgresql":
                cells["tags"] = None if row["tags"] is None else json.dumps(row["tags"])
            columns = ", ".join(NAMES)
            places = ", ".join(f":{name}" for name in NAMES)
            connection.execute(sa.text(f"INSERT INTO people ({columns}) VALUES ({places})"), cells)
        for visit in SEEN:
            connection.execute(sa.text("INSERT INTO visits VALUES (:person_id, :page, :address)"), visit)


def dump(engine: sa.Engine) -> Callable[[], str]:
    """All that stands in both tables."""

    def read() -> str:
        with engine.connect() as connection:
            people = connection.exec_driver_sql("SELECT * FROM people ORDER BY id").all()
            return repr([people, connection.exec_driver_sql("SELECT * FROM visits ORDER BY 1, 2").all()])

    return read


@contextmanager
def said(engine: sa.Engine, before: list[str], after: list[str]) -> Iterator[None]:
    """Statements for the time of a fault, and those that mend it."""
    with engine.connect() as connection:
        for statement in before:
            connection.exec_driver_sql(statement)
    try:
        yield
    finally:
        with engine.connect() as connection:
            for statement in after:
                connection.exec_driver_sql(statement)


@contextmanager
def held(engine: sa.Engine, *statements: str) -> Iterator[None]:
    """Another session that holds a lock."""
    connection = engine.connect()
    try:
        for statement in statements:
            connection.exec_driver_sql(statement)
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK")
        connection.close()


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """A file or folder that is away."""
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


def sqlite_world(folder: Path) -> World:
    """An SQLite file."""
    path = folder / "shop.db"
    sqlite3.connect(path).close()
    engine = admin(f"sqlite:///{path}")
    fill(engine)
    lies = [
        f"CREATE TRIGGER no_{verb} BEFORE {verb} ON people BEGIN SELECT RAISE(IGNORE); END" for verb in _VERBS
    ]
    half = [
        "CREATE TRIGGER half BEFORE UPDATE ON people WHEN NEW.id = 2 BEGIN SELECT RAISE(ABORT, 'Omar'); END"
    ]
    rows = opened("sql", folder, url="sqlite:///shop.db", timeout=1)

    @contextmanager
    def gone() -> Iterator[None]:
        rows.close()
        with moved(path):
            yield

    return World(
        rows=rows,
        dump=dump(engine),
        faults={
            "lies": lambda: said(engine, lies, [f"DROP TRIGGER no_{verb}" for verb in _VERBS]),
            "half": lambda: said(engine, half, ["DROP TRIGGER half"]),
            "busy": lambda: held(engine, "BEGIN IMMEDIATE"),
            "gone": gone,
        },
    )


_VERBS = ("UPDATE", "DELETE")


def postgresql_world(address: str, folder: Path) -> World:
    """A PostgreSQL database."""
    engine = admin(address)
    fill(engine)
    name = sa.make_url(address).database
    silent = "CREATE FUNCTION silent() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    loud = (
        "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.id = 2 THEN RAISE EXCEPTION ''no %% here'', NEW.name; END IF; RETURN NEW; END'"
    )
    lies = [
        silent,
        "CREATE TRIGGER t BEFORE UPDATE OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION silent()",
    ]
    half = [loud, "CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION loud()"]
    role = f"reader_{name}"
    return World(
        rows=opened("sql", folder, url=address, timeout=1),
        dump=dump(engine),
        faults={
            "lies": lambda: said(engine, lies, ["DROP TRIGGER t ON people", "DROP FUNCTION silent"]),
            "half": lambda: said(engine, half, ["DROP TRIGGER t ON people", "DROP FUNCTION loud"]),
            "busy": lambda: held(engine, "BEGIN", "LOCK TABLE people IN ACCESS EXCLUSIVE MODE"),
            "gone": lambda: said(
                admin(address.replace(f"/{name}?", "/postgres?")),
                [
                    f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
                ],
                [f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"],
            ),
            "denied": lambda: said(
                engine,
                [
                    f"CREATE ROLE {role}",
                    f"ALTER DATABASE {name} SET role = {role}",
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                    " AND pid <> pg_backend_pid()",
                ],
                [
                    "SET ROLE NONE",
                    f"ALTER DATABASE {name} RESET role",
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                    " AND pid <> pg_backend_pid()",
                    f"DROP ROLE {role}",
                ],
            ),
        },
    )


def mariadb_world(address: str, folder: Path) -> World:
    """A MariaDB database."""
    engine = admin(address)
    fill(engine)
    rows = sql.open_sql(sql.Settings(url=address, timeout=1), folder, {})

    def nowhere(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        parameters |= {
            "unix_socket": None,
            "host": "127.0.0.1",
            "port": 9,
        }  # the discard port: nobody listens

    lies = ["CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW SET NEW.name = OLD.name"]
    half = [
        "CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW "
        "IF NEW.id = 2 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no Omar here'; END IF"
    ]

    @contextmanager
    def gone() -> Iterator[None]:
        with engine.connect() as connection:
            mine = connection.exec_driver_sql("SELECT connection_id()").scalar()
            for (other,) in connection.exec_driver_sql("SELECT id FROM information_schema.processlist").all():
                if other != mine:
                    connection.exec_driver_sql(f"KILL {other}")
        sa.event.listen(rows._engine, "do_connect", nowhere)
        try:
            yield
        finally:
            sa.event.remove(rows._engine, "do_connect", nowhere)

    return World(
        rows=rows,
        dump=dump(engine),
        faults={
            "lies about change": lambda: said(engine, lies, ["DROP TRIGGER t"]),
            "half": lambda: said(engine, half, ["DROP TRIGGER t"]),
            "busy": lambda: held(engine, "BEGIN", "SELECT * FROM people FOR UPDATE"),
            "gone": gone,
        },
    )


def csv_world(folder: Path) -> World:
    """A folder of CSV files."""
    shop = folder / "exports"
    shop.mkdir()
    with (shop / "people.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=";", lineterminator="\r\n")
        writer.writerow(NAMES)
        for row in EVERYBODY:
            writer.writerow([_cell(row[name]) for name in NAMES])
    with (shop / "visits.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(SEEN[0])
        writer.writerows(visit.values() for visit in SEEN)

    def read() -> str:
        return "".join((shop / name).read_text("utf-8-sig") for name in ("people.csv", "visits.csv"))

    @contextmanager
    def rubbish() -> Iterator[None]:
        path = shop / "people.csv"
        whole = path.read_bytes()
        path.write_bytes(whole + b"12;zelda@shop.example;and too little\r\n")
        try:
            yield
        finally:
            path.write_bytes(whole)

    return World(
        rows=opened("files", folder, folder="exports"),
        dump=read,
        faults={"gone": lambda: moved(shop), "busy": lambda: locked(shop / "people.csv"), "rubbish": rubbish},
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another writer at work."""
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


SCHEMA = pa.schema(
    [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("email", pa.string()),
        pa.field("name", pa.string()),
        pa.field("born", pa.date32()),
        pa.field("joined", pa.timestamp("us")),
        pa.field("balance", pa.decimal128(12, 2)),
        pa.field("score", pa.float64()),
        pa.field("active", pa.bool_()),
        pa.field("profile", pa.struct([("phone", pa.string()), ("city", pa.string())])),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("since", pa.dictionary(pa.int32(), pa.string())),
    ],
    metadata={"made by": "a shop"},
)


def parquet_world(folder: Path) -> World:
    """A folder of Parquet files."""
    shop = folder / "exports"
    shop.mkdir()
    read = {"born": date.fromisoformat, "joined": datetime.fromisoformat, "balance": Decimal}
    people = [
        {
            name: read[name](value) if name in read and value is not None else value
            for name, value in row.items()
        }
        for row in EVERYBODY
    ]
    pq.write_table(
        pa.Table.from_pylist(people, SCHEMA), shop / "people.parquet", compression="zstd", row_group_size=4
    )
    pq.write_table(pa.Table.from_pylist(SEEN), shop / "visits.parquet")

    def dumped() -> str:
        return repr([pq.read_table(shop / f"{name}.parquet").to_pylist() for name in ("people", "visits")])

    @contextmanager
    def rubbish() -> Iterator[None]:
        path = shop / "people.parquet"
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        try:
            yield
        finally:
            path.write_bytes(whole)

    return World(
        rows=opened("files", folder, folder="exports"),
        dump=dumped,
        faults={
            "gone": lambda: moved(shop),
            "busy": lambda: locked(shop / "people.parquet"),
            "rubbish": rubbish,
        },
    )
