"""A newcomer through a form is bound by what binds the address, as a newcomer through an import is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from service_samples import OFFERS

from amana.core import facts
from amana.core.vocabulary import Channel
from amana.services.collection import ages, capture, preferences
from amana.services.collection.ages import Standing
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.collection.preferences import Change
from amana.services.gate.asking import Gate
from amana.services.keeping import forget
from amana.services.record import links, tasks
from amana.services.record.house import House
from worlds.clock import Clock

EMAIL = Choice(purpose="offers", channel=Channel.EMAIL)
ADDRESS = "shared@family.example"


def arrives(house: House, name: str, email: str = ADDRESS) -> int:
    """Somebody fills in the form; their id."""
    said = Submission(
        capture_point="preference_centre",
        brand="orchard",
        choices=(EMAIL,),
        email=email,
        fields={"name": name, "residence": "DE"},
    )
    return links.handled(house, capture.submit(house, said).handle)


def confirms(house: House) -> None:
    """The holder of the address confirms whatever waits."""

    def take(_: House, __: object, payload: Mapping[str, Any]) -> None:
        capture.confirm(house, payload["token"], Context())

    tasks.work(house, {"mail": take})


def named(house: House, person: int) -> None:
    """The person's name is on record, so that another name at the address is another person."""
    with house.database.read() as connection:
        tag = connection.exec_driver_sql(f"SELECT name_tag FROM person WHERE id = {person}").scalar_one()
    assert tag is not None


def test_a_refusal_of_a_shared_address_binds_the_newcomer_until_they_confirm(
    house: House, clock: Clock
) -> None:
    one = arrives(house, "Ann One")
    named(house, one)
    confirms(house)
    clock.now += 10
    preferences.change(house, one, "orchard", Change(leave=True), Context())
    clock.now += 10
    other = arrives(house, "Ben Two")
    assert other != one
    assert "withdrawn" in [reason.code for reason in Gate(house).ask(other, OFFERS).reasons]
    clock.now += 10
    confirms(house)
    assert preferences.view(house, other, "orchard").switches[0].state == "on"
    assert preferences.view(house, one, "orchard").switches[0].state == "off"


def test_a_suppressed_address_makes_its_newcomer_one_who_objected(house: House, clock: Clock) -> None:
    one = arrives(house, "Ann One")
    forget.forget(house, [one])
    clock.now += 10
    back = arrives(house, "Ann One")
    assert back != one
    assert "objected" in [reason.code for reason in Gate(house).ask(back, OFFERS).reasons]
    clock.now += 10
    confirms(house)
    assert preferences.view(house, back, "orchard").switches[0].state == "on"


def test_a_newcomer_inherits_no_permission(house: House, clock: Clock) -> None:
    arrives(house, "Ann One")
    confirms(house)
    clock.now += 10
    other = arrives(house, "Ben Two")
    state = preferences.view(house, other, "orchard")
    assert state.switches[0].state == "pending"
    assert state.per_month == facts.NO_CAP


@pytest.mark.parametrize(
    ("birth", "country", "standing"),
    [
        ("2000-01", "DE", Standing.ALONE),
        ("2012-01", "DE", Standing.WITH_GUARDIAN),
        ("2012-06", "UK", Standing.ALONE),
    ],
)
def test_the_law_of_the_country_says_who_consents_alone(
    house: House, birth: str, country: str, standing: Standing
) -> None:
    assert ages.standing(house, birth, country) is standing


def test_where_no_country_is_said_the_strictest_served_one_counts(house: House) -> None:
    assert ages.standing(house, "2012-01", "") is Standing.WITH_GUARDIAN
