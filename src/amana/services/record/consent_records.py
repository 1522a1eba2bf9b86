"""Consent records: what a person said about each purpose and channel, for other people's programs to read.

Rule. One record for each brand, purpose, channel and kind of data that the person ever spoke of, in the structure of
ISO/IEC TS 27560:2023 as the W3C Data Privacy Vocabulary spells it (DPV, profile `dpv-27560`, JSON-LD): who the controller
is, what for, what was shown, and every statement in log order, each with its consent status and moment. A refusal of
everything stands in each record that it covers. An objection (GDPR art. 21) ends a consent, and is named as what it is
beside that.

Each statement names its place in the log and its commitment, by which its receipt proves it. What has no word in the
vocabulary is under `amana:`. No address, name or other sealed value is in a record: the person is a number. A record says
what was said; what stands today is what the gate answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amana.core import events
from amana.core.person_copy import moment
from amana.core.statements import ANY
from amana.core.vocabulary import Actor, Status
from amana.core.workspace import Organisation, Workspace
from amana.services.record import history
from amana.services.record.history import Opened
from amana.services.record.house import House

PROFILE = "https://w3id.org/dpv/schema/dpv-27560#record"
CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "dct": "http://purl.org/dc/terms/",
    "loc": "https://w3id.org/dpv/loc#",
    "schema": "https://schema.org/",
    "amana": "urn:amana:",
}
_STATUS = {
    Status.UNKNOWN: ["dpv:ConsentUnknown"],
    Status.REQUESTED: ["dpv:ConsentRequested"],
    Status.GIVEN: ["dpv:ConsentGiven"],
    Status.RENEWED: ["dpv:RenewedConsentGiven"],
    Status.REFUSED: ["dpv:ConsentRefused"],
    Status.INVALIDATED: ["dpv:ConsentInvalidated"],
    Status.WITHDRAWN: ["dpv:ConsentWithdrawn"],
    Status.OBJECTED: ["dpv:ConsentWithdrawn", "dpv:ObjectingToProcess"],
}
_INDICATED_BY = {
    Actor.PERSON: "dpv:DataSubject",
    Actor.GUARDIAN: "dpv:GuardianOfDataSubject",
    Actor.RELAYED: "dpv:ThirdParty",
}

Cell = tuple[str, str, str, str]
"""Brand, purpose, channel and category of data."""


def of_person(house: House, person: int) -> dict[str, Any]:
    """A person's consent records as one JSON-LD document. Raises NotFound (erased), KeyMissing, VerificationFailed."""
    history.not_erased(house, person)
    opened = history.of_person(house, person)
    said = [(one, one.event) for one in opened if isinstance(one.event, events.Permission)]
    cells = sorted({_cell(event) for _, event in said})
    records = []
    for cell in cells:
        covering = [(one, event) for one, event in said if _covers(event, cell)]
        records.append(_record(house, person, cell, covering))
    return {"@context": CONTEXT, "@graph": records}


def _cell(event: events.Permission) -> Cell:
    return event.brand, event.purpose, event.channel, event.category


def _covers(event: events.Permission, cell: Cell) -> bool:
    """Whether a statement speaks of a cell: each of its words is the cell's, or stands for every one."""
    named = zip(_cell(event), cell, (ANY, ANY, ANY, ""), strict=True)
    return all(word in (wanted, every) for word, wanted, every in named)


def _record(
    house: House, person: int, cell: Cell, said: Sequence[tuple[Opened, events.Permission]]
) -> dict[str, Any]:
    first, last = said[0][1], said[-1][1]
    return {
        "@id": f"urn:amana:{house.origin}:p{person}:{':'.join(cell)}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": {"@id": PROFILE},
        "dct:identifier": f"p{person}/{'/'.join(cell)}",
        "dct:created": moment(first.recorded),
        "dct:modified": moment(last.recorded),
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "dct:identifier": f"p{person}"},
        "dpv:hasDataController": _controller(house.workspace.organisation),
        "dpv:hasLegalBasis": {"@id": "dpv:Consent"},
        "dpv:hasProcess": _process(house.workspace, cell),
        "dpv:hasConsentStatus": [_status(house, one, event) for one, event in said],
    }


def _controller(organisation: Organisation) -> dict[str, Any]:
    return {
        "@type": "dpv:DataController",
        "schema:name": organisation.name,
        "schema:email": organisation.contact,
        "dpv:hasCountry": {"@id": f"loc:{organisation.country}"},
    }


def _process(workspace: Workspace, cell: Cell) -> dict[str, Any]:
    """What is done, as the workspace and the purpose's notice describe it today."""
    brand, purpose, channel, category = cell
    found: dict[str, Any] = {"@type": "dpv:Process", "amana:channel": channel}
    found["schema:brand"] = workspace.brands[brand].name if brand in workspace.brands else brand
    found["dpv:hasPurpose"] = {"@type": "dpv:Purpose", "dct:identifier": purpose}
    if category:
        found["dpv:hasPersonalData"] = {"@type": "dpv:PersonalData", "dct:identifier": category}
    known = workspace.purposes.get(purpose)
    if known is None:
        return found
    found["dpv:hasPurpose"]["dct:subject"] = known.category
    notice = workspace.notices[known.notice]
    found["dpv:hasRecipient"] = list(notice.shared_with)
    found["amana:howToWithdraw"] = notice.withdraw
    storage = [{"@type": "dpv:StorageDuration", "dpv:hasDuration": notice.kept_for}]
    if workspace.organisation.stored_in:
        place = {"@id": f"loc:{workspace.organisation.stored_in}"}
        storage.append({"@type": "dpv:StorageLocation", "dpv:hasLocation": place})  # type: ignore[dict-item]  # a place, not a word
    found["dpv:hasStorageCondition"] = storage
    return found


def _status(house: House, one: Opened, event: events.Permission) -> dict[str, Any]:
    """One statement: its status, whose word it is, when, how, what was shown, and where the log proves it."""
    found: dict[str, Any] = {
        "@type": _STATUS[event.status],
        "dct:identifier": event.id,
        "dpv:isIndicatedBy": {"@id": _INDICATED_BY.get(event.actor, "dpv:DataController")},
        "amana:saidBy": event.actor.value,
        "amana:log": house.origin,
        "amana:position": one.position,
        "amana:commitment": one.commitment.hex(),
    }
    if event.occurred.lo > 0:  # an undated statement begins with time itself, which is no day to tell anybody
        found["dpv:isIndicatedAtTime"] = moment(event.occurred.lo)
    if event.occurred.hi != event.occurred.lo:
        found["amana:atTheLatest"] = moment(event.occurred.hi)
    if event.evidence:
        found["dpv:hasIndicationMethod"] = event.evidence
    if event.notice:
        found["dpv:hasNotice"] = {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": event.notice,
            "amana:sha256": event.notice_hash,
        }
    return found
