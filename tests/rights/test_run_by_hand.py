"""A table without a key: a mistake that the check names, a person's work at a request, and no obstacle to others."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import retention_world as world
import sqlalchemy as sa
from retention_world import Clock, connect, given, people, taken
from systems_worlds import admin

from amana.cli import session
from amana.cli.main import main
from amana.core.rights import Identity, Kind, Via
from amana.services.record.house import House
from amana.services.rights import copies, requests, rights_preview, rights_run
from amana.services.rights.requests import Said
from amana.services.systems import data_map
from amana.services.upkeep import retention
from amana.storage import requests as rows
from amana.storage.requests import RequestRow

DANA, OMAR = "dana@shop.example", "omar@shop.example"
SYSTEM = """
[system]
kind = "sql"
country = "DE"
purposes = ["offers"]
datasets = ["{name}.yml"]
[settings]
url = "{url}"
"""
CALLS = """
dataset:
  - fides_key: calls
    collections:
      - name: calls
        fields:
          - {name: caller, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string}}
          - {name: said, data_categories: [user.behavior], fides_meta: {data_type: string}}
"""
CALLS_TABLE = "CREATE TABLE calls (caller text, said text)"


class Office:
    """A workspace with a shop, and a list of calls that has no key."""

    def __init__(self, house: House, shop: sa.Engine, calls: sa.Engine) -> None:
        self.house, self.shop, self.calls = house, shop, calls

    def called(self, *made: tuple[str, str]) -> None:
        with self.calls.begin() as connection:
            for one in made:
                connection.execute(sa.text("INSERT INTO calls VALUES (:c, :s)"), {"c": one[0], "s": one[1]})

    def does(self, statement: str) -> None:
        """What a colleague does by hand."""
        with self.calls.begin() as connection:
            connection.exec_driver_sql(statement)

    def opened(self, kind: Kind = Kind.ERASURE, **more: dict[str, str]) -> RequestRow:
        said = Said(kind=kind, via=Via.STAFF, address=DANA, proved=Identity.CHECKED, **more)
        row = requests.open_(self.house, said, actor="Noa")
        if kind is Kind.ERASURE:
            requests.to_decide(self.house, row, "not_told:no_mail", actor="amana")
            row = requests.decide(self.house, row.ref, go=True, reason="told by letter", actor="Noa")
        return row

    def ran(self, row: RequestRow) -> RequestRow:
        with rights_run.open_systems(self.house) as systems:
            return rights_run.run_now(self.house, requests.get(self.house, row.ref), systems)

    def again(self, row: RequestRow) -> RequestRow:
        rights_run.again(self.house, requests.get(self.house, row.ref), actor="Noa")
        return self.ran(row)

    def grounds(self, row: RequestRow) -> list[str]:
        happened = requests.happened(self.house, row)
        return [one.detail["ground"] for one in happened if one.what == "to_decide"]

    def names(self) -> list[str | None]:
        with self.shop.connect() as connection:
            found = connection.exec_driver_sql("SELECT name FROM customers ORDER BY id")
            return [one[0] for one in found]


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    if request.param == "sqlite":
        urls = [f"sqlite:///{tmp_path / name}.db" for name in ("shop", "calls")]
        for name in ("shop", "calls"):
            sqlite3.connect(tmp_path / f"{name}.db").close()
    else:
        fresh = request.getfixturevalue("postgresql")
        urls = [fresh(), fresh()]
    engines = [admin(url) for url in urls]
    with world.workspace(tmp_path / "workspace", Clock()) as house:
        world.shop(house, engines[0], urls[0])
        with engines[1].begin() as connection:
            connection.exec_driver_sql(CALLS_TABLE)
        connect(house, "calls", SYSTEM.format(name="calls", url=urls[1]), CALLS)
        taken(house, "shop", (DANA, given("offers")), (OMAR, given("offers")))
        customers = (
            (1, "2026-01-01", DANA, "Dana", "yes", True),
            (2, "2026-01-01", OMAR, "Omar", "yes", True),
        )
        world.customers(engines[0], *customers)
        yield Office(house, *engines)
    for engine in engines:
        engine.dispose()


def test_the_check_calls_it_a_mistake_with_its_place(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = data_map.checked(office.house.folder, office.house.workspace)
    [problem] = found.problems
    assert (problem.file, problem.path) == ("calls.yml", "calls → calls")
    assert not any("no_key" in note.words for note in found.notes)
    monkeypatch.setenv("AMANA_WORKSPACE", str(office.house.folder))
    with pytest.raises(SystemExit) as ended:
        main(["data-map", "check", "--json"])
    assert ended.value.code == session.BAD
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1
    assert data_map.load(office.house.folder).systems  # it is walked all the same


def test_an_erasure_does_everything_else_and_waits_for_a_person_there(office: Office) -> None:
    office.called((DANA, "Where are my pears?"), (DANA, "Still no pears."), (OMAR, "Figs, please."))
    row = office.opened()
    with rights_run.open_systems(office.house) as systems:
        shown = {one.node: one for one in rights_preview.preview(office.house, row, systems).collections}
    assert (shown["calls:calls"].found, shown["calls:calls"].trouble) == (2, "no_key")
    row = office.ran(row)
    assert row.status == "deciding"
    assert office.grounds(row)[-1] == "calls:no_key"
    assert office.names() == [None, "Omar"]  # the shop did not wait
    assert office.house.keys.known_keys([row.person])  # and nobody is forgotten before it is done
    row = office.again(row)
    assert row.status == "deciding"  # nobody did it
    office.does(f"DELETE FROM calls WHERE caller = '{DANA}' AND said = 'Still no pears.'")
    assert office.again(row).status == "deciding"
    office.does(f"UPDATE calls SET caller = NULL, said = NULL WHERE caller = '{DANA}'")
    row = office.again(row)
    assert (row.status, row.outcome) == ("answered", "done")
    assert not office.house.keys.known_keys([row.person])


def test_whoever_has_no_row_there_waits_for_nobody(office: Office) -> None:
    office.called((OMAR, "Figs, please."))
    row = office.ran(office.opened())
    assert (row.status, row.outcome) == ("answered", "done")


def test_a_copy_holds_what_stands_there(office: Office) -> None:
    office.called((DANA, "Where are my pears?"), (OMAR, "Figs, please."))
    row = office.ran(office.opened(Kind.ACCESS))
    assert row.status == "answered"
    parts = copies.package(office.house, row, actor="Noa").parts
    [calls] = [one for one in parts if one.collection.endswith("calls")]
    assert len(calls.rows) == 1


def test_a_correction_waits_for_a_person_there_and_is_seen_once_it_is_made(office: Office) -> None:
    office.called((DANA, "Where are my pears?"))
    row = office.ran(office.opened(Kind.RECTIFICATION, corrections={"user.behavior": "Where are my figs?"}))
    assert (row.status, office.grounds(row)[-1]) == ("deciding", "calls:no_key")
    office.does("UPDATE calls SET said = 'Where are my figs?'")
    assert office.again(row).status == "answered"


def test_retention_leaves_it_counts_it_and_does_the_rest(office: Office) -> None:
    office.called((DANA, "Where are my pears?"))
    for person in people(office.house):
        world.said(office.house, person, world.Status.WITHDRAWN, "offers")
    review = retention.work(office.house, retention.begin(office.house, actor="Noa"))
    retention.approve(office.house, review.number, actor="Noa", beyond="it is a test")
    review = retention.work(office.house, review.number)
    assert review.state == "done"
    [place] = [one for one in review.places if one.place == "calls:calls"]
    assert place.done.kept == {"no_key": 2}
    assert office.names() == [None, None]


def test_the_step_says_what_was_found_there(office: Office) -> None:
    office.called((DANA, "Where are my pears?"))
    row = office.ran(office.opened())
    with office.house.database.read() as connection:
        steps = rows.steps(connection, row.run or 0)
    held = [(one.system, one.action, one.trouble) for one in steps if one.state == "held"]
    assert held == [("calls", "erase", "no_key")]
