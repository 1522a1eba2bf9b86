"""Public holidays of a place, as the `holidays` library knows them.

Rule: a day is a holiday if the library lists it, on its own date or on the date it is observed, for the
country or for the named region. Without a region, or with one the library does not know, only the holidays
of the whole country count. A country the library does not know has no holidays here, and `known` says so:
whoever needs the answer for a rule of law asks `known` first and treats "not known" as a doubt.
Dates that depend on the sight of the moon are the library's estimates for future years.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from holidays import country_holidays
from holidays.registry import EntityLoader

from amana.core import places

_COUNTRIES = frozenset(EntityLoader.get_country_codes(include_aliases=False))


def load() -> None:
    """Load the calendars of all countries, which otherwise happens at the first question about any (50 to 160 ms).

    For processes that live long, before anybody waits for an answer.
    """
    _days("US", "", 2026)


def known(country: str) -> bool:
    """Whether the library has a calendar for this ISO country (`UK` and `US-TX` are understood)."""
    return places.split_place(country)[0] in _COUNTRIES


def is_holiday(country: str, region: str, day: date) -> bool:
    """Whether `day` is a public holiday in the country, or in its region ("" for the whole country)."""
    code, part = places.split_place(country, region)
    return day in _days(code, part, day.year)


def in_place(place: str, day: date) -> bool:
    """Whether `day` is a public holiday in a place such as `FR` or `US-TX`; fits `windows.IsHoliday`."""
    return is_holiday(place, "", day)


@lru_cache(maxsize=4096)
def _days(country: str, region: str, year: int) -> frozenset[date]:
    if country not in _COUNTRIES:
        return frozenset()
    try:
        return frozenset(country_holidays(country, subdiv=region or None, years=year, expand=False))
    except NotImplementedError:  # how the library says: no such region
        return _days(country, "", year)
