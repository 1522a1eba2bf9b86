"""The files: readable, the same bytes each time, dirty in the shares promised, and true to the truth struct."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amana.errors import BadInput
from amana.sample.countries import BY_CODE
from amana.sample.dirt import SHARES, Fault, wrong_numbers
from amana.sample.exports import SampleFiles, write_exports
from amana.sample.layouts import NEWSLETTER_ZONE
from amana.sample.people import people
from amana.sample.phones import numbers

Rows = list[dict[str, str]]
STATUSES = ("subscribed", "unsubscribed", "cleaned")
SEED = 7
COUNT = 20_000


def read_csv(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text, strict=True))


def read_members(path: Path) -> dict[str, Rows]:
    found = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            text = io.StringIO(archive.read(name).decode("utf-8"), newline="")
            found[name.partition("_")[0]] = list(csv.DictReader(text, strict=True))
    return found


def key(address: str) -> str:
    return address.strip().lower()


def addresses_saying_no(files: SampleFiles) -> set[str]:
    """Read from the files alone, as an importer would."""
    left = {key(row["Email Address"]) for row in read_members(files.newsletter)["unsubscribed"]}
    for row in read_csv(files.crm):
        if row["email_consent"] == "no" or row["unsubscribed"] == "yes":
            left.add(key(row["email"]))
    return left


def numbers_saying_no(files: SampleFiles) -> set[str]:
    found = set()
    for row in read_csv(files.crm):
        if row["mobile"] and (row["sms_consent"] == "no" or row["unsubscribed"] == "yes"):
            parsed = phonenumbers.parse(row["mobile"], row["country"] or None)
            found.add(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    return found


def own_rows(rows: Rows) -> Rows:
    """The rows of the CRM without its duplicates, which have numbers above the count."""
    return [row for row in rows if int(row["customer_id"][1:]) <= COUNT]


def is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_valid_number(row: dict[str, str]) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(row["mobile"], row["country"] or None))
    except phonenumbers.NumberParseException:
        return False


@pytest.fixture(scope="module")
def crm(files: SampleFiles) -> Rows:
    return read_csv(files.crm)


@pytest.fixture(scope="module")
def members(files: SampleFiles) -> dict[str, Rows]:
    return read_members(files.newsletter)


@pytest.fixture(scope="module")
def leads(files: SampleFiles) -> Rows:
    return read_csv(files.leads)


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first = write_exports(tmp_path / "first", 3, 900)
    second = write_exports(tmp_path / "second", 3, 900)
    other = write_exports(tmp_path / "other", 4, 900)
    for name in ("newsletter", "crm", "leads"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()
        assert getattr(first, name).read_bytes() != getattr(other, name).read_bytes()
    assert first.truth == second.truth


def test_writing_again_replaces_the_files(tmp_path: Path) -> None:
    write_exports(tmp_path, 4, 500)
    again = write_exports(tmp_path, 3, 60)
    fresh = write_exports(tmp_path / "fresh", 3, 60)
    assert again.crm.read_bytes() == fresh.crm.read_bytes()


def test_nothing_is_written_when_the_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        write_exports(tmp_path / "none", 3, 0)
    assert not (tmp_path / "none").exists()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 250))
def test_in_every_sample_each_no_can_be_read_from_the_files(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int
) -> None:
    files = write_exports(tmp_path_factory.mktemp("any"), seed, count)
    assert addresses_saying_no(files) == files.truth.said_no_email
    assert numbers_saying_no(files) == files.truth.said_no_sms


def test_each_no_of_the_whole_sample_can_be_read_from_the_files(files: SampleFiles) -> None:
    assert addresses_saying_no(files) == files.truth.said_no_email
    assert numbers_saying_no(files) == files.truth.said_no_sms
    assert len(files.truth.said_no_email) > 2_000
    assert len(files.truth.said_no_sms) > 200


def test_what_promises_and_what_forbids_have_nobody_in_common(files: SampleFiles) -> None:
    truth = files.truth
    forbidding = truth.said_no_email | truth.bounced
    assert not truth.confirmed_email & forbidding
    assert not truth.bought_only & forbidding
    assert not truth.bought_only & truth.confirmed_email
    children_at = {person.email for person in people(SEED, COUNT) if person.id in truth.children}
    assert not truth.confirmed_email & children_at
    assert len(truth.confirmed_email) > 5_000


def test_all_rows_are_counted(files: SampleFiles, members: dict[str, Rows], crm: Rows, leads: Rows) -> None:
    truth = files.truth
    assert truth.people == COUNT
    assert truth.newsletter_rows == {status: len(members[status]) for status in STATUSES}
    assert truth.crm_rows == len(crm)
    assert truth.duplicate_rows == len(crm) - len(own_rows(crm))
    assert truth.lead_rows == len(leads)


def test_everybody_is_in_at_least_one_file(members: dict[str, Rows], crm: Rows, leads: Rows) -> None:
    addresses = {key(row["Email Address"]) for rows in members.values() for row in rows}
    addresses |= {key(row["email"]) for row in leads}
    customers = {row["customer_id"] for row in crm}
    for person in people(SEED, COUNT):
        assert person.email in addresses or person.id in customers


def test_the_newsletter_export_has_its_three_files_and_its_columns(
    files: SampleFiles, members: dict[str, Rows]
) -> None:
    names = zipfile.ZipFile(files.newsletter).namelist()
    assert [name.partition("_members_export_")[0] for name in names] == list(STATUSES)
    assert all(name.endswith(".csv") for name in names)
    for rows in members.values():
        columns = list(rows[0])
        assert columns[:3] == ["Email Address", "First Name", "Last Name"]
        assert columns[-5:] == ["LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS"]
    assert "UNSUB_TIME" in members["unsubscribed"][0]
    assert "UNSUB_TIME" not in members["subscribed"][0]


def test_an_address_has_one_status_in_the_newsletter(members: dict[str, Rows]) -> None:
    found = Counter(row["Email Address"] for rows in members.values() for row in rows)
    assert max(found.values()) == 1


def test_newsletter_times_exist_once_in_their_zone_and_are_in_order(members: dict[str, Rows]) -> None:
    zone = ZoneInfo(NEWSLETTER_ZONE)
    for rows in members.values():
        for row in rows:
            order = [row["OPTIN_TIME"], row["CONFIRM_TIME"], row.get("UNSUB_TIME", ""), row["LAST_CHANGED"]]
            filled = [text for text in order if text]
            assert filled == sorted(filled)
            for text in filled:
                moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
                assert moment.utcoffset() == moment.replace(fold=1).utcoffset()
    assert all(row["UNSUB_TIME"] for row in members["unsubscribed"])


def test_some_subscribers_confirmed_and_some_did_not(members: dict[str, Rows]) -> None:
    confirmed = sum(bool(row["CONFIRM_TIME"]) for row in members["subscribed"])
    assert 0.4 < confirmed / len(members["subscribed"]) < 0.85


def test_only_reserved_domains_and_documentation_networks_appear(
    members: dict[str, Rows], crm: Rows, leads: Rows
) -> None:
    addresses = [row["Email Address"] for rows in members.values() for row in rows]
    addresses += [row["email"] for row in leads]
    addresses += [row["email"] for row in crm if row["email"].count("@") == 1]
    for address in addresses:
        domain = key(address).rpartition("@")[2]
        reserved = domain in ("", "example.com", "example.org", "example.net")
        assert reserved or domain.endswith((".example", ".test")), domain
    for row in members["subscribed"]:
        assert row["OPTIN_IP"].rpartition(".")[0] in ("192.0.2", "198.51.100", "203.0.113")


def test_faults_are_in_the_crm_as_often_as_counted(files: SampleFiles, crm: Rows) -> None:
    rows = own_rows(crm)
    seen = {
        Fault.WRONG_NUMBER: sum(bool(row["mobile"]) and not is_valid_number(row) for row in rows),
        Fault.IMPOSSIBLE_DATE: sum(
            any(text and not is_date(text) for column, text in row.items() if column.endswith("_date"))
            for row in rows
        ),
        Fault.EMPTY_EMAIL: sum(not row["email"] for row in rows),
        Fault.MISSING_COUNTRY: sum(not row["country"] for row in rows),
        Fault.MISSING_REGION: sum(bool(row["country"]) and not row["region"] for row in rows),
    }
    assert {fault: files.truth.faults[fault.value] for fault in seen} == seen


def test_a_mistyped_number_is_never_valid() -> None:
    for country in BY_CODE.values():
        codes = [code for region in country.regions for code in region.area_codes]
        for number in numbers(country.code, codes):
            parsed = phonenumbers.parse(number)
            national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
            for wrong in (*wrong_numbers(number), *wrong_numbers(national)):
                for where in (country.code, ""):
                    assert not is_valid_number({"mobile": wrong, "country": where}), wrong


def test_faults_come_in_the_shares_promised(files: SampleFiles, crm: Rows) -> None:
    rows = len(own_rows(crm))
    faults = files.truth.faults
    with_number = sum(bool(row["mobile"]) for row in own_rows(crm))
    assert files.truth.duplicate_rows / rows == pytest.approx(SHARES.duplicate, abs=0.006)
    assert faults["impossible_date"] / rows == pytest.approx(SHARES.impossible_date, abs=0.002)
    assert faults["missing_country"] / rows == pytest.approx(SHARES.missing_country, abs=0.006)
    assert 0.5 < faults["wrong_number"] / (with_number * SHARES.wrong_number) < 1.2
    assert 0.5 < faults["empty_email"] / (rows * SHARES.empty_email) < 1.2
    assert 0.5 < faults["broken_email"] / (rows * SHARES.broken_email) < 1.4


def test_some_people_who_said_no_stand_in_rows_with_an_impossible_date(crm: Rows) -> None:
    broken = [
        row
        for row in crm
        if any(text and not is_date(text) for column, text in row.items() if column.endswith("_date"))
    ]
    assert any(row["unsubscribed"] == "yes" or row["email_consent"] == "no" for row in broken)


def test_a_duplicate_repeats_the_choices_and_writes_the_person_differently(crm: Rows) -> None:
    choices = ("email_consent", "sms_consent", "unsubscribed", "consent_date", "signup_date", "mobile")
    originals: dict[tuple[str, ...], Rows] = {}
    for row in own_rows(crm):
        originals.setdefault(
            (row["signup_date"], row["mobile"], row["birth_date"], row["interests"]), []
        ).append(row)
    repeated = [row for row in crm if int(row["customer_id"][1:]) > COUNT]
    for row in repeated:
        same = originals[row["signup_date"], row["mobile"], row["birth_date"], row["interests"]]
        address = key(row["email"]).replace("+shop@", "@")
        matching = [other for other in same if key(other["email"]) == address]
        assert any(all(other[column] == row[column] for column in choices) for other in matching)
    emails = [row["email"] for row in repeated]
    assert any("+shop@" in email for email in emails)
    assert any(email != email.strip() for email in emails)
    assert any(email.isupper() for email in emails)
    assert any(", " in row["full_name"] for row in repeated)


def test_nobody_who_refused_email_hides_behind_a_tag(files: SampleFiles, crm: Rows) -> None:
    tagged = [row for row in crm if "+shop@" in row["email"]]
    assert len(tagged) > 20
    said_no = files.truth.said_no
    for row in tagged:
        assert row["customer_id"] not in said_no or row["sms_consent"] == "no"
        assert row["email_consent"] != "no"
        assert not row["unsubscribed"]


def test_the_two_systems_contradict_each_other_in_both_directions(
    files: SampleFiles, members: dict[str, Rows], crm: Rows
) -> None:
    by_customer = {person.id: person.email for person in people(SEED, COUNT) if not person.household_of}
    subscribed = {row["Email Address"] for row in members["subscribed"]}
    left = {row["Email Address"] for row in members["unsubscribed"]}
    left_crm = granted = 0
    for row in crm:
        email = by_customer.get(row["customer_id"], "")
        says_no = row["unsubscribed"] == "yes" or row["email_consent"] == "no"
        left_crm += email in subscribed and says_no
        granted += email in left and row["email_consent"] == "yes" and not row["unsubscribed"]
    assert left_crm == files.truth.subscribed_but_left_crm > 100
    assert granted == files.truth.left_but_granted_in_crm > 100


def test_the_bought_list_has_no_proof_and_holds_customers_and_leavers(
    files: SampleFiles, leads: Rows
) -> None:
    assert not any("date" in column or "wording" in column or column == "signup_form" for column in leads[0])
    assert 1_200 < len(leads) < 1_800
    known = [row for row in leads if key(row["email"]) not in files.truth.bought_only]
    assert len(known) == files.truth.leads_known > 100
    left = [row for row in leads if key(row["email"]) in files.truth.said_no_email]
    assert len(left) == files.truth.leads_who_said_no > 50


def test_children_can_be_known_from_the_crm(files: SampleFiles, crm: Rows) -> None:
    by_customer = {row["customer_id"]: row for row in crm}
    assert len(files.truth.children) > 200
    for number in files.truth.children:
        born = date.fromisoformat(by_customer[number]["birth_date"])
        assert born > date(2026, 9, 30) - timedelta(days=13 * 365)
    young = {
        row["customer_id"] for row in crm if is_date(row["birth_date"]) and row["birth_date"] > "2014-09-30"
    }
    assert young == files.truth.children


def test_shared_addresses_hold_two_names(files: SampleFiles, crm: Rows) -> None:
    names: dict[str, set[str]] = {}
    for row in own_rows(crm):
        if row["email"]:
            names.setdefault(row["email"], set()).add(row["full_name"])
    assert files.truth.shared_addresses > 200
    assert sum(len(found) == 2 for found in names.values()) > 100
