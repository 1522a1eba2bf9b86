"""Data goes when the last ground to hold it ended: looked through, approved, gone, and looked at again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import retention_world as world
import sqlalchemy as sa
from retention_world import DAY, DEFINITION, NOW, Clock, customers, given, people, said, taken
from systems_worlds import admin

from amana import errors
from amana.cli import session
from amana.cli.main import main
from amana.core import state as states
from amana.core.vocabulary import Status
from amana.core.workspace import read
from amana.services.collection import preferences
from amana.services.collection.capture import Context
from amana.services.keeping import audit
from amana.services.record import reveal
from amana.services.record.house import House
from amana.services.rights import requests
from amana.services.upkeep import retention
from amana.services.upkeep.retention import Review
from amana.storage import people as persons

DANA, OMAR, RUTH = "dana@shop.example", "omar@shop.example", "ruth@shop.example"
YEAR = 366 * DAY
OLD = NOW - 200 * DAY


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
    """A shop that keeps customers for two years after they were last seen."""
    world.shop(house, engine, f"sqlite:///{tmp_path / 'shop.db'}")
    return house


def leave(house: House, person: int) -> None:
    preferences.change(house, person, "orchard", preferences.Change(leave=True), Context(page="centre"))


def reviewed(house: House) -> Review:
    return retention.work(house, retention.begin(house, actor="Noa"))


def gone(house: House, *, beyond: str = "it is a test") -> Review:
    review = reviewed(house)
    retention.approve(house, review.number, actor="Noa", beyond=beyond)
    return retention.work(house, review.number)


def due(review: Review) -> dict[str, int]:
    return {one.place: one.counted.due for one in review.places if one.counted.due}


def held(house: House, person: int) -> dict[str, str]:
    """The fields of somebody that are not empty."""
    seen = reveal.reveal(house, person, ["name", "town"], actor="test", purpose="a test").fields
    with house.database.read() as connection:
        state = persons.get(connection, [person])[person].state
    found = seen | {"residence": states.attribute(state, "residence")}
    return {name: value for name, value in found.items() if value}


def names(engine: sa.Engine) -> dict[int, tuple[str | None, str | None]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id, email, name FROM customers ORDER BY id").all()
    return {row[0]: (row[1], row[2]) for row in found}


class TestFieldsHere:
    def test_only_fields_that_no_living_purpose_covers_go(self, house: House) -> None:
        taken(house, "shop", (DANA, given("offers", "news")), name="Dana Levi", town="Ulm")
        [dana] = people(house)
        said(house, dana, Status.WITHDRAWN, "offers")
        review = reviewed(house)
        assert due(review) == {"amana:town": 1}
        assert held(house, dana) == {"name": "Dana Levi", "town": "Ulm", "residence": "DE"}
        review = gone(house)
        assert review.state == "done"
        assert held(house, dana) == {"name": "Dana Levi", "residence": "DE"}
        assert due(reviewed(house)) == {}
        audit.full(house)

    def test_all_fields_go_when_every_purpose_ended(self, house: House) -> None:
        taken(
            house,
            "shop",
            (DANA, given("offers", "news")),
            (OMAR, given("news")),
            name="Dana Levi",
            town="Ulm",
        )
        dana, omar = people(house)
        leave(house, dana)
        gone(house)
        assert held(house, dana) == {}
        assert held(house, omar) == {"name": "Dana Levi", "town": "Ulm", "residence": "DE"}

    def test_what_nobody_ever_said_anything_about_stays_until_its_time_is_over(
        self, house: House, clock: Clock
    ) -> None:
        taken(house, "shop", (DANA, ()), name="Dana Levi", town="Ulm")
        assert due(reviewed(house)) == {}
        clock.now += 2 * YEAR
        assert due(reviewed(house)) == {}  # town: nobody ever said a word that its year could run from
        clock.now += 2 * YEAR
        assert due(reviewed(house)) == {"amana:residence": 1, "amana:people": 1}

    def test_time_runs_from_the_last_word_for_a_field(self, house: House, clock: Clock) -> None:
        taken(house, "shop", (DANA, given("offers", "news", when=OLD)), name="Dana Levi", town="Ulm")
        [dana] = people(house)
        clock.now = OLD + 364 * DAY
        assert due(reviewed(house)) == {}
        said(house, dana, Status.GIVEN, "news")
        clock.now = OLD + 367 * DAY
        assert due(reviewed(house)) == {"amana:town": 1}
        said(house, dana, Status.GIVEN, "offers")
        assert due(reviewed(house)) == {}

    def test_whose_processing_is_restricted_keeps_everything(self, house: House, clock: Clock) -> None:
        taken(house, "shop", (DANA, given("offers")), name="Dana Levi", town="Ulm")
        [dana] = people(house)
        leave(house, dana)
        ask = requests.Said(
            kind=requests.Kind.RESTRICTION,
            via=requests.Via.STAFF,
            person=dana,
            proved=requests.Identity.CHECKED,
        )
        requests.open_(house, ask, actor="Noa")
        clock.now += 5 * YEAR
        review = reviewed(house)
        assert due(review) == {}
        assert {"restricted"} == {ground for one in review.places for ground in one.counted.kept}


class TestPeopleHere:
    def test_whoever_left_is_forgotten_once_the_proof_is_not_needed_any_more(
        self, house: House, clock: Clock
    ) -> None:
        taken(house, "shop", (DANA, given("offers", "news")), (OMAR, given("offers", "news")), name="D L")
        dana, omar = people(house)
        leave(house, dana)
        clock.now += 2 * YEAR
        assert "amana:people" not in due(gone(house))
        said(house, omar, Status.GIVEN, "news")
        clock.now += 2 * YEAR
        review = gone(house)
        assert due(review)["amana:people"] == 1
        assert people(house) == [omar]
        audit.full(house)

    def test_an_open_request_is_answered_first(self, house: House, clock: Clock) -> None:
        taken(house, "shop", (DANA, ()))
        [dana] = people(house)
        clock.now += 4 * YEAR
        ask = requests.Said(kind=requests.Kind.ACCESS, via=requests.Via.STAFF, person=dana)
        requests.open_(house, ask, actor="Noa")
        clock.now += DAY
        review = gone(house)
        assert people(house) == [dana]
        [place] = [one for one in review.places if one.place == "amana:people"]
        assert place.counted.kept == {"open_request": 1}

    def test_nobody_is_forgotten_whose_rows_elsewhere_remain(
        self, connected: House, engine: sa.Engine, clock: Clock, tmp_path: Path
    ) -> None:
        taken(connected, "shop", (DANA, ()))
        clock.now += 4 * YEAR
        customers(engine, (1, "2029-12-01", DANA, "Dana", "no", False))
        review = gone(connected)
        [place] = [one for one in review.places if one.place == "amana:people"]
        assert place.counted.kept == {"held_elsewhere": 1}
        assert len(people(connected)) == 1


class TestRowsThere:
    @pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
    def test_rows_go_when_their_time_is_over_or_their_purpose_ended(
        self, kind: str, house: House, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        if kind == "sqlite":
            sqlite3.connect(tmp_path / "shop.db").close()
            url = f"sqlite:///{tmp_path / 'shop.db'}"
        else:
            url = request.getfixturevalue(kind)()
        engine = admin(url)
        world.shop(house, engine, url)
        taken(house, "shop", (DANA, given("offers")), (OMAR, given("offers")), (RUTH, given("offers")))
        customers(
            engine,
            (1, "2024-05-26", DANA, "Dana", "yes", True),
            (2, "2024-05-29", OMAR, "Omar", "yes", True),
            (3, "2026-05-01", RUTH, "Ruth", "yes", True),
            (4, "2020-01-01", "nobody@shop.example", "Nobody", "yes", True),
        )
        leave(house, people(house)[2])
        review = reviewed(house)
        [place] = [one for one in review.places if one.place == "shop:customers"]
        assert (place.counted.found, place.counted.due, place.counted.over, place.counted.ended) == (
            3,
            2,
            2,
            2,
        )
        assert names(engine)[1] == (DANA, "Dana")
        gone(house)
        assert names(engine) == {
            1: (None, None),
            2: (OMAR, "Omar"),
            3: (None, None),
            4: ("nobody@shop.example", "Nobody"),  # nobody here: no walk leads there
        }
        assert "shop:customers" not in due(reviewed(house))

    def test_what_the_law_keeps_stays_and_is_told(
        self, connected: House, engine: sa.Engine, tmp_path: Path
    ) -> None:
        keeps = (
            "amana: {kept_for: P2Y, kept_since: seen, keeps: [{ground: tax, citation: AO § 147(3), "
            "fields: [name], kept_for: P8Y, since: seen}]}"
        )
        dataset = world.SHOP.replace("amana: {kept_for: P2Y, kept_since: seen}", keeps)
        (connected.folder / "systems" / "shop.yml").write_text(dataset, "utf-8")
        taken(connected, "shop", (DANA, given("offers")))
        customers(engine, (1, "2023-01-01", DANA, "Dana", "yes", True))
        review = gone(connected)
        [place] = [one for one in review.places if one.place == "shop:customers"]
        assert place.counted.kept == {"tax": 1, "leads": 1}
        assert names(engine) == {1: (DANA, "Dana")}  # the row has to be found still

    def test_a_row_goes_whole_where_its_collection_says_so(self, connected: House, engine: sa.Engine) -> None:
        dataset = world.SHOP.replace("kept_since: seen", "kept_since: seen, on_erasure: delete")
        (connected.folder / "systems" / "shop.yml").write_text(dataset, "utf-8")
        taken(connected, "shop", (DANA, given("offers")), (OMAR, given("offers")))
        customers(
            engine,
            (1, "2023-01-01", DANA, "Dana", "yes", True),
            (2, "2026-01-01", OMAR, "Omar", "yes", True),
        )
        gone(connected)
        assert list(names(engine)) == [2]

    def test_a_row_of_two_people_stays_while_one_of_them_needs_it(
        self, connected: House, engine: sa.Engine
    ) -> None:
        taken(connected, "shop", (DANA, given("offers")), name="Dana Levi")
        taken(connected, "fair", (DANA, given("offers")), name="Omar Haddad")
        dana, omar = people(connected)
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", True))
        said(connected, dana, Status.WITHDRAWN, "offers")
        assert "shop:customers" not in due(reviewed(connected))
        said(connected, omar, Status.WITHDRAWN, "offers")
        assert due(reviewed(connected))["shop:customers"] == 1

    def test_a_purpose_that_lives_for_one_of_two_holds_what_ended_for_both(
        self, connected: House, engine: sa.Engine
    ) -> None:
        dataset = world.SHOP.replace("kept_since: seen", "kept_since: seen, purposes: [offers, news]")
        (connected.folder / "systems" / "shop.yml").write_text(dataset, "utf-8")
        taken(connected, "shop", (DANA, given("offers", "news")), name="Dana Levi")
        taken(connected, "fair", (DANA, given("offers", "news")), name="Omar Haddad")
        customers(engine, (1, "2026-05-01", DANA, "Dana", "yes", True))
        dana, omar = people(connected)
        for person, purpose in ((dana, "offers"), (dana, "news"), (omar, "offers")):
            said(connected, person, Status.WITHDRAWN, purpose)
        assert "shop:customers" not in due(reviewed(connected))
        said(connected, omar, Status.WITHDRAWN, "news")
        assert due(reviewed(connected))["shop:customers"] == 1


class TestRunaway:
    def many(self, house: House, engine: sa.Engine, number: int = 30) -> None:
        taken(house, "shop", *[(f"p{n}@shop.example", given("offers")) for n in range(number)])
        customers(
            engine, *[(n, "2020-01-01", f"p{n}@shop.example", f"P{n}", "yes", True) for n in range(number)]
        )

    def test_too_large_a_share_waits_for_an_explicit_word(self, connected: House, engine: sa.Engine) -> None:
        self.many(connected, engine)
        review = reviewed(connected)
        with pytest.raises(errors.Conflict, match="shop:customers"):
            retention.approve(connected, review.number, actor="Noa")
        assert names(engine)[0] == ("p0@shop.example", "P0")
        retention.approve(connected, review.number, actor="Noa", beyond="the shop was closed in 2022")
        assert retention.work(connected, review.number).state == "done"
        assert set(names(engine).values()) == {(None, None)}
        log = retention.happened(connected, review.number)
        [approved] = [one for one in log if one.what == "approved"]
        assert (approved.actor, approved.detail["beyond"]) == ("Noa", "the shop was closed in 2022")

    def test_a_run_stops_where_more_would_go_than_was_approved(
        self, connected: House, engine: sa.Engine
    ) -> None:
        self.many(connected, engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE customers SET seen = '2026-05-01' WHERE id > 4")
        review = reviewed(connected)
        assert due(review) == {"shop:customers": 5}
        retention.approve(connected, review.number, actor="Noa")
        with engine.begin() as connection:  # somebody empties a clock over there
            connection.exec_driver_sql("UPDATE customers SET seen = '2000-01-01'")
        stopped = retention.work(connected, review.number)
        [part] = [one for one in stopped.parts if one.system == "shop"]
        assert (stopped.state, part.state, part.trouble) == ("running", "held", "more_than_approved")
        assert names(engine)[0] == ("p0@shop.example", "P0")

    def test_another_map_than_was_reviewed_is_reviewed_anew(
        self, connected: House, engine: sa.Engine
    ) -> None:
        self.many(connected, engine, 2)
        review = reviewed(connected)
        dataset = world.SHOP.replace("P2Y", "P1D")
        (connected.folder / "systems" / "shop.yml").write_text(dataset, "utf-8")
        with pytest.raises(errors.Conflict, match="map"):
            retention.approve(connected, review.number, actor="Noa")

    def test_a_newer_review_takes_the_place_of_one_that_waits(self, house: House) -> None:
        first, second = reviewed(house), reviewed(house)
        assert retention.get(house, first.number).state == "dropped"
        assert retention.latest(house) == second


class TestTrouble:
    def test_one_system_that_is_down_holds_up_no_other_and_is_gone_on_with(
        self, connected: House, engine: sa.Engine, clock: Clock, tmp_path: Path
    ) -> None:
        taken(connected, "shop", (DANA, given("offers")), name="Dana Levi", town="Ulm")
        customers(engine, (1, "2020-01-01", DANA, "Dana", "yes", True))
        leave(connected, people(connected)[0])
        review = reviewed(connected)
        retention.approve(connected, review.number, actor="Noa")
        shutil.move(tmp_path / "shop.db", tmp_path / "away")
        assert retention.work(connected, review.number).state == "running"
        assert held(connected, people(connected)[0]) == {}
        shutil.move(tmp_path / "away", tmp_path / "shop.db")
        clock.now += 60
        assert retention.work(connected, review.number).state == "done"
        assert names(engine) == {1: (None, None)}

    def test_a_row_that_is_put_back_is_handed_to_a_person(
        self, connected: House, engine: sa.Engine, clock: Clock
    ) -> None:
        taken(connected, "shop", (DANA, given("offers")))
        customers(engine, (1, "2020-01-01", DANA, "Dana", "yes", True))
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER liar AFTER UPDATE ON customers WHEN NEW.name IS NULL "
                "BEGIN UPDATE customers SET name = OLD.name WHERE id = NEW.id; END"
            )
        review = gone(connected)
        for _ in range(retention.MOST_ATTEMPTS):
            clock.now += DAY
            review = retention.work(connected, review.number)
        [part] = [one for one in review.parts if one.system == "shop"]
        assert (review.state, part.state) == ("running", "held")
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER liar")
        retention.again(connected, review.number, actor="Noa")
        assert retention.work(connected, review.number).state == "done"

    def test_a_run_that_was_killed_goes_on_without_doing_anything_twice(
        self, connected: House, engine: sa.Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "SET", 2)
        TestRunaway().many(connected, engine, 7)
        review = reviewed(connected)
        retention.approve(connected, review.number, actor="Noa", beyond="it is a test")
        store = retention._counts

        class Killed(BaseException):
            pass

        def killed(text: str) -> object:
            if sum(name is None for _, name in names(engine).values()) >= 4:
                raise Killed
            return store(text)

        monkeypatch.setattr(retention, "_counts", killed)
        with pytest.raises(Killed):
            retention.work(connected, review.number)
        monkeypatch.setattr(retention, "_counts", store)
        assert retention.work(connected, review.number).state == "running"  # the dead one's lease
        clock.now += retention.LEASE
        assert retention.work(connected, review.number).state == "done"
        assert {name for _, name in names(engine).values()} == {None}


class TestSchedule:
    def test_the_worker_reviews_when_it_is_due_and_does_what_was_approved(
        self, tmp_path: Path, clock: Clock
    ) -> None:
        definition = DEFINITION + '\n[retention]\nevery = "P1W"\nshare = 100\n'
        with world.workspace(tmp_path / "scheduled", clock, definition) as house:
            taken(house, "shop", (DANA, given("offers")), name="Dana Levi", town="Ulm")
            leave(house, people(house)[0])
            swept(house)
            first = retention.get(house)
            assert (first.state, due(first)["amana:town"]) == ("waiting", 1)
            clock.now += 6 * DAY
            assert swept(house) == 0
            retention.approve(house, first.number, actor="Noa")
            swept(house)
            assert retention.get(house).state == "done"
            assert held(house, people(house)[0]) == {}
            clock.now += DAY
            swept(house)
            assert retention.get(house).number == first.number + 1

    def test_without_a_schedule_nothing_is_reviewed(self, house: House, clock: Clock) -> None:
        clock.now += YEAR
        assert retention.sweep(house) == 0
        assert retention.latest(house) is None

    @pytest.mark.parametrize("wrong", ['every = "weekly"', 'forget_after = "3"', "share = 0", "most = 0"])
    def test_a_wrong_setting_is_refused(self, wrong: str) -> None:
        with pytest.raises(errors.BadWorkspace, match="retention"):
            read(DEFINITION + f"\n[retention]\n{wrong}\n")


def swept(house: House) -> int:
    done = 0
    while more := retention.sweep(house):
        done += more
    return done


def test_the_whole_way_at_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AMANA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AMANA_ACTOR", "Noa")
    with world.workspace(tmp_path / "workspace", Clock()) as house:
        taken(house, "shop", (DANA, given("offers", "news")), name="Dana Levi", town="Ulm")
        said(house, 1, Status.WITHDRAWN, "offers")
    monkeypatch.setenv("AMANA_WORKSPACE", str(tmp_path / "workspace"))

    def told(*words: str) -> dict[str, object]:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--json"])
        assert ended.value.code in (None, 0)
        return dict(json.loads(capsys.readouterr().out))

    review = told("retention", "review")
    assert review["state"] == "waiting"
    assert told("retention", "approve", str(review["number"]))["state"] == "done"
    shown = told("retention", "show")
    assert [one["what"] for one in shown["happened"]][-1] == "done"  # type: ignore[attr-defined]  # plain JSON
    with pytest.raises(SystemExit) as ended:
        main(["retention", "drop", str(review["number"]), "--reason", "no"])
    assert ended.value.code == session.CONFLICT
    assert DANA not in json.dumps(shown)
