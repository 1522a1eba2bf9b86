"""A Mailchimp export says less than it seems to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amana import errors
from amana.connectors import catalogue
from amana.connectors.tables import Source
from amana.core.statements import Interval, PersonRow, Statement
from amana.core.vocabulary import Channel, Proof, Status

Write = Callable[..., Path]
NOW = 1_760_000_000
OPTIONS = """
purposes = ["newsletter"]
zone = "America/New_York"
notice = "signup@2"
proof = ["channel_named", "sender_named", "demonstrable"]
ignore = ["Last Name"]
fields = { first_name = "First Name" }
"""
NAMES = '"Email Address","First Name","Last Name"'
STANDARD = (
    "MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,"
    "LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
HEADER = f"{NAMES},{STANDARD}\n"
UNSUB_HEADER = (
    f"{NAMES},{STANDARD},UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER\n"
)
CLEAN_HEADER = f"{NAMES},{STANDARD},CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID\n"
OPTED_IN = Interval(lo=1714573800, hi=1714573800)  # 2024-05-01 10:30:00 in New York


def line(optin: str = "2024-05-01 10:30:00", confirm: str = "2024-05-01 10:35:00", more: str = "") -> str:
    ip = "192.0.2.1"
    return (
        f'ana@example.com,Ana,Bell,2,"{optin}",{ip if optin else ""},"{confirm}",{ip},,,,,,US,NY,'
        f'"2024-06-01 00:00:00",1,e1,,{more}\n'
    )


def statements(path: Path, options: str = OPTIONS) -> tuple[Statement, ...]:
    importer = catalogue.find("mailchimp")
    loaded = importer.load(options)
    (person,) = importer.read(importer.open(path, loaded), loaded, NOW)
    assert isinstance(person, PersonRow)
    assert (person.email, person.external_id, person.fields) == (
        "ana@example.com",
        "e1",
        {"first_name": "Ana"},
    )
    return person.statements


def subscribed(write_zip: Write, row: str, options: str = OPTIONS) -> Statement:
    (said,) = statements(write_zip({"subscribed_members_export_1.csv": HEADER + row}), options)
    return said


def test_a_double_opt_in_is_given_and_confirmed(write_zip: Write) -> None:
    said = subscribed(write_zip, line())
    assert (said.status, said.purpose, said.channel) == (Status.GIVEN, "newsletter", Channel.EMAIL)
    assert said.proof == Proof.CHANNEL_NAMED | Proof.SENDER_NAMED | Proof.DEMONSTRABLE | Proof.CONFIRMED
    assert said.occurred == Interval(lo=OPTED_IN.lo + 300, hi=OPTED_IN.hi + 300)
    assert said.notice == "signup@2"


@pytest.mark.parametrize("confirm", ["", "2024-05-01 10:30:00"])
def test_a_single_opt_in_is_not_confirmed(write_zip: Write, confirm: str) -> None:
    said = subscribed(write_zip, line(confirm=confirm))
    assert (said.status, said.occurred) == (Status.GIVEN, OPTED_IN)
    assert Proof.CONFIRMED not in said.proof


def test_a_contact_the_owner_added_has_neither_the_form_s_proof_nor_a_confirmation(write_zip: Write) -> None:
    said = subscribed(write_zip, line(optin=""))
    assert (said.status, said.proof, said.notice, said.occurred) == (Status.UNKNOWN, Proof(0), "", None)


def test_an_opt_in_address_is_no_evidence_of_the_wording(write_zip: Write) -> None:
    undocumented = OPTIONS.replace('proof = ["channel_named", "sender_named", "demonstrable"]\n', "")
    said = subscribed(write_zip, line(), undocumented)
    assert (said.status, said.proof) == (Status.UNKNOWN, Proof.CONFIRMED)


def test_the_file_s_name_is_the_status(write_zip: Write) -> None:
    row = line(more=',"2024-07-01 09:00:00","July news",c77,NORMAL,')
    (said,) = statements(write_zip({"unsubscribed_members_export_1.csv": UNSUB_HEADER + row}))
    assert (said.status, said.purpose, said.channel) == (Status.WITHDRAWN, "newsletter", Channel.EMAIL)
    assert said.occurred == Interval(lo=1719838800, hi=1719838800)
    assert (said.reason, said.evidence) == ("unsubscribe", "c77")


def test_an_unsubscribe_without_a_time_still_counts(write_zip: Write) -> None:
    row = line(more=",,,,,")
    (said,) = statements(write_zip({"unsubscribed_members_export_1.csv": UNSUB_HEADER + row}))
    assert said.status is Status.WITHDRAWN
    assert said.occurred is not None  # LAST_CHANGED


def test_a_complaint_blocks_the_address_too(write_zip: Write) -> None:
    row = line(more=",2024-07-01 09:00:00,,c77,Abuse complaint,")
    found = statements(write_zip({"unsubscribed_members_export_1.csv": UNSUB_HEADER + row}))
    assert [(each.reason, each.point_blocked) for each in found] == [
        ("unsubscribe", False),
        ("complaint", True),
    ]


def test_a_cleaned_address_is_blocked_and_nobody_s_withdrawal(write_zip: Write) -> None:
    row = line(more=",2024-07-01 09:00:00,July,c77")
    (said,) = statements(write_zip({"cleaned_members_export_1.csv": CLEAN_HEADER + row}))
    assert (said.status, said.reason, said.point_blocked) == (Status.UNKNOWN, "bounce_hard", True)


def test_somebody_who_never_subscribed_said_nothing(write_zip: Write) -> None:
    (said,) = statements(write_zip({"nonsubscribed_members_export_1.csv": HEADER + line()}))
    assert (said.status, said.proof) == (Status.UNKNOWN, Proof(0))


def test_a_file_whose_name_has_no_status_is_refused(write_zip: Write, write: Write) -> None:
    with pytest.raises(errors.BadInput, match="subscribed_"):
        statements(write_zip({"members.csv": HEADER + line()}))
    with pytest.raises(errors.BadInput, match="subscribed_"):
        statements(write(HEADER + line(), "members.csv"))


def test_one_file_of_the_archive_can_be_read_alone(write: Write) -> None:
    (said,) = statements(write(HEADER + line(), "subscribed_members_export_1.csv"))
    assert said.status is Status.GIVEN


def test_the_account_s_zone_must_be_said() -> None:
    with pytest.raises(errors.BadInput, match="zone"):
        catalogue.find("mailchimp").load('purposes = ["newsletter"]')


def test_a_merge_column_needs_a_purpose(write_zip: Write) -> None:
    path = write_zip({"subscribed_x.csv": HEADER.replace(STANDARD, "Birthday," + STANDARD) + line()})
    importer = catalogue.find("mailchimp")
    loaded = importer.load(OPTIONS)
    with pytest.raises(errors.UnregisteredField, match="Birthday"):
        importer.read(Source(path), loaded, NOW)
