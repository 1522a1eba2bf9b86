"""Receipts over HTTP: of a key's own brands alone, and a position that it may not see looks like an empty one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from api_samples import Client

from amana.core import events
from amana.ledger import verify
from amana.services.record import api_keys, publication, receipts
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import log

ANN = "ann@example.com"
OF_NO_BRAND = (events.Notice, events.Restriction, events.Preference)


@pytest.fixture
def office(client: Client, house: House) -> Client:
    """A key of all brands."""
    return client.with_key(api_keys.make(house, "office", ["*"], ["read"]).key)


@pytest.fixture
def kinds(client: Client, house: House) -> dict[int, type[events.Event]]:
    """By log position, what is recorded once Ann signed up, chose her pace and had her data's processing restricted."""
    client.signs_up(ANN)

    def work(session: Session) -> None:
        ann = session.person(1)
        words = {"occurred": {"lo": session.now, "hi": session.now}, "actor": "person", "source": 0}
        for kind, more in (("preference", {"per_month": 2}), ("restriction", {"on": True})):
            said = {"kind": kind, "id": house.random(16).hex()} | words | more
            session.record(ann, msgspec.convert(said, events.AnyEvent))

    house.writing().write(work)
    with house.database.read() as connection:
        rows = list(log.all_events(connection))
        opened = receipts._open(house, connection, [row.position for row in rows])
    return {one.position: type(one.record.event) for one in opened}


def same(one: Any, other: Any) -> bool:
    """Whether two answers say the same, but for the number by which each is found in the service's log."""
    told = [{**answer.json(), "instance": "", "status": answer.status_code} for answer in (one, other)]
    return bool(told[0] == told[1])


def test_what_belongs_to_no_brand_is_for_keys_of_all_brands(
    client: Client, office: Client, house: House, kinds: dict[int, type[events.Event]]
) -> None:
    plain = [position for position, kind in kinds.items() if kind in OF_NO_BRAND]
    assert {kinds[one] for one in plain} == set(OF_NO_BRAND)
    for position in plain:
        assert client.get(f"/v1/receipts/{position}").status_code == 404
        answer = office.get(f"/v1/receipts/{position}")
        assert verify.verify(answer.text, publication.log_key(house).text())


def test_nobody_learns_at_which_positions_addresses_stand(
    client: Client, office: Client, kinds: dict[int, type[events.Event]]
) -> None:
    identifying = [position for position, kind in kinds.items() if kind in receipts.IDENTIFYING]
    assert identifying
    nothing = client.get("/v1/receipts/999")
    assert nothing.status_code == 404
    for position in identifying:
        answer = client.get(f"/v1/receipts/{position}")
        assert same(answer, nothing)
        assert office.get(f"/v1/receipts/{position}").status_code == 409


def test_the_receipts_of_a_brand_are_for_its_keys(
    client: Client, house: House, kinds: dict[int, type[events.Event]]
) -> None:
    harbour = client.with_key(api_keys.make(house, "harbour", ["harbour"], ["read"]).key)
    [of_orchard] = [position for position, kind in kinds.items() if kind is events.Permission]
    assert client.get(f"/v1/receipts/{of_orchard}").status_code == 200
    assert same(harbour.get(f"/v1/receipts/{of_orchard}"), harbour.get("/v1/receipts/999"))
