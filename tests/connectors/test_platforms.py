"""Each platform's words are weaker than they sound; one trap for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from import_samples import SAMPLES

from amana import errors
from amana.connectors import catalogue
from amana.core.statements import ANY, Interval, PersonRow, Statement
from amana.core.vocabulary import Channel, Proof, Status

Write = Callable[..., Path]
NOW = 1_760_000_000


def said(kind: str, folder: Path, who: str) -> tuple[Statement, ...]:
    """What the sample export of `kind` says about one person."""
    importer = catalogue.find(kind)
    options = importer.load(SAMPLES[kind].options)
    for row in importer.read(importer.open(SAMPLES[kind].write(folder), options), options, NOW):
        if isinstance(row, PersonRow) and who in (row.email, row.phone, row.external_id):
            return row.statements
    raise AssertionError(f"{who} is not in the export")


def statuses(found: tuple[Statement, ...]) -> list[tuple[str, Status]]:
    return [(each.channel.value if each.channel else ANY, each.status) for each in found]


def test_listmonk_enabled_is_no_consent(tmp_path: Path) -> None:
    assert statuses(said("listmonk", tmp_path, "on@example.com")) == [("email", Status.UNKNOWN)]


def test_listmonk_blocklisted_is_a_no_to_everything(tmp_path: Path) -> None:
    (found,) = said("listmonk", tmp_path, "block@example.com")
    assert (found.status, found.purpose, found.point_blocked) == (Status.WITHDRAWN, ANY, True)


def test_hubspot_consent_to_processing_is_no_consent_to_messages(tmp_path: Path) -> None:
    (found,) = said("hubspot", tmp_path, "free@example.com")
    assert (found.status, found.relationship) == (Status.UNKNOWN, False)


def test_hubspot_legitimate_interest_is_evidence_of_another_basis(tmp_path: Path) -> None:
    left, interest = said("hubspot", tmp_path, "left@example.com")
    assert (left.status, left.purpose) == (Status.WITHDRAWN, ANY)
    assert (interest.status, interest.relationship, interest.reason) == (Status.UNKNOWN, True, "relationship")
    assert interest.proof == Proof.OWN_COLLECTION


@pytest.mark.parametrize(
    ("basis", "relationship"),
    [
        ("CONSENT_WITH_NOTICE", False),
        ("PROCESS_AND_STORE", False),
        ("NON_GDPR", False),
        ("LEGITIMATE_INTEREST_PQL", True),
        ("LEGITIMATE_INTEREST_CLIENT", True),
        ("LEGITIMATE_INTEREST_OTHER", True),
        ("PERFORMANCE_OF_CONTRACT", True),
    ],
)
def test_none_of_hubspot_s_seven_bases_is_a_consent(write: Write, basis: str, relationship: bool) -> None:
    path = write(f"Email,Legal basis for processing contact's data\na@example.com,{basis}\n")
    importer = catalogue.find("hubspot")
    options = importer.load('purposes = ["newsletter"]\nproof = ["written"]')
    (person,) = importer.read(importer.open(path, options), options, NOW)
    assert isinstance(person, PersonRow)
    assert [(each.status, each.relationship) for each in person.statements] == [
        (Status.UNKNOWN, relationship)
    ]


def test_hubspot_s_opt_out_list_is_one_column_of_people_who_left(write: Write) -> None:
    importer = catalogue.find("hubspot")
    options = importer.load('purposes = ["newsletter"]')
    (person,) = importer.read(importer.open(write("Email\na@example.com\n"), options), options, NOW)
    assert isinstance(person, PersonRow)
    assert statuses(person.statements) == [("email", Status.WITHDRAWN)]


def test_hubspot_s_opt_out_of_a_type_needs_to_know_the_type(write: Write) -> None:
    importer = catalogue.find("hubspot")
    options = importer.load('purposes = ["newsletter"]')
    path = write("Email,Opted out of email: News\na@example.com,Yes\n")
    with pytest.raises(errors.UnregisteredField, match="Opted out of email: News"):
        importer.read(importer.open(path, options), options, NOW)


def test_klaviyo_subscribed_is_never_a_double_opt_in(tmp_path: Path) -> None:
    found = said("klaviyo", tmp_path, "yes@example.com")
    assert statuses(found) == [("email", Status.GIVEN), ("sms", Status.UNKNOWN)]
    assert Proof.CONFIRMED not in found[0].proof


def test_klaviyo_s_suppression_is_read_beside_a_subscribed_status(tmp_path: Path) -> None:
    found = said("klaviyo", tmp_path, "back@example.com")
    assert [(each.status, each.reason) for each in found][1:] == [(Status.WITHDRAWN, "suppressed")]


def test_braze_subscribed_is_no_opt_in(tmp_path: Path) -> None:
    assert statuses(said("braze", tmp_path, "default@example.com")) == [("email", Status.UNKNOWN)]
    assert statuses(said("braze", tmp_path, "yes@example.com")) == [
        ("email", Status.GIVEN),
        ("push", Status.UNKNOWN),
    ]


def test_braze_s_unsubscribe_time_is_stronger_than_its_state(tmp_path: Path) -> None:
    assert statuses(said("braze", tmp_path, "mixed@example.com")) == [("email", Status.WITHDRAWN)]


def test_mautic_s_reasons_differ(tmp_path: Path) -> None:
    (left,) = said("mautic", tmp_path, "left@example.com")
    assert (left.status, left.purpose, left.channel) == (Status.WITHDRAWN, ANY, Channel.EMAIL)
    (gone,) = said("mautic", tmp_path, "gone@example.com")
    assert (gone.status, gone.point_blocked) == (Status.UNKNOWN, True)
    (staff,) = said("mautic", tmp_path, "staff@example.com")
    assert (staff.status, staff.channel) == (Status.WITHDRAWN, None)
    assert said("mautic", tmp_path, "fine@example.com") == ()


def test_salesforce_captured_by_web_is_not_consent_for_web(tmp_path: Path) -> None:
    (found,) = said("salesforce", tmp_path, "p1")
    assert (found.channel, found.status) == (Channel.EMAIL, Status.GIVEN)
    assert found.proof == Proof.WRITTEN | Proof.CONFIRMED
    assert said("salesforce", tmp_path, "p7") == ()  # captured by e-mail, for a phone nobody gave a channel


def test_salesforce_grants_that_end_or_have_no_status_are_unknown(tmp_path: Path) -> None:
    assert statuses(said("salesforce", tmp_path, "p4")) == [("email", Status.UNKNOWN)]
    assert statuses(said("salesforce", tmp_path, "p5")) == [("email", Status.UNKNOWN)]


def test_salesforce_opt_out_of_an_unknown_purpose_is_of_every_purpose(tmp_path: Path) -> None:
    (found,) = said("salesforce", tmp_path, "p3")
    assert (found.status, found.purpose, found.channel) == (Status.WITHDRAWN, ANY, None)


def test_transcend_defaults_are_nobody_s_choice(tmp_path: Path) -> None:
    assert statuses(said("transcend", tmp_path, "yes@example.com")) == [("email", Status.GIVEN)]
    assert statuses(said("transcend", tmp_path, "default@example.com")) == [("email", Status.UNKNOWN)]
    assert said("transcend", tmp_path, "auto@example.com") == ()


def test_a_register_joins_area_code_and_number(tmp_path: Path) -> None:
    found = said("registry", tmp_path, "2015550123")
    assert statuses(found) == [("phone_live", Status.REFUSED), ("phone_auto", Status.REFUSED)]
    assert {(each.reason, each.evidence) for each in found} == {("registry", "US_NATIONAL_DNC")}
    assert found[0].occurred == Interval(lo=1793491200, hi=1793577599)
