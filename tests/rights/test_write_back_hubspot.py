"""A CRM of HubSpot's documented form: permissions are written back to it, and requests run through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import retention_world as world
from retention_world import Clock, connect, given, people, rounds, said, taken
from systems_http import Host
from systems_hubspot import TOKEN, HubSpot, contact

from amana.core.rights import Identity, Kind, Via
from amana.core.vocabulary import Status
from amana.services.choices import own_data
from amana.services.record.house import House
from amana.services.rights import copies, requests, rights_run
from amana.services.rights.requests import Said
from amana.services.upkeep import write_back
from amana.storage.requests import RequestRow

DANA, OMAR = "dana@shop.example", "omar@shop.example"
SYSTEM = """
[system]
kind = "http"
country = "US"
datasets = ["crm.yml"]
[settings]
vendor = "hubspot"
base = "{base}"
[settings.auth]
secret_file = "secrets/crm"
"""
CRM = """
dataset:
  - fides_key: crm
    collections:
      - name: contacts
        amana: {{on_erasure: {on_erasure}}}
        fields:
          - {{name: id, fides_meta: {{primary_key: true, data_type: string}}}}
          - name: properties
            fields:
              - name: email
                data_categories: [user.contact.email]
                fides_meta: {{identity: email, data_type: string}}
              - {{name: firstname, data_categories: [user.name], fides_meta: {{data_type: string}}}}
              - name: offers_ok
                fides_meta: {{data_type: string}}
                amana: {{permission: {{brand: orchard, purpose: offers, channel: email, yes: "true", no: "false"}}}}
      - name: subscriptions
        fields:
          - name: email
            fides_meta: {{identity: email, primary_key: true, data_type: string}}
          - {{name: subscriptionId, fides_meta: {{primary_key: true, data_type: integer}}}}
          - name: status
            fides_meta: {{data_type: string}}
            amana:
              permission: {{brand: orchard, purpose: news, channel: email, yes: SUBSCRIBED, no: UNSUBSCRIBED}}
"""


class Office:
    """A workspace, and the CRM beside it."""

    def __init__(self, house: House, host: Host, clock: Clock) -> None:
        self.house, self.host, self.clock = house, host, clock

    def contact(self, number: str) -> dict[str, str] | None:
        held = self.host.state["contacts"].get(number)
        return None if held is None else dict(held["properties"])

    def choice(self, number: str) -> str:
        return (self.contact(number) or {})["offers_ok"]

    def status(self, address: str) -> str:
        [one] = self.host.state["statuses"][address]
        return str(one["status"])

    def called(self, start: str) -> list[str]:
        return [path for method, path in self.host.calls if f"{method} {path}".startswith(start)]

    def ran(self, kind: Kind, **more: dict[str, str]) -> RequestRow:
        said = Said(kind=kind, via=Via.STAFF, address=DANA, proved=Identity.CHECKED, **more)
        row = requests.open_(self.house, said, actor="Noa")
        if kind is Kind.ERASURE:
            requests.to_decide(self.house, row, "not_told:no_mail", actor="amana")
            row = requests.decide(self.house, row.ref, go=True, reason="told by letter", actor="Noa")
        with rights_run.open_systems(self.house) as systems:
            return rights_run.run_now(self.house, row, systems)

    def erased_as(self, on_erasure: str) -> None:
        dataset = self.house.folder / "systems" / "crm.yml"
        dataset.write_text(CRM.format(on_erasure=on_erasure), "utf-8")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    host, clock = Host(HubSpot), Clock()
    host.state = {
        "contacts": {
            "51": contact("51", "Dana@Shop.example", offers_ok="true"),
            "52": contact("52", OMAR, firstname="Omar", offers_ok="true"),
        },
        "statuses": {
            one: [{"subscriptionId": 7, "status": "SUBSCRIBED", "channel": "EMAIL"}] for one in (DANA, OMAR)
        },
    }
    with host.running(), world.workspace(tmp_path / "workspace", clock) as house:
        secrets = house.folder / "secrets"
        secrets.mkdir(parents=True)
        (secrets / "crm").write_text(TOKEN, "utf-8")
        connect(house, "crm", SYSTEM.format(base=host.base), CRM.format(on_erasure="delete"))
        rounds(house)
        taken(house, "shop", (DANA, given("offers", "news")), (OMAR, given("offers", "news")))
        yield Office(house, host, clock)


def test_a_withdrawal_and_a_new_grant_are_written_back_and_read_again(office: Office) -> None:
    rounds(office.house)
    assert [office.choice(one) for one in ("51", "52")] == ["true", "true"]
    dana = people(office.house)[0]
    for purpose in ("offers", "news"):
        said(office.house, dana, Status.WITHDRAWN, purpose)
    rounds(office.house)
    assert [office.choice(one) for one in ("51", "52")] == ["false", "true"]
    assert [office.status(one) for one in (DANA, OMAR)] == ["UNSUBSCRIBED", "SUBSCRIBED"]
    office.clock.now += 60
    for purpose in ("offers", "news"):
        said(office.house, dana, Status.GIVEN, purpose)
    rounds(office.house)
    assert (office.choice("51"), office.status(DANA)) == ("true", "SUBSCRIBED")
    before = len(office.called("PATCH"))
    assert before == 2
    write_back.carry_everybody(office.house, "crm")
    rounds(office.house)
    assert len(office.called("PATCH")) == before  # what is so already is not written again


def test_a_customer_is_told_that_the_system_looked_and_no_person(office: Office) -> None:
    rounds(office.house)
    looks = own_data.looks(office.house, people(office.house)[0]).others
    assert looks
    assert all(one.itself and not one.system for one in looks)


def test_a_copy_holds_the_contact_and_the_subscription(office: Office) -> None:
    row = office.ran(Kind.ACCESS)
    assert row.status == "answered"
    parts = {one.collection: len(one.rows) for one in copies.package(office.house, row, actor="Noa").parts}
    assert {name: count for name, count in parts.items() if name.startswith("crm:")} == {
        "crm:contacts": 1,
        "crm:subscriptions": 1,
    }


def test_a_correction_is_written_and_read_back(office: Office) -> None:
    assert office.ran(Kind.RECTIFICATION, corrections={"user.name": "Dana Maria"}).status == "answered"
    assert (office.contact("51") or {})["firstname"] == "Dana Maria"
    assert (office.contact("52") or {})["firstname"] == "Omar"


def test_an_erasure_deletes_the_contact_for_good_and_looks_again(office: Office) -> None:
    row = office.ran(Kind.ERASURE)
    assert row.status == "answered"
    assert office.contact("51") is None
    assert office.contact("52") is not None
    assert office.called("POST /crm/v3/objects/contacts/gdpr-delete")
    last = max(at for at, call in enumerate(office.host.calls) if call[1].endswith("gdpr-delete"))
    assert any(path.endswith("/search") for _, path in office.host.calls[last:])


def test_an_erasure_that_masks_clears_what_is_theirs(office: Office) -> None:
    office.erased_as("mask")
    row = office.ran(Kind.ERASURE)
    assert row.status == "answered"
    cleared = office.contact("51") or {}
    assert (cleared["email"], cleared["firstname"], cleared["score"]) == ("", "", "7")


def test_a_token_that_is_refused_is_trouble_of_the_crm_and_no_answer(office: Office) -> None:
    (office.house.folder / "secrets" / "crm").write_text("pat-of-yesterday", "utf-8")
    row = office.ran(Kind.ERASURE)
    assert row.status != "answered"
    assert office.contact("51") is not None
