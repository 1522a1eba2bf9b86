"""An emptied field is empty for whoever looks; the sealed history keeps its value until the person is forgotten."""

from __future__ import annotations

import pytest

from amana import errors
from amana.core import events
from amana.services.choices import own_data
from amana.services.collection.capture import Context
from amana.services.keeping import forget
from amana.services.record import history, reveal
from amana.services.record.house import House
from worlds.lists import row, taken


def said(house: House) -> list[str]:
    """The names that the person's sealed events hold, in their order."""
    told = (one.event for one in history.of_person(house, 1))
    return [one.sealed["name"] for one in told if isinstance(one, events.Profile) and one.sealed]


def test_the_value_of_an_emptied_field_goes_with_the_person_and_not_before(house: House) -> None:
    taken(house, "crm", row(1, email="ann@example.com", name="Ann Bell"))
    own_data.correct(house, 1, {"name": ""}, Context(language="en"))
    seen = reveal.reveal(house, 1, ["name"], actor="dana", purpose="a test")
    assert not seen.fields.get("name")
    assert said(house) == ["Ann Bell", ""]  # the log commits to the event as a whole: docs/rights.md says so
    forget.forget(house, [1])
    assert history.of_person(house, 1) == []
    with pytest.raises(errors.KeyMissing):
        house.keys.keys([1])
