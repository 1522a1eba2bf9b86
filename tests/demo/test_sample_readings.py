"""The sample company's mappings claim no more, and no less, than its sign-up forms are worth.

What a wording and a form prove stands in `sample.forms`, apart from the mappings; here a row of each kind is read with
the mapping that the demo uses, and what comes out is held against it.
"""

from __future__ import annotations

import csv
from functools import reduce
from operator import and_
from pathlib import Path

import pytest

from amana.cli import demo
from amana.connectors import catalogue
from amana.core import workspace
from amana.core.statements import PersonRow, Statement
from amana.core.vocabulary import Channel, Proof, Status
from amana.sample.forms import FORMS, WORDINGS, Wording, proof
from amana.sample.layouts import CRM_COLUMNS, LEAD_COLUMNS

NOW = 1_795_000_000
CUSTOMER = {
    "customer_id": "C000001",
    "email": "ada@example.com",
    "country": "DE",
    "consent_date": "2025-05-05",
}


def said(folder: Path, reading: str, columns: tuple[str, ...], row: dict[str, str]) -> tuple[Statement, ...]:
    """What the mapping makes of one row."""
    path = folder / "one.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerow(row)
    importer = catalogue.find("table")
    options = importer.load(demo.sample(reading))
    (person,) = importer.read(importer.open(path, options), options, NOW)
    assert isinstance(person, PersonRow)
    return person.statements


def customer(folder: Path, **values: str) -> tuple[Statement, ...]:
    return said(folder, "crm.toml", CRM_COLUMNS, CUSTOMER | values)


def test_the_workspace_can_be_read_and_speaks_five_languages() -> None:
    definition = workspace.read(demo.sample("amana.toml"))
    assert set(definition.notices["news"].text) == {"en", "he", "ar", "th", "ru"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wording", WORDINGS, ids=lambda wording: wording.name)
def test_a_yes_is_worth_what_its_wording_and_form_make_it_worth(
    tmp_path: Path, form: str, wording: Wording
) -> None:
    row = {"email_consent": "yes", "sms_consent": "yes", "wording": wording.name, "signup_form": form}
    by_email, by_text = customer(tmp_path, **row)
    assert (by_email.channel, by_text.channel) == (Channel.EMAIL, Channel.SMS)
    assert by_email.proof == proof(form, wording)
    if Channel.SMS in wording.channels:
        assert by_text.proof == proof(form, wording)
    else:
        assert by_text.proof == Proof.SENDER_NAMED | Proof.DEMONSTRABLE
    assert by_email.notice == f"news@{wording.name}"


def test_only_a_confirmed_address_counts_as_confirmed(tmp_path: Path) -> None:
    row = {"email_consent": "yes", "wording": "news-3", "signup_form": "app"}
    (once,) = customer(tmp_path, **row)
    (twice,) = customer(tmp_path, **row, consent_confirmed_date="2025-05-06")
    assert twice.proof & ~once.proof == Proof.CONFIRMED


def test_a_yes_without_a_wording_is_unknown(tmp_path: Path) -> None:
    (found,) = customer(tmp_path, email_consent="yes", signup_form="app")
    assert found.status is Status.UNKNOWN


def test_a_no_to_email_is_a_no_to_every_email(tmp_path: Path) -> None:
    found = customer(tmp_path, email_consent="no", consent_date="")
    assert ("*", Channel.EMAIL, Status.REFUSED) in [(one.purpose, one.channel, one.status) for one in found]


def test_leaving_ends_everything_whatever_else_the_row_says(tmp_path: Path) -> None:
    found = customer(tmp_path, email_consent="yes", wording="news-3", signup_form="app", unsubscribed="yes")
    assert ("*", None, Status.WITHDRAWN) in [(one.purpose, one.channel, one.status) for one in found]


def test_a_purchase_is_evidence_only_where_refusing_was_offered(tmp_path: Path) -> None:
    bought = {"last_purchase_date": "2026-01-01"}
    assert [one.relationship for one in customer(tmp_path, **bought, opt_out_offered="yes")] == [True, True]
    assert customer(tmp_path, **bought, opt_out_offered="no") == ()
    assert customer(tmp_path, **bought) == ()


def test_the_newsletter_export_claims_what_every_form_and_wording_met() -> None:
    options = catalogue.find("mailchimp").load(demo.sample("newsletter.toml"))
    everywhere = reduce(and_, (proof(form, wording) for form in FORMS for wording in WORDINGS))
    assert {name.upper() for name in options.proof} == {str(one.name) for one in Proof if one & everywhere}


def test_a_seller_saying_opted_in_says_nothing(tmp_path: Path) -> None:
    lead = {"lead_id": "L1", "email": "ada@example.com", "seller": "A seller", "seller_says": "opted in"}
    (found,) = said(tmp_path, "leads.toml", LEAD_COLUMNS, lead)
    assert found.status is Status.UNKNOWN
    assert not found.proof
