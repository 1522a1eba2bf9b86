"""Between the count of a set and its doing people go on living: what they say then is heard."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import retention_world as world
import sqlalchemy as sa
from retention_world import DAY, NOW, Clock, given, taken
from systems_worlds import admin

from amana.core.rights import Identity, Kind, Status, Via
from amana.core.vocabulary import Channel
from amana.services.collection import capture, preferences
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.record import reveal
from amana.services.record.house import House
from amana.services.rights import requests
from amana.services.rights.requests import Said
from amana.services.upkeep import retention, retention_elsewhere, retention_leads, retention_parts
from amana.services.upkeep.retention import Review
from amana.storage import people as persons

DEFINITION = (
    world.DEFINITION
    + """
[capture_points.app]
kind = "api"
confirmed = true

[retention]
forget_after = "P1Y"
"""
)
DANA, OMAR = "dana@shop.example", "omar@shop.example"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """Dana and Omar agreed, gave their town, and left."""
    with world.workspace(tmp_path / "workspace", clock, DEFINITION) as opened:
        taken(opened, "list", (DANA, given("offers")), (OMAR, given("offers")), town="Old Town")
        for one in (1, 2):
            preferences.change(opened, one, "orchard", preferences.Change(leave=True), Context())
        yield opened


def signs_up(house: House) -> None:
    """Dana comes back, and gives the town where she lives now."""
    choice = Choice(purpose="offers", channel=Channel.EMAIL)
    said = Submission(
        capture_point="app", brand="orchard", choices=(choice,), email=DANA, fields={"town": "New Town"}
    )
    assert capture.submit(house, said).events


def asks(house: House) -> None:
    """Dana asks for a copy."""
    row = requests.open_(house, Said(kind=Kind.ACCESS, via=Via.API, address=DANA), actor="test")
    assert row.status == Status.VERIFYING.value


def done(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
    meanwhile: Callable[[House], None],
) -> Review:
    """A review that was approved and done; once while it is, something happens after people were looked at."""
    number = retention.begin(house, actor="test")
    retention.work(house, number)
    retention.approve(house, number, actor="test", beyond="it is a test")
    look: Callable[..., Any] = getattr(module, name)
    left = [meanwhile]

    def looked(*given: Any) -> Any:
        found = look(*given)
        if left:
            left.pop()(house)
        return found

    monkeypatch.setattr(module, name, looked)
    return retention.work(house, number)


def here(house: House) -> list[int]:
    """Who is known."""
    with house.database.read() as connection:
        return sorted(persons.get(connection, [1, 2]))


@pytest.mark.parametrize("meanwhile", [signs_up, asks])
def test_whoever_comes_back_or_asks_before_they_are_forgotten_stays(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[House], None]
) -> None:
    clock.now = NOW + 3 * 366 * DAY
    review = done(house, monkeypatch, retention_elsewhere, "held", meanwhile)
    assert here(house) == [1]
    counted = {one.place: (one.counted.due, one.done.due) for one in review.places}
    assert counted[retention_parts.PEOPLE] == (2, 1)


def test_a_value_that_came_after_the_look_is_not_emptied(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = NOW + 30 * DAY
    done(house, monkeypatch, retention_parts, "_full", signs_up)
    clock.now += 60  # the set is looked at again
    assert retention.sweep(house)
    towns = [
        reveal.reveal(house, one, ["town"], actor="test", purpose="test").fields.get("town", "")
        for one in (1, 2)
    ]
    assert towns == ["New Town", ""]


# ---- rows of connected systems ------------------------------------------------------------------------------------


@pytest.fixture
def engine(house: House, tmp_path: Path) -> sa.Engine:
    """A shop in which both were last seen long ago."""
    sqlite3.connect(tmp_path / "shop.db").close()
    made = admin(f"sqlite:///{tmp_path / 'shop.db'}")
    world.shop(house, made, f"sqlite:///{tmp_path / 'shop.db'}")
    world.customers(
        made, (1, "2020-01-01", DANA, "Dana", "no", False), (2, "2020-01-01", OMAR, "Omar", "no", False)
    )
    return made


def is_restricted(house: House) -> None:
    """Dana has the processing of her data restricted; it is acknowledged at once."""
    said = Said(kind=Kind.RESTRICTION, via=Via.STAFF, person=1, proved=Identity.CHECKED)
    requests.open_(house, said, actor="test")


def is_shared(house: House) -> None:
    """Somebody of another name signs up with Dana's address."""
    taken(house, "fair", (DANA, given("offers")), name="Ruth Okafor")
    assert len(world.people(house)) == 3


@pytest.mark.parametrize("meanwhile", [signs_up, asks, is_restricted, is_shared])
def test_rows_elsewhere_of_whoever_says_or_asks_something_before_they_are_masked_stay(
    house: House,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[House], None],
) -> None:
    taken(house, "names", (DANA, ()), name="Dana Levi")
    review = done(house, monkeypatch, retention_leads, "staying", meanwhile)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id, email, name FROM customers ORDER BY id").all()
    assert [tuple(one) for one in found] == [(1, DANA, "Dana"), (2, None, None)]
    [shop] = [one for one in review.places if one.place == "shop:customers"]
    assert (shop.counted.due, shop.done.due, shop.done.kept) == (2, 1, {"changed_meanwhile": 1})


def test_what_somebody_asked_is_answered_before_their_data_goes(house: House, engine: sa.Engine) -> None:
    asks(house)
    review = retention.work(house, retention.begin(house, actor="test"))
    counted = {one.place: (one.counted.due, one.counted.kept) for one in review.places}
    assert counted["shop:customers"] == (1, {"open_request": 1})
    assert counted["amana:town"] == (1, {"open_request": 1})
