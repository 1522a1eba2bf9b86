"""A person's consent records: ISO/IEC TS 27560 in the words of the W3C DPV, each statement provable by its receipt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import proof_house
import pytest

from amana import errors
from amana.core.statements import Interval
from amana.core.vocabulary import Status
from amana.ledger import note, receipt
from amana.services.keeping import forget
from amana.services.record import consent_records, publication, receipts

LEFT, STAYED = 1, 2


def records_of(folder: Path, person: int) -> list[dict[str, Any]]:
    with proof_house.opened(folder) as house:
        document = json.loads(json.dumps(consent_records.of_person(house, person)))
    assert document["@context"] == consent_records.CONTEXT
    graph: list[dict[str, Any]] = document["@graph"]
    return graph


def keys_of(value: Any) -> Iterator[str]:
    """Every key of a document, however deep, and every name that stands for a thing."""
    if isinstance(value, list):
        for one in value:
            yield from keys_of(one)
    elif isinstance(value, dict):
        for name, held in value.items():
            yield name
            if name in ("@id", "@type"):
                yield from held if isinstance(held, list) else [held]
            yield from keys_of(held)


def test_a_record_says_who_what_for_what_was_shown_and_every_statement(original: Path) -> None:
    (record,) = records_of(original, LEFT)
    assert record["@type"] == "dpv:ConsentRecord"
    assert record["dct:conformsTo"] == {"@id": consent_records.PROFILE}
    assert record["dpv:hasDataController"]["schema:name"] == "Orchard Street Ltd"
    assert record["dpv:hasProcess"]["dpv:hasPurpose"]["dct:identifier"] == "offers"
    assert record["dpv:hasProcess"]["amana:channel"] == "email"
    assert {"@type": "dpv:StorageDuration", "dpv:hasDuration": "P3Y"} in record["dpv:hasProcess"][
        "dpv:hasStorageCondition"
    ]
    given, withdrawn = record["dpv:hasConsentStatus"]
    assert (given["@type"], withdrawn["@type"]) == (["dpv:ConsentGiven"], ["dpv:ConsentWithdrawn"])
    assert given["dpv:isIndicatedBy"] == {"@id": "dpv:DataSubject"}
    assert given["dpv:hasIndicationMethod"] == "form:checkout"
    assert given["dpv:hasNotice"]["amana:sha256"] == proof_house.WORDING
    assert given["dpv:isIndicatedAtTime"] == "2027-01-15T07:43:40Z"


def test_every_name_in_a_record_has_its_vocabulary(original: Path) -> None:
    for name in keys_of(records_of(original, LEFT)):
        assert name in ("@id", "@type") or name.partition(":")[0] in (
            *consent_records.CONTEXT,
            "urn",
            "https",
        ), name


def test_what_a_record_says_of_a_statement_its_receipt_proves(original: Path) -> None:
    (record,) = records_of(original, STAYED)
    with proof_house.opened(original) as house:
        key = publication.log_key(house)
        for said in record["dpv:hasConsentStatus"]:
            proven = receipt.verify(receipts.of(house, said["amana:position"]), key)
            assert (proven.commitment.hex(), key.name) == (said["amana:commitment"], said["amana:log"])
    assert isinstance(key, note.VerifierKey)


def test_no_value_that_identifies_a_person_stands_in_a_record(original: Path) -> None:
    assert "mail.example" not in json.dumps(records_of(original, LEFT))


def test_a_refusal_of_everything_stands_in_each_record_and_an_objection_is_named(folder: Path) -> None:
    event = proof_house.permission(7_000, Status.OBJECTED)
    everything = msgspec.structs.replace(event, brand="*", purpose="*", channel="*", point=-1)
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: session.record(session.person(STAYED), everything))
    records = records_of(folder, STAYED)
    assert [one["dct:identifier"] for one in records] == ["p2/*/*/*/", "p2/orchard/offers/email/"]
    for record in records:
        assert record["dpv:hasConsentStatus"][-1]["@type"] == [
            "dpv:ConsentWithdrawn",
            "dpv:ObjectingToProcess",
        ]
    assert len(records[1]["dpv:hasConsentStatus"]) == len(records[0]["dpv:hasConsentStatus"]) + 1


def test_a_statement_without_a_day_names_none(folder: Path) -> None:
    event = proof_house.permission(7_000, Status.WITHDRAWN)
    undated = msgspec.structs.replace(event, occurred=Interval(lo=0, hi=7_000))
    with proof_house.opened(folder, writing=True) as house:
        house.writing().write(lambda session: session.record(session.person(STAYED), undated))
    said = records_of(folder, STAYED)[0]["dpv:hasConsentStatus"][-1]
    assert said["@type"] == ["dpv:ConsentWithdrawn"]
    assert "dpv:isIndicatedAtTime" not in said
    assert said["amana:atTheLatest"] == "1970-01-01T01:56:40Z"


def test_whoever_was_erased_has_no_records(folder: Path) -> None:
    with proof_house.opened(folder, writing=True) as house:
        forget.forget(house, [LEFT])
        with pytest.raises(errors.NotFound, match="erased"):
            consent_records.of_person(house, LEFT)


def test_every_status_has_its_word() -> None:
    assert set(consent_records._STATUS) == set(Status)
