"""The invented customers: who they are, and nothing yet about what they agreed to.

Rule: the same seed and count give the same people, in the same order. A person is drawn country first, then
region, language and name. An address is unique, except that some people share one with the person before
them: a couple, or a parent and a child, with different names. Dates run from FIRST_DAY to LAST_DAY; ages
are counted on LAST_DAY. Children are 8 to 11, so that they stay below the lowest age of digital consent
(13, GDPR art. 8) for a year after; teenagers are 13 to 17, on both sides of the countries' ages; adults
have been adults since FIRST_DAY. A third of the adults have no birth date; minors always have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from typing import Final

import msgspec

from amana.errors import BadInput
from amana.sample.addresses import Addresses, Business, business
from amana.sample.countries import BY_CODE, COUNTRIES, Country, Region
from amana.sample.draw import Draw
from amana.sample.forms import FORMS
from amana.sample.names import BY_LANGUAGE, Name, feminine_family
from amana.sample.phones import Pool

FIRST_DAY: Final = date(2021, 1, 1)
LAST_DAY: Final = date(2026, 9, 30)
INTERESTS: Final = ("books", "camping", "cooking", "cycling", "garden", "music", "running", "yoga")

_SECOND_AT_AN_ADDRESS = 0.025
_SECOND_IS_CHILD = 0.5
_IN_BUSINESS = 0.07
_CHILD = 0.015
_TEENAGER = 0.025
_BIRTH_DATE_UNKNOWN = 0.34
_WITH_NUMBER = 0.55  # where there are numbers enough
_POOL_USED = 0.9  # of the numbers of a place
_FOREIGN_NUMBER = 0.03

_COUNTRY_WEIGHTS = [country.weight for country in COUNTRIES]
_FORM_NAMES = tuple(FORMS)
_FORM_WEIGHTS = tuple(FORMS.values())


class Age(Enum):
    """The age group on LAST_DAY."""

    CHILD = "child"  # 8 to 11
    TEENAGER = "teenager"  # 13 to 17
    ADULT = "adult"  # 24 to 85, whether or not the birth date is known


_YEARS: Final = {Age.CHILD: (8, 12), Age.TEENAGER: (13, 18), Age.ADULT: (24, 86)}
"""Youngest age, and the first age that is too old."""

_MINORS_SINCE: Final = date(2024, 6, 1)


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase: when, and from which category (one of INTERESTS)."""

    day: date
    category: str


class SamplePerson(msgspec.Struct, frozen=True, kw_only=True):
    """One invented customer."""

    id: str  # "C000001", also the customer number in the CRM
    given_name: str
    family_name: str
    email: str  # lower case; under a reserved domain
    phone: str  # E.164, or ""
    country: str  # ISO 3166-1 alpha-2
    region: str  # ISO 3166-2
    zone: str  # IANA
    language: str  # ISO 639-1
    age: Age
    birth_date: date | None
    interests: tuple[str, ...]
    company: str  # "" for most
    legal_form: str  # "" where unknown, also for some companies
    role_address: bool  # info@ and the like
    household_of: str  # id of the person whose address this one shares, or ""
    signup_date: date
    signup_form: str  # one of forms.FORMS
    purchases: tuple[Purchase, ...]  # in the order of their days

    @property
    def full_name(self) -> str:
        """Given name, then family name, in the script of the language."""
        return f"{self.given_name} {self.family_name}"


def people(seed: int, count: int) -> Iterator[SamplePerson]:
    """Make `count` people from a seed, one at a time.

    Raises BadInput when `count` is below one.
    """
    if count < 1:
        raise BadInput(
            "A sample needs people",
            expected="a count of at least 1",
            got=str(count),
            remedy="pass a larger count",
        )
    return _people(_Maker(Draw("people", seed), count), count)


def _people(maker: _Maker, count: int) -> Iterator[SamplePerson]:
    previous: SamplePerson | None = None
    for number in range(1, count + 1):
        previous = maker.person(f"C{number:06d}", previous)
        yield previous


class _Home(msgspec.Struct, frozen=True, kw_only=True):
    country: Country
    region: Region
    language: str


class _Identity(msgspec.Struct, frozen=True, kw_only=True):
    given: str
    family: str
    email: str
    age: Age
    work: Business = Business()
    household_of: str = ""


class _Maker:
    """Draws people one after another and remembers which addresses and numbers are taken."""

    def __init__(self, draw: Draw, count: int) -> None:
        self._draw = draw
        self._addresses = Addresses(draw)
        self._pool = Pool(draw)
        self._number_share = {
            (country.code, region.code): _number_share(self._pool, country, region, count)
            for country in COUNTRIES
            for region in country.regions
        }

    def person(self, number: str, previous: SamplePerson | None) -> SamplePerson:
        if previous is not None and _may_share(previous) and self._draw.chance(_SECOND_AT_AN_ADDRESS):
            home = _home_of(previous)
            return self._complete(number, home, self._second(previous))
        home = self._home()
        return self._complete(number, home, self._first(home))

    def _first(self, home: _Home) -> _Identity:
        given, family = self._name(home.language)
        if self._draw.chance(_IN_BUSINESS):
            work = business(self._draw, home.country, home.language)
            email = self._addresses.at_work(work, given, family)
            return _Identity(
                given=given.written, family=family.written, email=email, age=Age.ADULT, work=work
            )
        email = self._addresses.at_home(home.language, given, family)
        return _Identity(given=given.written, family=family.written, email=email, age=self._age())

    def _second(self, first: SamplePerson) -> _Identity:
        """Somebody else under the address of `first`: a spouse or a child with the same family name."""
        given = first.given_name
        while given == first.given_name:
            given = self._name(first.language)[0].written
        age = Age.CHILD if self._draw.chance(_SECOND_IS_CHILD) else Age.ADULT
        return _Identity(
            given=given, family=first.family_name, email=first.email, age=age, household_of=first.id
        )

    def _complete(self, number: str, home: _Home, who: _Identity) -> SamplePerson:
        signup = self._signup(who.age)
        return SamplePerson(
            id=number,
            given_name=who.given,
            family_name=who.family,
            email=who.email,
            phone="" if who.age is Age.CHILD else self._phone(home),
            country=home.country.code,
            region=home.region.code,
            zone=home.region.zone,
            language=home.language,
            age=who.age,
            birth_date=self._birth_date(who.age),
            interests=tuple(sorted(self._draw.some(INTERESTS, self._draw.below(4)))),
            company=who.work.company,
            legal_form=who.work.legal_form,
            role_address=bool(who.work.role),
            household_of=who.household_of,
            signup_date=signup,
            signup_form=self._draw.weighted(_FORM_NAMES, _FORM_WEIGHTS),
            purchases=self._purchases(signup),
        )

    def _home(self) -> _Home:
        country = self._draw.weighted(COUNTRIES, _COUNTRY_WEIGHTS)
        region = self._draw.weighted(country.regions, [region.weight for region in country.regions])
        codes, weights = zip(*country.languages, strict=True)
        return _Home(country=country, region=region, language=self._draw.weighted(codes, weights))

    def _name(self, language: str) -> tuple[Name, Name]:
        names = BY_LANGUAGE[language]
        feminine = self._draw.chance(0.5)
        given = self._draw.one(names.feminine if feminine else names.masculine)
        family = self._draw.one(names.family)
        return given, feminine_family(family) if feminine and names.inflects else family

    def _age(self) -> Age:
        rest = 1 - _CHILD - _TEENAGER
        return self._draw.weighted((Age.CHILD, Age.TEENAGER, Age.ADULT), (_CHILD, _TEENAGER, rest))

    def _birth_date(self, age: Age) -> date | None:
        """A day on which the age on LAST_DAY is within the group's years."""
        youngest, too_old = _YEARS[age]
        earliest = LAST_DAY.replace(year=LAST_DAY.year - too_old) + timedelta(days=1)
        latest = LAST_DAY.replace(year=LAST_DAY.year - youngest)
        born = earliest + timedelta(days=self._draw.below((latest - earliest).days + 1))
        unknown = age is Age.ADULT and self._draw.chance(_BIRTH_DATE_UNKNOWN)
        return None if unknown else born

    def _phone(self, home: _Home) -> str:
        if not self._draw.chance(self._number_share[home.country.code, home.region.code]):
            return ""
        if self._draw.chance(_FOREIGN_NUMBER):
            home = self._home()
        return self._pool.take(home.country.code, home.region)

    def _signup(self, age: Age) -> date:
        first = FIRST_DAY if age is Age.ADULT else _MINORS_SINCE
        return first + timedelta(days=self._draw.below((LAST_DAY - first).days))

    def _purchases(self, signup: date) -> tuple[Purchase, ...]:
        span = (LAST_DAY - signup).days + 1
        days = sorted(self._draw.below(span) for _ in range(self._draw.below(5)))
        return tuple(
            Purchase(day=signup + timedelta(days=day), category=self._draw.one(INTERESTS)) for day in days
        )


def _may_share(person: SamplePerson) -> bool:
    """Only an adult's private address that is not shared yet."""
    return person.age is Age.ADULT and not person.company and not person.household_of


def _home_of(person: SamplePerson) -> _Home:
    country = BY_CODE[person.country]
    region = next(region for region in country.regions if region.code == person.region)
    return _Home(country=country, region=region, language=person.language)


def _number_share(pool: Pool, country: Country, region: Region, count: int) -> float:
    """Which share of a place's people get a number, so that the numbers last to the end of the sample."""
    of_country = count * country.weight / sum(_COUNTRY_WEIGHTS)
    of_region = region.weight / sum(region.weight for region in country.regions)
    expected = of_country * of_region if region.area_codes else of_country
    return min(_WITH_NUMBER, _POOL_USED * pool.size(country.code, region) / max(expected, 1.0))
