"""A server that runs knows the wording in force, also where one took another's place under the same version."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from api_samples import DEFINITION, EVERYTHING, Client, TestClock, codes

from amana import wiring
from amana.services.record import api_keys, publish
from amana.services.record.house import House
from amana.settings import Settings

SECOND = DEFINITION.replace('version = "1"', 'version = "2"').replace(
    "We send you offers.", "May we send you offers?"
)
MATERIAL = SECOND.replace('who = "Orchard Street Ltd"', 'who = "Orchard Lane Ltd"')


@pytest.fixture
def published(settings: Settings, house: House, clock: TestClock) -> Callable[[str], None]:
    """Publishes a definition as another process does: first the file is there, then its wording is published."""

    def publish_it(definition: str) -> None:
        clock.now += 100
        (house.folder / wiring.DEFINITION).write_text(definition, "utf-8")
        with wiring.opened(settings, writing=True, at=clock) as other:
            publish.publish(other)

    return publish_it


def test_a_material_replacement_under_the_same_version_is_in_the_next_answers(
    client: Client,
    house: House,
    clock: TestClock,
    published: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("amana.api.desk.FRESH", 0.0)
    clock.now = int(time.time()) + 100  # the template was made by a real clock
    here = client.with_key(api_keys.make(house, "later", ["orchard"], EVERYTHING).key)
    here.signs_up("ann@example.com")
    published(SECOND)
    assert here.asks(("person", "p1"))["decision"] is True, "other words, and nothing else"
    (house.folder / wiring.DEFINITION).write_text(MATERIAL, "utf-8")
    assert here.asks(("person", "p1"))["decision"] is True, "the file was read, and nothing is published"
    published(MATERIAL)
    assert codes(here.asks(("person", "p1"))) == ["notice_outdated"]
