"""Places give every zone people there may live in, and holidays are those of the place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from amana.core import places, public_holidays

REFERENCE = "EU DE FR IT ES NL PL AT IE BE UK IL TH SA AE EG RU US US-CA US-TX US-FL CA AU BR IN"
JURISDICTIONS = REFERENCE.split()
EEA = (*places.EU_MEMBERS, "IS", "LI", "NO")
NORTH_EAST_TO_LAKES = "CT DC DE IL IN MA MD ME MI MN NH NJ NY OH PA RI VT WI"
SOUTH = "AL AR FL GA KY LA MS NC OK SC TN TX VA WV"
PLAINS_TO_PACIFIC = "AK AZ CA CO HI IA ID KS MO MT ND NE NM NV OR SD UT WA WY"
STATES = f"{NORTH_EAST_TO_LAKES} {SOUTH} {PLAINS_TO_PACIFIC}".split()


def offsets(zones: tuple[str, ...], month: int) -> set[float]:
    moment = datetime(2026, month, 15, 12, tzinfo=UTC)
    hours = set()
    for zone in zones:
        offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
        assert offset is not None
        hours.add(offset.total_seconds() / 3600)
    return hours


@pytest.mark.parametrize("place", [*JURISDICTIONS, *EEA, "CH", "TR", "JP", "CN", "ZA", "MX", "UA", "KZ"])
def test_every_place_we_serve_has_zones(place: str) -> None:
    assert places.zones_of(place)


def test_every_zone_of_the_iana_table_belongs_to_its_country() -> None:
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    missing = [(row[0], row[2]) for row in rows if row[2] not in places.zones_of(row[0])]
    assert len(rows) > 400
    assert missing == []


@pytest.mark.parametrize(
    ("country", "zones"),
    [
        ("IL", ("Asia/Jerusalem",)),
        ("AE", ("Asia/Dubai",)),
        ("IN", ("Asia/Kolkata",)),
        ("ES", ("Africa/Ceuta", "Atlantic/Canary", "Europe/Madrid")),
        ("PT", ("Atlantic/Azores", "Atlantic/Madeira", "Europe/Lisbon")),
    ],
)
def test_a_country_gives_all_of_its_zones(country: str, zones: tuple[str, ...]) -> None:
    assert places.zones_of(country) == zones


def test_uk_and_gb_are_one_place() -> None:
    assert places.zones_of("UK") == places.zones_of("gb") == ("Europe/London",)
    assert places.zones_of("EL") == places.zones_of("GR")


def test_russia_reaches_from_kaliningrad_to_kamchatka() -> None:
    assert offsets(places.zones_of("RU"), 1) == {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}


def test_the_european_union_is_all_its_members() -> None:
    assert len(places.EU_MEMBERS) == 27
    assert {"Atlantic/Azores", "Europe/Helsinki", "Asia/Nicosia"} <= set(places.zones_of("EU"))
    assert "Europe/London" not in places.zones_of("EU")


@pytest.mark.parametrize("month", [1, 7])
def test_the_states_together_are_the_country(month: int) -> None:
    assert len(STATES) == 51
    zones = tuple(zone for state in STATES for zone in places.zones_of("US", state))
    assert offsets(zones, month) == offsets(places.zones_of("US"), month)


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_less_than_the_country(state: str) -> None:
    zones = places.zones_of("US", state)
    assert 1 <= len(zones) <= 2
    assert places.zones_of(f"us-{state.lower()}") == places.zones_of("US", f"US-{state}") == zones


def test_a_state_with_two_zones_gives_both() -> None:
    assert offsets(places.zones_of("US-TX"), 1) == {-6, -7}
    assert offsets(places.zones_of("US-FL"), 1) == {-5, -6}
    assert offsets(places.zones_of("US-AZ"), 7) == {-7, -6}
    assert offsets(places.zones_of("US-NV"), 1) == offsets(places.zones_of("US-OR"), 1) == {-8, -7}
    assert offsets(places.zones_of("US-IN"), 1) == offsets(places.zones_of("US-MI"), 1) == {-5, -6}
    assert offsets(places.zones_of("US-CA"), 7) == {-7}


def test_an_unknown_region_is_the_whole_country_and_an_unknown_country_is_nowhere() -> None:
    assert places.zones_of("US", "ZZ") == places.zones_of("US")
    assert places.zones_of("FR", "IDF") == places.zones_of("FR")
    assert places.zones_of("") == places.zones_of("ZZ") == places.zones_of("001") == ()


@pytest.mark.parametrize(
    ("country", "region", "day", "holiday"),
    [
        ("FR", "", date(2026, 7, 14), True),
        ("FR", "", date(2026, 7, 15), False),
        ("UK", "", date(2026, 12, 25), True),
        ("IL", "", date(2026, 9, 21), True),  # Yom Kippur 5787
        ("DE", "BY", date(2026, 1, 6), True),  # Epiphany, in Bavaria and not in Berlin
        ("DE", "BE", date(2026, 1, 6), False),
        ("DE", "", date(2026, 1, 6), False),
        ("US", "", date(2026, 7, 3), True),  # Independence Day falls on a Saturday and is observed on Friday
        ("US", "US-TX", date(2026, 3, 2), True),  # Texas Independence Day
        ("US", "CA", date(2026, 3, 2), False),
        ("US", "ZZ", date(2026, 12, 25), True),
        ("ZZ", "", date(2026, 12, 25), False),
        ("EU", "", date(2026, 12, 25), False),
    ],
)
def test_a_holiday_is_one_of_the_place(country: str, region: str, day: date, holiday: bool) -> None:
    assert public_holidays.is_holiday(country, region, day) is holiday
    place = f"{country}-{region}" if region and "-" not in region else region or country
    assert public_holidays.in_place(place, day) is holiday


def test_a_country_without_a_calendar_is_said_to_be_unknown() -> None:
    assert all(public_holidays.known(place) for place in JURISDICTIONS if place != "EU")
    assert not public_holidays.known("EU")
    assert not public_holidays.known("ZZ")
    assert not public_holidays.known("")
