"""Where the sample's people live, and what follows from it: region, time zone, language, legal forms.

Rule: a country is drawn by weight, then a region of it, then a language of it. Codes are ISO 3166-1 and
3166-2, zones are IANA names, languages ISO 639-1. The weights are the sample's own and say nothing about
any market. The United States are drawn by state because their law is, Germany and Britain because their
holidays are.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """One region and its share of the country's people."""

    code: str  # ISO 3166-2
    zone: str  # IANA
    weight: int
    area_codes: tuple[str, ...] = ()  # United States only: where the region's numbers come from


class Country(msgspec.Struct, frozen=True, kw_only=True):
    """One country and its share of the sample's people."""

    code: str  # ISO 3166-1 alpha-2
    weight: int
    regions: tuple[Region, ...]
    languages: tuple[tuple[str, int], ...]  # ISO 639-1 code and weight
    incorporated: tuple[str, ...]  # legal forms with a personality of their own
    unincorporated: tuple[str, ...]  # sole traders and partnerships: people, to the law


def _regions(zone: str, text: str) -> tuple[Region, ...]:
    """Read `code:weight` pairs that share one zone."""
    pairs = (word.split(":") for word in text.split())
    return tuple(Region(code=code, zone=zone, weight=int(weight)) for code, weight in pairs)


def _state(code: str, zone: str, weight: int, area_codes: str) -> Region:
    return Region(
        code=f"US-{code}", zone=f"America/{zone}", weight=weight, area_codes=tuple(area_codes.split())
    )


_STATES = (
    _state("TX", "Chicago", 18, "512 713 214 210"),
    _state("FL", "New_York", 16, "305 407 813 904"),
    _state("CA", "Los_Angeles", 22, "213 415 619 916"),
    _state("NY", "New_York", 14, "212 718 716"),
    _state("WA", "Los_Angeles", 8, "206"),
    _state("IL", "Chicago", 7, "312"),
    _state("GA", "New_York", 5, "404"),
    _state("OK", "Chicago", 4, "405"),
    _state("MD", "New_York", 3, "410"),
    _state("CO", "Denver", 3, "303"),
)

COUNTRIES: Final[tuple[Country, ...]] = (
    Country(
        code="IL",
        weight=22,
        regions=_regions("Asia/Jerusalem", "IL-TA:40 IL-M:30 IL-HA:18 IL-JM:12"),
        languages=(("he", 74), ("ar", 12), ("ru", 9), ("en", 5)),
        incorporated=("בע״מ",),
        unincorporated=("עוסק מורשה", "עוסק פטור"),
    ),
    Country(
        code="SA",
        weight=6,
        regions=_regions("Asia/Riyadh", "SA-01:45 SA-02:35 SA-04:20"),
        languages=(("ar", 92), ("en", 8)),
        incorporated=("LLC",),
        unincorporated=("sole proprietor",),
    ),
    Country(
        code="AE",
        weight=5,
        regions=_regions("Asia/Dubai", "AE-DU:55 AE-AZ:30 AE-SH:15"),
        languages=(("ar", 60), ("en", 40)),
        incorporated=("LLC",),
        unincorporated=("sole proprietor",),
    ),
    Country(
        code="TH",
        weight=7,
        regions=_regions("Asia/Bangkok", "TH-10:60 TH-50:22 TH-83:18"),
        languages=(("th", 94), ("en", 6)),
        incorporated=("บริษัทจำกัด",),
        unincorporated=("sole proprietor",),
    ),
    Country(
        code="RU",
        weight=7,
        regions=(
            *_regions("Europe/Moscow", "RU-MOW:50 RU-SPE:22"),
            *_regions("Asia/Yekaterinburg", "RU-SVE:14"),
            *_regions("Asia/Novosibirsk", "RU-NVS:9"),
            *_regions("Asia/Vladivostok", "RU-PRI:5"),
        ),
        languages=(("ru", 100),),
        incorporated=("ООО", "АО"),
        unincorporated=("ИП",),
    ),
    Country(
        code="DE",
        weight=20,
        regions=_regions("Europe/Berlin", "DE-BE:20 DE-BY:24 DE-NW:26 DE-HH:12 DE-BW:12 DE-SN:6"),
        languages=(("de", 90), ("ru", 4), ("ar", 3), ("en", 3)),
        incorporated=("GmbH", "UG", "AG"),
        unincorporated=("Einzelunternehmen", "GbR", "freelancer"),
    ),
    Country(
        code="GB",
        weight=13,
        regions=_regions("Europe/London", "GB-ENG:80 GB-SCT:11 GB-WLS:5 GB-NIR:4"),
        languages=(("en", 96), ("ar", 2), ("he", 2)),
        incorporated=("Ltd", "PLC", "LLP"),
        unincorporated=("sole trader", "partnership"),
    ),
    Country(
        code="US",
        weight=20,
        regions=_STATES,
        languages=(("en", 93), ("ru", 4), ("he", 3)),
        incorporated=("Inc", "LLC"),
        unincorporated=("sole proprietor",),
    ),
)

BY_CODE: Final[dict[str, Country]] = {country.code: country for country in COUNTRIES}
