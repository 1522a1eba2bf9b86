"""An address is classed from itself alone, and never makes anybody corporate without evidence."""

from __future__ import annotations

from importlib import resources

import pytest

from amana.core import address_class, contact_points
from amana.core.address_class import AddressClass, AddressRules
from amana.core.vocabulary import SubjectType
from amana.errors import BadInput

ROLE = AddressClass.ROLE
FREEMAIL = AddressClass.FREEMAIL
NAMED = AddressClass.NAMED
NEVER = AddressClass.ROLE | AddressClass.NEVER_TARGET
NONE = AddressClass(0)


def rules_text() -> str:
    return resources.files("amana").joinpath("data", "address_rules.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def rules() -> AddressRules:
    return address_class.read_rules(rules_text())


@pytest.mark.parametrize(
    ("local", "flags"),
    [
        ("info", ROLE),
        ("INFO", ROLE),
        ("sales-team", ROLE),
        ("sales.team", ROLE),
        ("info.uk", ROLE),
        ("info-de", ROLE),
        ("support2", ROLE),
        ("support_24", ROLE),
        ("sales+newsletter", ROLE),
        ("cyclists-request", ROLE),
        ("kontakt", ROLE),
        ("sherut", ROLE),
        ("abuse", NEVER),
        ("security.de", NEVER),
        ("privacy-team", NEVER),
        ("dpo", NEVER),
        ("no-reply", NEVER),
        ("no.reply", NEVER),
        ("do_not_reply", NEVER),
        ("noreply-orders", NEVER),
        ("noreply+7", NEVER),
        ("dana.levi", NAMED),
        ("d.levi", NAMED),
        ("dana_levi2", NAMED),
        ("hr.manager", NAMED),
        ("li.sales", NAMED),
        ("דנה.לוי", NAMED),
        ("สมชาย.ใจดี", NAMED),
        ("dlevi", NONE),
        ("ceo", NONE),
        ("a.b", NONE),
        ("x92-17", NONE),
    ],
)
def test_the_local_part_tells_roles_from_people(rules: AddressRules, local: str, flags: AddressClass) -> None:
    email = contact_points.normalise_email(f"{local}@company.example")
    assert address_class.classify(rules, email) == flags


@pytest.mark.parametrize(
    ("local", "person"),
    [("dlevi", "Dana Levi"), ("dana", "LEVI Dana"), ("jmuller", "Jörg Müller"), ("דנהל", "דנה לוי")],
)
def test_the_name_on_record_makes_an_address_named(rules: AddressRules, local: str, person: str) -> None:
    email = contact_points.normalise_email(f"{local}@company.example")
    assert address_class.classify(rules, email, person) == NAMED
    assert address_class.classify(rules, email, "Omar Ali") == NONE


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.co.uk", "hotmail.fr", "yandex.com", "walla.co.il"])
def test_private_mailboxes_are_known_under_every_ending(rules: AddressRules, domain: str) -> None:
    email = contact_points.normalise_email(f"info.shop@{domain}")
    assert FREEMAIL in address_class.classify(rules, email)


@pytest.mark.parametrize("domain", ["yahoo.example.com", "live.company.example", "notgmail.com"])
def test_a_domain_that_only_resembles_a_provider_is_not_one(rules: AddressRules, domain: str) -> None:
    email = contact_points.normalise_email(f"dana@{domain}")
    assert FREEMAIL not in address_class.classify(rules, email)


@pytest.mark.parametrize("flags", [NONE, ROLE, NAMED, NEVER])
def test_a_domain_alone_never_makes_anybody_corporate(rules: AddressRules, flags: AddressClass) -> None:
    assert address_class.subject_type(rules, flags, None) is SubjectType.CONSUMER
    assert address_class.subject_type(rules, flags, "") is SubjectType.CONSUMER
    assert address_class.subject_type(rules, flags, "a friendly shop") is SubjectType.CONSUMER


@pytest.mark.parametrize(
    "form", ["Ltd", "LTD.", "P.L.C.", "GmbH", "S.A.S.", "Sp. z o.o.", "ООО", 'בע"מ', "incorporated"]
)
def test_evidence_of_an_incorporated_form_makes_a_corporate_subject(rules: AddressRules, form: str) -> None:
    assert address_class.subject_type(rules, ROLE, form) is SubjectType.CORPORATE_GENERIC
    assert address_class.subject_type(rules, NAMED, form) is SubjectType.CORPORATE_NAMED


def test_an_address_that_is_not_clearly_a_roles_is_a_persons(rules: AddressRules) -> None:
    assert address_class.subject_type(rules, NONE, "Ltd") is SubjectType.CORPORATE_NAMED


@pytest.mark.parametrize(
    "form", ["sole_trader", "Sole Trader", "freelancer", "ИП", "unincorporated_partnership"]
)
def test_a_sole_trader_stays_one_at_a_role_address(rules: AddressRules, form: str) -> None:
    assert address_class.subject_type(rules, ROLE, form) is SubjectType.SOLE_TRADER


@pytest.mark.parametrize("form", ["Ltd", "sole_trader", None])
def test_a_private_mailbox_stays_a_consumers(rules: AddressRules, form: str | None) -> None:
    assert address_class.subject_type(rules, ROLE | FREEMAIL, form) is SubjectType.CONSUMER


def test_the_stored_bits_do_not_move() -> None:
    assert [(flag.name, flag.value) for flag in AddressClass] == [
        ("ROLE", 1),
        ("FREEMAIL", 2),
        ("NEVER_TARGET", 4),
        ("NAMED", 8),
    ]


def test_the_file_is_dated_and_cited_and_its_sets_do_not_contradict(rules: AddressRules) -> None:
    assert rules.version == "2026-11-21"
    assert "RFC 2142" in rules.citation
    assert rules.never_target <= rules.roles
    assert not rules.incorporated & rules.sole_trader


@pytest.mark.parametrize("text", ["", "version = ", 'version = "1"', rules_text() + "\n[surprise]\n"])
def test_a_wrong_file_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        address_class.read_rules(text)
