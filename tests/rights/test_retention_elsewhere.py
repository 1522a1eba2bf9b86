"""Nobody is forgotten here while a connected system may still hold them, whatever the map says of its rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import retention_world as world
import sqlalchemy as sa
from retention_world import DAY, NOW, Clock, customers, people, taken
from systems_worlds import admin

from amana.cli import retention as page
from amana.services.record.house import House
from amana.services.upkeep import retention
from amana.services.upkeep.retention import Review

DANA, OMAR = "dana@shop.example", "omar@shop.example"
YEAR = 366 * DAY
AFTER = '\n[retention]\nforget_after = "P1Y"\n'
AIMLESS = '[system]\nkind = "sql"\ncountry = "DE"\ndatasets = ["shop.yml"]\n[settings]\nurl = "{url}"\n'
ENDLESS = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string}}
          - {name: name, data_categories: [user.name], fides_meta: {data_type: string}}
"""
LIST = """
dataset:
  - fides_key: letters
    collections:
      - name: readers
        amana: {HELD}
        fields:
          - {name: email, data_categories: [CATEGORY], fides_meta: {data_type: string}}
"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """Dana and Omar, of whom nothing was heard for three years."""
    with world.workspace(tmp_path / "workspace", clock, world.DEFINITION + AFTER) as opened:
        taken(opened, "list", (DANA, ()), (OMAR, ()))
        clock.now = NOW + 3 * YEAR
        yield opened


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    sqlite3.connect(tmp_path / "shop.db").close()
    return admin(f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def shop(house: House, engine: sa.Engine, tmp_path: Path) -> House:
    """A shop that was connected without a purpose and without a span."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    world.shop(house, engine, url)
    world.connect(house, "shop", AIMLESS.format(url=url), ENDLESS)
    return house


def letters(house: House, held: str | None = None, category: str = "user.contact.email") -> None:
    """A colleague keeps the readers of a printed letter, for as long as the map says."""
    datasets = "" if held is None else 'datasets = ["letters.yml"]\n'
    dataset = "" if held is None else LIST.replace("HELD", held).replace("CATEGORY", category)
    world.connect(house, "letters", f'[system]\nkind = "manual"\n{datasets}', dataset)


def gone(house: House) -> Review:
    number = retention.begin(house, actor="Noa")
    retention.work(house, number)
    retention.approve(house, number, actor="Noa", beyond="it is a test")
    return retention.work(house, number)


def kept(review: Review) -> dict[str, int]:
    """Why people stay here."""
    [place] = [one for one in review.places if one.place == "amana:people"]
    return place.counted.kept


class TestCollectionsThatNobodyBound:
    def test_whoever_has_a_row_there_is_not_forgotten(self, shop: House, engine: sa.Engine) -> None:
        customers(engine, (1, None, DANA, "Dana", None, None))
        review = gone(shop)
        assert (people(shop), kept(review)) == ([1], {"held_elsewhere": 1})
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT email, name FROM customers").all()
        assert [tuple(one) for one in found] == [(DANA, "Dana")]
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM customers")
        assert kept(gone(shop)) == {}
        assert people(shop) == []

    def test_a_review_names_them(self, shop: House, capsys: pytest.CaptureFixture[str]) -> None:
        review = gone(shop)
        assert review.endless == ("shop:customers",)
        page._show(review)
        assert "Neither purpose nor span" in capsys.readouterr().out

    def test_beside_bound_ones_they_are_named_alone(
        self, house: House, engine: sa.Engine, tmp_path: Path
    ) -> None:
        notes = ENDLESS.replace("name: customers", "name: notes").partition("collections:\n")[2]
        world.shop(house, engine, f"sqlite:///{tmp_path / 'shop.db'}", world.SHOP + notes)
        system = AIMLESS.format(url=f"sqlite:///{tmp_path / 'shop.db'}")
        world.connect(house, "shop", system)
        assert retention.get(house, retention.begin(house, actor="Noa")).endless == ("shop:notes",)

    def test_a_system_with_purposes_has_none(self, house: House, engine: sa.Engine, tmp_path: Path) -> None:
        world.shop(house, engine, f"sqlite:///{tmp_path / 'shop.db'}", ENDLESS)
        assert gone(house).endless == ()


class TestSystemsThatAreAskedAsAWhole:
    def test_one_that_says_nothing_may_hold_anybody(
        self, house: House, capsys: pytest.CaptureFixture[str]
    ) -> None:
        letters(house)
        review = gone(house)
        assert (people(house), kept(review)) == ([1, 2], {"may_be_elsewhere": 2})
        assert review.silent == ("letters",)
        page._show(review)
        assert "letters" in capsys.readouterr().out

    @pytest.mark.parametrize(("span", "stay"), [("P2Y", 0), ("P4Y", 2)])
    def test_one_that_lets_go_by_itself_holds_nobody_after_its_span(
        self, house: House, span: str, stay: int
    ) -> None:
        letters(house, f"kept_for: {span}")
        review = gone(house)
        assert (len(people(house)), review.silent) == (stay, ())

    def test_a_personal_field_without_a_span_is_held_for_ever(self, house: House) -> None:
        letters(house, "purposes: [offers]")
        review = gone(house)
        assert (kept(review), review.silent) == ({"may_be_elsewhere": 2}, ("letters",))

    def test_one_in_which_nothing_is_personal_holds_nobody(self, house: House) -> None:
        letters(house, "", "system.operations")
        assert (gone(house).silent, people(house)) == ((), [])

    def test_a_row_that_was_found_says_more_than_what_may_be(self, shop: House, engine: sa.Engine) -> None:
        letters(shop)
        customers(engine, (1, None, DANA, "Dana", None, None))
        assert kept(gone(shop)) == {"held_elsewhere": 1, "may_be_elsewhere": 1}
