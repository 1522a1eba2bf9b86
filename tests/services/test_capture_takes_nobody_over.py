"""A form that a stranger fills in changes nothing for anybody but whoever holds the address and confirms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service_samples import OFFERS

from amana.core import state as states
from amana.core.vocabulary import Channel
from amana.services.collection import capture
from amana.services.collection.capture import Choice, Context, Submission
from amana.services.collection.preferences import Change, change
from amana.services.gate.asking import Gate
from amana.services.record import tasks
from amana.services.record.house import House
from amana.storage import people
from worlds.clock import Clock
from worlds.lists import given, row, taken

EMAIL = Choice(purpose="offers", channel=Channel.EMAIL)
NUMBER = "+447400123456"


def confirmed(house: House, said: Submission) -> None:
    """The form is sent, and whoever gets the mails confirms each."""
    capture.submit(house, said)

    def take(_: House, __: object, payload: Mapping[str, Any]) -> None:
        capture.confirm(house, payload["token"], Context())

    while tasks.work(house, {"mail": take}):
        pass


def state(house: House, person: int) -> states.PersonState:
    with house.database.read() as connection:
        return people.get(connection, [person])[person].state


def test_a_strangers_address_beside_somebodys_number_takes_nothing_over(house: House, clock: Clock) -> None:
    taken(house, "crm", row(2, given(), email="vera@example.com", phone=NUMBER))
    change(house, 1, "orchard", Change(leave=True), Context())
    before = state(house, 1)
    clock.now += 60
    confirmed(
        house,
        Submission(
            capture_point="preference_centre",
            brand="orchard",
            choices=(EMAIL,),
            email="mallory@example.com",
            phone=NUMBER,
            fields={"residence": "US"},
        ),
    )
    assert state(house, 1) == before
    assert "withdrawn" in [reason.code for reason in Gate(house).ask(1, OFFERS).reasons]


def test_a_guardians_confirmation_for_a_child_leaves_their_own_withdrawal_alone(
    house: House, clock: Clock
) -> None:
    taken(house, "crm", row(2, given(), email="parent@example.com"))
    change(house, 1, "orchard", Change(leave=True), Context())
    before = state(house, 1)
    clock.now += 60
    confirmed(
        house,
        Submission(
            capture_point="preference_centre",
            brand="orchard",
            choices=(EMAIL,),
            email="parent@example.com",
            guardian=True,
        ),
    )
    assert state(house, 1) == before
    child = Gate(house).ask_address("parent@example.com", OFFERS)[1]
    assert len(child) == 2
    assert states.attribute(state(house, max(child)), "guardian") == "yes"
