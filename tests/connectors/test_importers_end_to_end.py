"""Every importer, from the tool's own export to the gate's answer: nothing is given without evidence, a No always is.

Rule: the samples are written as each tool documents its export, opt-outs, missing evidence and the tool's own trap
among them. They go through the real import into a real workspace. Who is granted what is listed here by hand; the traps
are the reason for each absence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from import_samples import SAMPLES

from amana.connectors import catalogue
from amana.core import events, state
from amana.core.vocabulary import Channel
from amana.services.collection import imports
from amana.services.collection.imports import Report
from amana.services.gate import registries
from amana.services.gate.asking import Gate, Inquiry
from amana.services.record import history
from amana.services.record.house import House
from amana.storage import people
from worlds import orchard
from worlds.clock import NOW, Clock
from worlds.houses import Templates

KINDS = sorted(set(SAMPLES) - {"registry"})
DEFINITION = orchard.workspace(
    *(
        orchard.field(name, hold="sealed", means=means, why="to greet", purposes=["newsletter"])
        for name, means in {"city": "", "full_name": "full_name"}.items()
    ),
    country="US",
    purposes={"newsletter": ("email", "sms", "phone_live")},
    notice="newsletter",
    told=("email",),
    text={"en": "We send you a newsletter."},
)

GRANTED: dict[str, set[str]] = {
    "table": {"yes@example.com"},  # an unknown word and an undated yes grant nothing
    "mailchimp": {"yes@example.com"},  # contacts that the owner added have no proof of the form
    "listmonk": set(),  # `enabled` says that mail may be tried
    "hubspot": set(),  # its legal basis speaks of processing
    "klaviyo": {"yes@example.com", "back@example.com"},  # subscribed again over a suppression: both are told
    "braze": {
        "yes@example.com"
    },  # `subscribed` is where profiles start; a time of leaving is stronger than a state
    "mautic": set(),  # `contactable` says nothing
    "salesforce": {
        "p1"
    },  # a grant with an end, without a status, or for a phone that nobody mapped is unknown
    "transcend": {"yes@example.com"},  # unconfirmed and Auto are defaults that nobody chose
}
"""Whose grant is recorded where the form is documented and evidence is named. A refusal beside it still denies."""


@pytest.fixture
def house(tmp_path: Path, templates: Templates) -> Iterator[House]:
    with templates.opened(DEFINITION, tmp_path / "workspace", Clock()) as opened:
        yield opened


def run(house: House, kind: str, folder: Path, *, evidence: str, documented: bool) -> Report:
    """Import a sample; `documented` says that who, when, how and what was shown is on record."""
    importer = catalogue.find(kind)
    text = SAMPLES[kind].options
    if documented:
        text = text.replace('["written"]', '["demonstrable", "written"]')
    options = importer.load(text)
    folder.mkdir(exist_ok=True)
    source = importer.open(SAMPLES[kind].write(folder), options)
    return imports.run(
        house,
        imports.Order(
            kind=kind,
            name=kind,
            digest=source.digest,
            reading=text,
            evidence=evidence,
            brand="orchard",
            fields=tuple(getattr(options, "fields", {})),
            rows=lambda start: importer.read(source, options, NOW, start),
        ),
    )


def granted(house: House) -> set[str]:
    """Whoever has a grant in the record."""
    with house.database.read() as connection:
        found = people.changed_since(connection, 0)
        return {
            called(house, number)
            for number, person in found
            if any(one.kind == state.GRANT for claims in person.cells.values() for one in claims)
        }


def called(house: House, number: int) -> str:
    """An address of a person; for those without one the sample's own id, which counts like ours."""
    said = [one.event for one in history.of_person(house, number)]
    values = [event.value for event in said if isinstance(event, events.Point) and event.value]
    return values[0] if values else f"p{number}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_documented_form_and_named_evidence_grant_exactly_to_those(
    house: House, kind: str, tmp_path: Path
) -> None:
    run(house, kind, tmp_path / "export", evidence="archive of the form", documented=True)
    assert granted(house) == GRANTED[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("evidence", "documented"), [("", True), ("archive of the form", False), ("", False)]
)
def test_without_evidence_or_without_a_documented_form_nobody_is_granted_anything(
    house: House, kind: str, evidence: str, documented: bool, tmp_path: Path
) -> None:
    report = run(house, kind, tmp_path / "export", evidence=evidence, documented=documented)
    assert granted(house) == set()
    assert not {"said_given", "said_renewed"} & set(report.counts)


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_who_left_is_refused_by_the_gate_with_or_without_evidence(
    house: House, kind: str, tmp_path: Path
) -> None:
    run(house, kind, tmp_path / "export", evidence="", documented=False)
    run(house, kind, tmp_path / "again", evidence="archive of the form", documented=True)
    left = {one if one.startswith("p") or "@" in one else f"+{one}" for one in SAMPLES[kind].left}
    refused = set()
    gate = Gate(house)
    with house.database.read() as connection:
        numbers = [number for number, _ in people.changed_since(connection, 0)]
    for number in numbers:
        for channel in Channel:
            answer = gate.ask(number, Inquiry(brand="orchard", purpose="newsletter", channel=channel), NOW)
            if {"withdrawn", "refused", "objected", "contact_point_blocked"} & {
                reason.code for reason in answer.reasons
            }:
                refused.add(called(house, number))
    gate.close()
    assert refused == left


def test_a_register_is_loaded_beside_people_and_lapses_with_its_next_issue(
    house: House, tmp_path: Path
) -> None:
    importer = catalogue.find("registry")
    options = importer.load(SAMPLES["registry"].options)
    source = importer.open(SAMPLES["registry"].write(tmp_path), options)
    report = registries.load(house, options.registry, NOW - 86_400, importer.read(source, options, NOW))
    assert (report.registry.entries, report.rejected) == (3, 1)
    with house.database.read() as connection:
        assert people.count(connection) == 0
    emptied = registries.load(house, options.registry, NOW, iter(()))
    assert emptied.registry.entries == 0


LEADS = """
[source]
zone = "UTC"
[person]
email = "Email"
[fields]
city = "City"
[[permission]]
purpose = "newsletter"
channel = "email"
status = { column = "Opt in", given = ["yes"], refused = ["no"] }
when = "Submitted"
proof = ["demonstrable", "channel_named", "sender_named"]
evidence = { template = "campaign={Campaign} medium={Medium} click={Click id}" }
"""


def test_the_click_that_a_lead_came_by_stands_sealed_in_the_record(house: House, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(
        "Email,City,Opt in,Submitted,Campaign,Medium,Click id\n"
        "ann@example.com,Reno,yes,2026-05-01T10:00:00Z,spring-2026,cpc,abc-123\n"
    )
    importer = catalogue.find("table")
    options = importer.load(LEADS)
    source = importer.open(path, options)
    order = imports.Order(
        kind="table",
        name="ads",
        digest=source.digest,
        reading=LEADS,
        evidence="the lead form",
        brand="orchard",
        fields=tuple(options.fields),
        rows=lambda start: importer.read(source, options, NOW, start),
    )
    assert imports.run(house, order).counts["said_given"] == 1
    said = [one.event for one in history.of_person(house, 1)]
    grant = next(event for event in said if isinstance(event, events.Permission))
    assert grant.evidence == "campaign=spring-2026 medium=cpc click=abc-123"
    assert b"abc-123" not in (house.folder / "main.db").read_bytes()
