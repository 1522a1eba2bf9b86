"""Telephone numbers that are valid and belong, as far as can be had, to nobody.

Rule: a number is a prefix and its last two digits, and nobody shares one. Where a regulator keeps numbers
free for fiction and the numbering library accepts them, only those are used; elsewhere the library's
published example of a mobile number, with other last two digits as long as it stays valid. That leaves a
hundred numbers in some countries, so most people have none. Such a neighbour of an example may have a real
subscriber: nothing may ever be dialled from the sample.
Kept free: +1 NPA 555-0100 to 0199 (NANPA); 020 7946 0xxx, 0131 496 0xxx, 0161 496 0xxx (Ofcom, numbers for
drama); 0171 39200xx, 0176 040690xx, 030 23125xxx, 069 90009xxx, 089 99998xxx (Bundesnetzagentur, notice
148/2021). The library refuses Ofcom's mobile range 07700 900xxx, so British mobiles are neighbours of the
example.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from amana.errors import NotFound
from amana.sample.countries import BY_CODE, Region
from amana.sample.draw import Draw

_KEPT_FREE: Final[dict[str, tuple[str, ...]]] = {
    "DE": ("+4917139200", "+49176040690", "+4930231250", "+4969900090", "+4989999980"),
    "GB": ("+4420794600", "+4413149600", "+4416149600"),
}
_EXAMPLES_FOR: Final = frozenset({"IL", "SA", "AE", "TH", "RU", "GB"})
_ENDINGS: Final = tuple(f"{last:02d}" for last in range(100))


def numbers(country: str, area_codes: Iterable[str] = ()) -> list[str]:
    """All numbers the sample may use in a country (E.164), in a fixed order; `area_codes` for the US only."""
    prefixes = [*_KEPT_FREE.get(country, ()), *(f"+1{code}55501" for code in area_codes)]
    found = [prefix + ending for prefix in prefixes for ending in _ENDINGS]
    if country in _EXAMPLES_FOR:
        found += _beside_the_example(country)
    return found


def _beside_the_example(country: str) -> list[str]:
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    if example is None:
        raise NotFound(
            f"The numbering library has no example of a mobile number for {country}",
            expected="an example for every country of the sample",
            remedy="install the version of phonenumbers that requirements/run.lock names",
        )
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    near = (e164[:-2] + ending for ending in _ENDINGS)
    return [number for number in near if phonenumbers.is_valid_number(phonenumbers.parse(number))]


class Pool:
    """The numbers not given out yet; each is given once."""

    def __init__(self, draw: Draw) -> None:
        self._free: dict[str, list[str]] = {}
        self._size: dict[str, int] = {}
        for country in BY_CODE.values():
            for region in country.regions:
                key = _key(country.code, region)
                if key not in self._free:
                    self._free[key] = draw.shuffled(numbers(country.code, region.area_codes))
                    self._size[key] = len(self._free[key])

    def size(self, country: str, region: Region) -> int:
        """How many numbers there were for this place before the first was taken."""
        return self._size[_key(country, region)]

    def take(self, country: str, region: Region) -> str:
        """A number of this place in E.164, or "" when none is left."""
        free = self._free[_key(country, region)]
        return free.pop() if free else ""


def _key(country: str, region: Region) -> str:
    """States have area codes of their own; elsewhere the whole country shares its numbers."""
    return region.code if region.area_codes else country
