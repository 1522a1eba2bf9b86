"""What one No reaches: every brand, every name at an address; and what may never be taken back or flooded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from service_samples import OFFERS

from amana import errors
from amana.core.vocabulary import Channel
from amana.services.collection import capture, imports, preferences
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.collection.preferences import Change
from amana.services.gate.asking import Gate, Inquiry
from amana.services.keeping import forget
from amana.services.record import links, tasks
from amana.services.record.house import House
from worlds.clock import DAY, NOW, Clock

EMAIL = Choice(purpose="offers", channel=Channel.EMAIL)
HARBOUR = Inquiry(brand="harbour", purpose="offers", channel=Channel.EMAIL)
ADDRESS = "ann@example.com"


def submits(house: House, **fields: str) -> int:
    """Somebody fills in the form for the brand orchard; their id."""
    said = Submission(
        capture_point="preference_centre", brand="orchard", choices=(EMAIL,), email=ADDRESS, fields=fields
    )
    return links.handled(house, capture.submit(house, said).handle)


def mailed(house: House, *, confirming: bool = False) -> int:
    """How many confirmations go out; with `confirming`, the holder of the address confirms each."""
    found = 0

    def take(_: House, __: object, payload: Mapping[str, Any]) -> None:
        nonlocal found
        found += 1
        if confirming:
            capture.confirm(house, payload["token"], Context())

    while tasks.work(house, {"mail": take}):
        pass
    return found


def reasons(house: House, person: int, inquiry: Inquiry) -> list[str]:
    return [reason.code for reason in Gate(house).ask(person, inquiry).reasons]


def test_an_erased_address_that_comes_back_to_one_brand_is_suppressed_for_all(
    house: House, clock: Clock
) -> None:
    gone = submits(house)
    forget.forget(house, [gone])
    clock.now += 10
    back = submits(house)
    assert "objected" in reasons(house, back, OFFERS)
    assert "objected" in reasons(house, back, HARBOUR)


def test_what_people_said_themselves_is_no_import_and_cannot_be_undone(house: House, clock: Clock) -> None:
    ann = submits(house, residence="DE")
    mailed(house, confirming=True)
    clock.now += 10
    with pytest.raises(errors.NotFound):
        imports.undo(house, 1, also_refusals=True, reason="a slip")
    preferences.change(house, ann, "orchard", Change(leave=True), Context())
    assert "withdrawn" in reasons(house, ann, OFFERS)


def test_a_birth_date_that_cannot_be_read_denies_on_a_form_too(house: House, clock: Clock) -> None:
    ann = submits(house, residence="DE", born="31/12/2015")
    mailed(house, confirming=True)
    clock.now += 10
    assert reasons(house, ann, OFFERS) == ["age_unknown"]


def test_no_choice_of_names_sends_more_confirmations_to_one_address(house: House, clock: Clock) -> None:
    names = [f"{first} {last}" for first in ("Ann", "Ben", "Carl") for last in ("Lee", "Moss", "North")]
    for name in names:
        submits(house, name=name)
        mailed(house, confirming=True)
        clock.now += 1
    assert clock.now < NOW + DAY
    assert mailed(house) == 0
    with house.database.read() as connection:
        made = connection.exec_driver_sql("SELECT count(*) FROM token WHERE kind = 'confirm'").scalar_one()
    assert made == capture.MOST_REQUESTS
