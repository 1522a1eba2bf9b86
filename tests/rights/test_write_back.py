"""Copies of permissions in connected systems say what the record says now."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import retention_world as world
import sqlalchemy as sa
from retention_world import DAY, NOW, Clock, copies, customers, given, people, rounds, said, taken
from systems_http import Host, Pages
from systems_worlds import admin

from amana import errors
from amana.core.vocabulary import Status
from amana.services.collection import imports, preferences
from amana.services.collection.capture import Context
from amana.services.keeping import forget
from amana.services.record import tasks
from amana.services.record.house import House
from amana.services.upkeep import write_back
from amana.storage import log, restores, sources
from amana.worker import loop

DANA, OMAR = "dana@shop.example", "omar@shop.example"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    with world.workspace(tmp_path / "workspace", clock) as opened:
        yield opened


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    sqlite3.connect(tmp_path / "shop.db").close()
    return admin(f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def connected(house: House, engine: sa.Engine, tmp_path: Path) -> House:
    """A shop that holds copies; what was said before it was connected is told."""
    world.shop(house, engine, f"sqlite:///{tmp_path / 'shop.db'}")
    rounds(house)
    return house


def import_number(house: House) -> int:
    with house.database.read() as connection:
        return next(one.id for one in sources.all_sources(connection) if one.kind != "capture")


def leave(house: House, person: int) -> None:
    preferences.change(house, person, "orchard", preferences.Change(leave=True), Context(page="centre"))


class TestACopyFollows:
    @pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
    def test_a_withdrawal_and_a_new_grant_in_every_database(
        self, kind: str, house: House, clock: Clock, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        if kind == "sqlite":
            sqlite3.connect(tmp_path / "shop.db").close()
            url = f"sqlite:///{tmp_path / 'shop.db'}"
        else:
            url = request.getfixturevalue(kind)()
        engine = admin(url)
        world.shop(house, engine, url)
        rounds(house)
        taken(house, "shop", (DANA, given("offers", "news")), (OMAR, given("offers", "news")))
        customers(engine, (1, "2026-05-01", "Dana@shop.example", "Dana", "yes", True))
        customers(engine, (2, "2026-05-01", OMAR, "Omar", "yes", True))
        rounds(house)
        assert copies(engine) == {1: ("yes", True), 2: ("yes", True)}
        dana = people(house)[0]
        leave(house, dana)
        rounds(house)
        assert copies(engine) == {1: ("no", False), 2: ("yes", True)}
        clock.now += 60
        said(house, dana, Status.GIVEN, "news")
        rounds(house)
        assert copies(engine) == {1: ("no", True), 2: ("yes", True)}

    def test_a_grant_that_is_not_confirmed_is_no_yes(
        self, connected: House, engine: sa.Engine, clock: Clock
    ) -> None:
        taken(connected, "shop", (DANA, ()))
        customers(engine, (1, "2026-05-01", DANA, "Dana", None, None))
        [dana] = people(connected)
        said(connected, dana, Status.REQUESTED, "news", confirmed=False)
        rounds(connected)
        assert copies(engine) == {1: ("no", False)}
        clock.now += 60
        said(connected, dana, Status.GIVEN, "news")
        rounds(connected)
        assert copies(engine) == {1: ("no", True)}

    def test_what_only_another_hour_allows_stays_a_yes(
        self, connected: House, engine: sa.Engine, clock: Clock
    ) -> None:
        taken(connected, "shop", (DANA, given("offers", "news")))
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", True))
        [dana] = people(connected)
        change = preferences.Change(paused_until=NOW + 3 * DAY, hours=1 << 9)
        preferences.change(connected, dana, "orchard", change, Context(page="centre"))
        rounds(connected)
        assert copies(engine) == {1: ("yes", True)}

    def test_the_strictest_of_those_who_share_an_address_counts(
        self, connected: House, engine: sa.Engine
    ) -> None:
        taken(connected, "shop", (DANA, given("offers", "news")), name="Dana Levi")
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", True))
        rounds(connected)
        assert copies(engine) == {1: ("yes", True)}
        taken(connected, "fair", (DANA, given("news")), name="Omar Haddad")
        dana, _ = people(connected)
        rounds(connected)
        assert copies(engine) == {1: ("no", True)}
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE customers SET offers = 'yes'")
        pace = preferences.Change(hours=1 << 9)  # an event of the one who agreed, and of nobody else
        preferences.change(connected, dana, "orchard", pace, Context(page="centre"))
        rounds(connected)
        assert copies(engine) == {1: ("no", True)}

    def test_an_import_that_is_undone_takes_its_yes_back(self, connected: House, engine: sa.Engine) -> None:
        taken(connected, "shop", (DANA, given("offers", "news")))
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", True))
        rounds(connected)
        assert copies(engine) == {1: ("yes", True)}
        imports.undo(connected, import_number(connected))
        rounds(connected)
        assert copies(engine) == {1: ("no", False)}

    def test_somebody_without_a_row_there_needs_nothing(self, connected: House, engine: sa.Engine) -> None:
        taken(connected, "shop", (DANA, given("offers")))
        leave(connected, people(connected)[0])
        rounds(connected)
        assert tasks.standing(connected) == []

    def test_whoever_was_erased_is_not_looked_for(self, connected: House, engine: sa.Engine) -> None:
        taken(connected, "shop", (DANA, given("offers")), (OMAR, given("offers")))
        customers(
            engine,
            (1, "2026-05-01", DANA, "Dana", "yes", False),
            (2, "2026-05-01", OMAR, "Omar", "yes", True),
        )
        dana, omar = people(connected)
        leave(connected, omar)
        forget.forget(connected, [dana])
        rounds(connected)
        assert copies(engine) == {1: ("yes", False), 2: ("no", False)}
        assert tasks.standing(connected) == []


class TestANoOverThere:
    """Somebody may have left where no import has brought it from."""

    def left_there(self, house: House, engine: sa.Engine) -> int:
        taken(house, "shop", (DANA, given("offers", "news")))
        customers(engine, (1, "2026-05-01", DANA, "Dana", "no", False))
        rounds(house)
        return people(house)[0]

    def test_is_not_turned_by_an_import(self, connected: House, engine: sa.Engine) -> None:
        self.left_there(connected, engine)
        assert copies(engine) == {1: ("no", False)}

    def test_is_not_turned_by_an_event_about_something_else(
        self, connected: House, engine: sa.Engine
    ) -> None:
        dana = self.left_there(connected, engine)
        preferences.change(
            connected, dana, "orchard", preferences.Change(hours=1 << 9), Context(page="centre")
        )
        rounds(connected)
        assert copies(engine) == {1: ("no", False)}

    def test_is_not_turned_by_an_import_beside_an_event_about_something_else(
        self, connected: House, engine: sa.Engine
    ) -> None:
        taken(connected, "shop", (DANA, ()))
        customers(engine, (1, "2026-05-01", DANA, "Dana", "no", False))
        [dana] = people(connected)
        rounds(connected)
        taken(connected, "fair", (DANA, given("offers", "news")))
        preferences.change(
            connected, dana, "orchard", preferences.Change(per_month=20), Context(page="centre")
        )
        rounds(connected)  # both in one stretch of the log
        assert people(connected) == [dana]
        assert copies(engine) == {1: ("no", False)}

    def test_is_turned_where_the_record_itself_turned(
        self, connected: House, engine: sa.Engine, clock: Clock
    ) -> None:
        dana = self.left_there(connected, engine)
        leave(connected, dana)
        rounds(connected)
        clock.now += 60
        said(connected, dana, Status.GIVEN, "offers")
        rounds(connected)
        assert copies(engine) == {1: ("yes", False)}

    def test_is_counted_by_a_round_and_turned_only_when_somebody_says_so(
        self, connected: House, engine: sa.Engine
    ) -> None:
        self.left_there(connected, engine)
        done = write_back.carry_everybody(connected, "shop")
        assert (done.people, done.changed, done.left) == (1, 0, 2)
        assert copies(engine) == {1: ("no", False)}
        done = write_back.carry_everybody(connected, "shop", turn=True)
        assert (done.changed, done.left) == (1, 0)
        assert copies(engine) == {1: ("yes", True)}


class TestTrouble:
    def test_a_system_that_is_down_is_written_when_it_is_back(
        self, connected: House, engine: sa.Engine, clock: Clock, tmp_path: Path
    ) -> None:
        taken(connected, "shop", (DANA, given("offers")))
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", False))
        shutil.move(tmp_path / "shop.db", tmp_path / "away")
        leave(connected, people(connected)[0])
        rounds(connected)
        [standing] = tasks.standing(connected)
        assert (standing.kind, standing.state) == ("copies", "ready")
        assert standing.trouble
        shutil.move(tmp_path / "away", tmp_path / "shop.db")
        clock.now += 3600
        rounds(connected)
        assert copies(engine) == {1: ("no", False)}
        assert tasks.standing(connected) == []

    def test_one_system_that_is_down_holds_up_no_other(
        self, connected: House, engine: sa.Engine, tmp_path: Path
    ) -> None:
        other = world.SHOP.replace("fides_key: shop", "fides_key: club")
        system = world.SHOP_SYSTEM.replace("shop.yml", "club.yml").format(url=f"sqlite:///{tmp_path}/no.db")
        world.connect(connected, "club", system, other)
        taken(connected, "shop", (DANA, given("offers")))
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", False))
        leave(connected, people(connected)[0])
        rounds(connected)
        assert copies(engine) == {1: ("no", False)}
        assert [one.state for one in tasks.standing(connected)] == ["ready"]

    def test_a_copy_that_somebody_puts_back_ends_with_a_person_and_holds_up_nobody(
        self, connected: House, engine: sa.Engine, clock: Clock
    ) -> None:
        taken(connected, "shop", (DANA, given("offers")), (OMAR, given("offers")))
        customers(
            engine,
            (1, "2026-05-01", DANA, "Dana", "yes", False),
            (2, "2026-05-01", OMAR, "Omar", "yes", False),
        )
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER liar AFTER UPDATE ON customers WHEN NEW.id = 1 AND NEW.offers = 'no' "
                "BEGIN UPDATE customers SET offers = 'yes' WHERE id = 1; END"
            )
        for one in people(connected):
            leave(connected, one)
        for _ in range(20):
            rounds(connected)
            clock.now += DAY // 4
        assert copies(engine) == {1: ("yes", False), 2: ("no", False)}
        [standing] = tasks.standing(connected)
        assert (standing.state, standing.count) == ("failed", 1)

    def test_a_system_that_refuses_everything_is_one_task_not_hundreds(
        self, connected: House, engine: sa.Engine
    ) -> None:
        number = 60
        taken(connected, "shop", *[(f"p{n}@shop.example", given("offers")) for n in range(number)])
        customers(engine, *[(n, "2026-05-01", f"p{n}@shop.example", "N", None, None) for n in range(number)])
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER deaf BEFORE UPDATE ON customers BEGIN SELECT RAISE(IGNORE); END"
            )
        rounds(connected)
        assert sum(one.count for one in tasks.standing(connected)) == 1

    def test_nothing_is_carried_from_a_restored_record_that_waits_for_its_refusals(
        self, connected: House, engine: sa.Engine, clock: Clock
    ) -> None:
        taken(connected, "shop", (DANA, given("offers", "news")))
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", True))
        held = restores.Restored(at=NOW, origin="o", key="k", size=1, note="n", made=NOW)
        connected.writing().write(lambda session: restores.put_restored(session.connection, held))
        leave(connected, people(connected)[0])
        rounds(connected)
        assert copies(engine) == {1: ("yes", True)}
        with pytest.raises(errors.Conflict):
            write_back.carry_everybody(connected, "shop")
        lifted = restores.Restored(at=NOW, origin="o", key="k", size=1, note="n", made=NOW, lifted=NOW)
        connected.writing().write(lambda session: restores.put_restored(session.connection, lifted))
        clock.now += write_back.LATER
        rounds(connected)
        assert copies(engine) == {1: ("no", False)}

    def test_a_map_that_cannot_be_read_stops_nothing_else(self, connected: House) -> None:
        done: list[int] = []
        (connected.folder / "systems" / "shop.yml").write_text("dataset: [", "utf-8")
        taken(connected, "shop", (DANA, ()))
        connected.writing().write(lambda session: tasks.add(connected, session, "mail", "mail/1", 1, {}))
        loop.one_round(connected, {"mail": lambda house, row, payload: done.append(row.id)})
        assert done


class TestVendors:
    def test_a_declared_vendor_is_told(self, house: House, clock: Clock) -> None:
        host = Host(Members)
        name = hashlib.md5(DANA.encode(), usedforsecurity=False).hexdigest()
        member = {"id": name, "email_address": DANA, "status": "subscribed"}
        host.state = {name: member}
        house.environment = {"KEY": "k-us1"}
        with host.running():
            world.connect(house, "letters", LETTERS.format(base=host.base), MEMBERS)
            rounds(house)
            taken(house, "shop", (DANA, given("news")))
            rounds(house)
            assert member["status"] == "subscribed"
            leave(house, people(house)[0])
            with host.in_trouble("limited"):
                rounds(house)
            assert member["status"] == "subscribed"
            assert [one.state for one in tasks.standing(house)] == ["ready"]
            clock.now += 2 * 3600
            rounds(house)
            assert member["status"] == "unsubscribed"
            clock.now += 60
            said(house, people(house)[0], Status.GIVEN, "news")
            with host.in_trouble("lies"):
                rounds(house)
            assert [one.trouble for one in tasks.standing(house)] == ["not_done"]

    @pytest.mark.parametrize(("number", "told"), [(2, "copy_not_kept"), (30, "copies_not_kept")])
    def test_a_vendor_that_takes_its_word_back_later_is_not_believed(
        self, number: int, told: str, house: House
    ) -> None:
        host = Host(Forgetful)
        for n in range(number):
            name = hashlib.md5(b"p%d@shop.example" % n, usedforsecurity=False).hexdigest()
            host.state[name] = {"id": name, "email_address": f"p{n}@shop.example", "status": "subscribed"}
        house.environment = {"KEY": "k-us1"}
        with host.running():
            world.connect(house, "letters", LETTERS.format(base=host.base), MEMBERS)
            rounds(house)
            taken(house, "shop", *[(f"p{n}@shop.example", ()) for n in range(number)])
            rounds(house)
            for _ in range(3):
                loop.one_round(house, {})
        standing = tasks.standing(house)
        assert {one.trouble for one in standing} == {told}
        assert sum(one.count for one in standing) == (number if told == "copy_not_kept" else 1)


LETTERS = """
[system]
kind = "http"
country = "US"
datasets = ["letters.yml"]
[settings]
vendor = "mailchimp"
base = "{base}"
values = {{ list_id = "a1b2" }}
auth = {{ secret_env = "KEY" }}
"""
MEMBERS = """
dataset:
  - fides_key: letters
    collections:
      - name: members
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: string}}
          - name: email_address
            data_categories: [user.contact.email]
            fides_meta: {identity: email, data_type: string}
          - name: status
            fides_meta: {data_type: string}
            amana: {permission: {brand: orchard, purpose: news, channel: email, yes: subscribed, no: unsubscribed}}
"""


class Members(Pages):
    """As much of Mailchimp's documented interface as is used."""

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        if parts[:3] != ["lists", "a1b2", "members"] or parts[3] not in self.server.state:
            self.say(404, {"title": "Resource Not Found"})
            return
        if self.command == "PATCH":
            self.server.state[parts[3]] |= body
        self.say(200, self.server.state[parts[3]])


class Forgetful(Members):
    """Shows what was written once, and then what was there before."""

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        old = dict(self.server.state[parts[3]]) if self.command == "PATCH" else None
        super().answer(parts, query, body)
        if old is not None:
            self.server.state["before/" + parts[3]] = old
        elif self.command == "GET" and "before/" + parts[3] in self.server.state:
            self.server.state[parts[3]] = self.server.state.pop("before/" + parts[3])


class TestRounds:
    def test_a_system_connected_later_is_brought_up_to_date_by_command(
        self, house: House, engine: sa.Engine, tmp_path: Path
    ) -> None:
        taken(house, "shop", (DANA, given("offers", "news")), (OMAR, given("offers", "news")))
        leave(house, people(house)[1])
        world.shop(house, engine, f"sqlite:///{tmp_path / 'shop.db'}")
        customers(
            engine, (1, "2026-05-01", DANA, "Dana", "yes", True), (2, "2026-05-01", OMAR, "Omar", "yes", True)
        )
        rounds(house)
        assert copies(engine) == {1: ("yes", True), 2: ("yes", True)}
        write_back.carry_everybody(house, "shop")
        assert copies(engine) == {1: ("yes", True), 2: ("no", False)}

    def test_a_round_goes_on_where_it_was_stopped(
        self, connected: House, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(write_back, "SET", 2)
        taken(connected, "shop", *[(f"p{n}@shop.example", ()) for n in range(5)])
        seen: list[int] = []

        class Stopped(Exception):
            pass

        def heard(done: write_back.Carried) -> None:
            seen.append(done.people)
            if done.people >= 2:
                raise Stopped

        with pytest.raises(Stopped):
            write_back.carry_everybody(connected, "shop", heard)
        assert (
            write_back.carry_everybody(connected, "shop", lambda done: seen.append(done.people)).people == 3
        )
        assert seen == [2, 2, 3]

    def test_what_no_event_tells_of_is_mended_within_a_week(
        self, connected: House, engine: sa.Engine, clock: Clock
    ) -> None:
        taken(connected, "shop", (DANA, ()))
        rounds(connected)
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", True))
        rounds(connected)
        assert copies(engine) == {1: ("yes", True)}
        clock.now += write_back.EVERY
        rounds(connected)
        assert copies(engine) == {1: ("no", False)}
        assert write_back.sweep(connected) == 0

    def test_an_unknown_system_is_told(self, connected: House) -> None:
        with pytest.raises(errors.NotFound, match="shop"):
            write_back.carry_everybody(connected, "shopp")


class TestCost:
    def test_many_events_are_few_tasks(self, connected: House, engine: sa.Engine) -> None:
        number = 1_200
        taken(connected, "shop", *[(f"p{n}@shop.example", given("offers")) for n in range(number)])
        assert write_back.sweep(connected) > number
        with connected.database.read() as connection:
            latest = log.latest(connection)
        assert latest is not None
        waiting = tasks.waiting(connected)["ready"]
        assert waiting <= latest.size // write_back.STRETCH + 2

    def test_without_a_connected_system_a_sweep_asks_the_database_nothing(self, house: House) -> None:
        taken(house, "shop", (DANA, given("offers")))
        statements: list[str] = []
        sa.event.listen(house.database.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
        assert write_back.sweep(house) == 0
        assert write_back.kinds(house) == []
        assert statements == []
