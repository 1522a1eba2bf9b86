"""The invented people: reproducible, reserved, varied, and nobody real."""

from __future__ import annotations

import unicodedata
from collections import Counter
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from amana.errors import BadInput
from amana.sample.countries import BY_CODE
from amana.sample.forms import FORMS, WORDINGS, proof, wording_on
from amana.sample.names import BY_LANGUAGE
from amana.sample.people import FIRST_DAY, INTERESTS, LAST_DAY, Age, SamplePerson, people
from amana.sample.phones import numbers

RESERVED = ("example.com", "example.org", "example.net")
SCRIPTS = {"he": "HEBREW", "ar": "ARABIC", "th": "THAI", "ru": "CYRILLIC", "de": "LATIN", "en": "LATIN"}


@pytest.fixture(scope="module")
def crowd() -> list[SamplePerson]:
    return list(people(7, 20_000))


def is_reserved(domain: str) -> bool:
    return domain in RESERVED or domain.endswith((".example", ".test"))


def age_on_last_day(person: SamplePerson) -> int:
    assert person.birth_date is not None
    born = person.birth_date
    return LAST_DAY.year - born.year - ((LAST_DAY.month, LAST_DAY.day) < (born.month, born.day))


def test_the_same_seed_gives_the_same_people() -> None:
    assert list(people(11, 500)) == list(people(11, 500))


def test_another_seed_gives_other_people() -> None:
    assert list(people(11, 50)) != list(people(12, 50))


@pytest.mark.parametrize("count", [0, -1])
def test_a_sample_without_people_is_refused_at_once(count: int) -> None:
    with pytest.raises(BadInput):
        people(1, count)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 80))
def test_every_address_of_every_sample_is_reserved_and_lower_case(seed: int, count: int) -> None:
    crowd = list(people(seed, count))
    assert len(crowd) == count
    for person in crowd:
        assert is_reserved(person.email.rpartition("@")[2])
        assert person.email == person.email.lower()


def test_every_address_can_be_written_in_mail(crowd: list[SamplePerson]) -> None:
    shapes = {person.email for person in crowd if not person.email.isascii()}
    shapes |= {person.email for person in crowd[:500]}
    for address in shapes:
        assert (
            validate_email(address, check_deliverability=False, test_environment=True).normalized == address
        )


def test_an_address_is_shared_only_inside_a_household(crowd: list[SamplePerson]) -> None:
    by_id = {person.id: person for person in crowd}
    first_at = {}
    for person in crowd:
        if not person.household_of:
            assert person.email not in first_at
            first_at[person.email] = person.id
            continue
        first = by_id[person.household_of]
        assert (first.email, first.family_name) == (person.email, person.family_name)
        assert first.given_name != person.given_name
        assert not first.household_of
    seconds = [person for person in crowd if person.household_of]
    assert 0.015 < len(seconds) / len(crowd) < 0.03
    assert {person.age for person in seconds} == {Age.CHILD, Age.ADULT}


def test_every_number_is_valid_and_belongs_to_one_person(crowd: list[SamplePerson]) -> None:
    given_out = [person.phone for person in crowd if person.phone]
    assert len(given_out) == len(set(given_out)) > 2_000
    for number in given_out:
        parsed = phonenumbers.parse(number)
        assert phonenumbers.is_valid_number(parsed), number
        assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number


def test_every_country_has_numbers_that_can_receive_a_text_message() -> None:
    texts = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    for country in BY_CODE.values():
        found = numbers(country.code, country.regions[0].area_codes)
        kinds = Counter(phonenumbers.number_type(phonenumbers.parse(number)) for number in found)
        assert sum(kinds[kind] for kind in texts) >= 100, country.code


def test_american_numbers_are_those_kept_for_fiction(crowd: list[SamplePerson]) -> None:
    american = [person.phone for person in crowd if person.phone.startswith("+1")]
    assert len(american) > 1_000
    assert all(number[5:10] == "55501" for number in american)


def test_numbers_last_to_the_end_of_the_sample(crowd: list[SamplePerson]) -> None:
    late = crowd[-4_000:]
    for country in BY_CODE:
        assert any(person.phone for person in late if person.country == country), country


def test_a_few_numbers_are_from_another_country_than_the_person(crowd: list[SamplePerson]) -> None:
    with_number = [person for person in crowd if person.phone]
    foreign = [
        person
        for person in with_number
        if phonenumbers.region_code_for_number(phonenumbers.parse(person.phone)) != person.country
    ]
    assert 0.005 < len(foreign) / len(with_number) < 0.06


def test_countries_come_in_the_weights_given(crowd: list[SamplePerson]) -> None:
    found = Counter(person.country for person in crowd)
    assert set(found) == {"IL", "SA", "AE", "TH", "RU", "DE", "GB", "US"}
    for code, many in found.items():
        assert many / len(crowd) == pytest.approx(BY_CODE[code].weight / 100, abs=0.015)


def test_region_and_zone_belong_to_the_country(crowd: list[SamplePerson]) -> None:
    for person in crowd:
        zones = {region.code: region.zone for region in BY_CODE[person.country].regions}
        assert zones[person.region] == person.zone
    for zone in {person.zone for person in crowd}:
        ZoneInfo(zone)
    assert {"US-TX", "US-FL", "US-CA"} <= {person.region for person in crowd}


def test_names_are_in_the_script_of_the_language_and_composed() -> None:
    for language, names in BY_LANGUAGE.items():
        for name in (*names.feminine, *names.masculine, *names.family):
            letters = [sign for sign in name.written if sign.isalpha()]
            assert all(unicodedata.name(sign).startswith(SCRIPTS[language]) for sign in letters), name
            assert unicodedata.is_normalized("NFC", name.written)
            assert name.latin.isascii()
            assert name.latin.isalpha()
            assert name.latin.islower()


def test_all_six_languages_are_spoken(crowd: list[SamplePerson]) -> None:
    assert {person.language for person in crowd} == set(BY_LANGUAGE)


def test_ages_are_inside_their_group(crowd: list[SamplePerson]) -> None:
    years = {Age.CHILD: range(8, 12), Age.TEENAGER: range(13, 18), Age.ADULT: range(24, 86)}
    for person in crowd:
        if person.birth_date is not None:
            assert age_on_last_day(person) in years[person.age]
        else:
            assert person.age is Age.ADULT


def test_a_few_are_children_and_a_third_has_no_birth_date(crowd: list[SamplePerson]) -> None:
    ages = Counter(person.age for person in crowd)
    assert 0.015 < ages[Age.CHILD] / len(crowd) < 0.04
    assert 0.015 < ages[Age.TEENAGER] / len(crowd) < 0.04
    unknown = sum(person.birth_date is None for person in crowd)
    assert unknown / len(crowd) == pytest.approx(1 / 3, abs=0.03)


def test_days_are_in_order_and_in_the_years_of_the_sample(crowd: list[SamplePerson]) -> None:
    for person in crowd:
        days = [person.signup_date, *(purchase.day for purchase in person.purchases)]
        assert days == sorted(days)
        assert days[0] >= FIRST_DAY
        assert days[-1] <= LAST_DAY
        assert person.signup_form in FORMS
        assert {purchase.category for purchase in person.purchases} <= set(INTERESTS)


def test_a_role_address_belongs_to_a_company_and_some_companies_have_no_legal_form(
    crowd: list[SamplePerson],
) -> None:
    business = [person for person in crowd if person.company]
    assert 0.05 < len(business) / len(crowd) < 0.09
    assert all(person.company for person in crowd if person.role_address)
    assert 0.4 < sum(person.role_address for person in business) / len(business) < 0.7
    assert 0.15 < sum(not person.legal_form for person in business) / len(business) < 0.35


def test_the_wording_follows_the_day_and_the_prize_draw_makes_it_a_condition() -> None:
    assert [wording_on(wording.since) for wording in WORDINGS] == list(WORDINGS)
    assert wording_on(FIRST_DAY) is WORDINGS[0]
    assert wording_on(LAST_DAY) is WORDINGS[-1]
    best = WORDINGS[-1]
    assert proof("web_footer", best) == best.proof
    assert proof("prize_draw", best) < best.proof
