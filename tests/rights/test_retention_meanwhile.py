"""Between the count of a set and its doing people go on living: what they say then is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import retention_world as world
from retention_world import DAY, NOW, Clock, given, taken

from amana.core.rights import Kind, Status, Via
from amana.core.vocabulary import Channel
from amana.services.collection import capture, preferences
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.record import reveal
from amana.services.record.house import House
from amana.services.rights import requests
from amana.services.rights.requests import Said
from amana.services.upkeep import retention, retention_parts
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
    house: House, monkeypatch: pytest.MonkeyPatch, name: str, meanwhile: Callable[[House], None]
) -> Review:
    """A review that was approved and done; once while it is, something happens after people were looked at."""
    number = retention.begin(house, actor="test")
    retention.work(house, number)
    retention.approve(house, number, actor="test", beyond="it is a test")
    look: Callable[..., Any] = getattr(retention_parts, name)
    left = [meanwhile]

    def looked(*given: Any) -> Any:
        found = look(*given)
        if left:
            left.pop()(house)
        return found

    monkeypatch.setattr(retention_parts, name, looked)
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
    review = done(house, monkeypatch, "_elsewhere", meanwhile)
    assert here(house) == [1]
    counted = {one.place: (one.counted.due, one.done.due) for one in review.places}
    assert counted[retention_parts.PEOPLE] == (2, 1)


def test_a_value_that_came_after_the_look_is_not_emptied(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = NOW + 30 * DAY
    done(house, monkeypatch, "_full", signs_up)
    clock.now += 60  # the set is looked at again
    assert retention.sweep(house)
    towns = [
        reveal.reveal(house, one, ["town"], actor="test", purpose="test").fields.get("town", "")
        for one in (1, 2)
    ]
    assert towns == ["New Town", ""]
