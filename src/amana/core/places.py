"""Places and the time zones people there may live in.

Rule: a place is an ISO 3166-1 alpha-2 country, optionally with an ISO 3166-2 region behind a hyphen, as in
`US-TX`. `UK` is read as `GB` and `EL` as `GR`. `EU` is no country; it stands for its 27 members together.
A country gives **every** zone of its territory; a US state gives the zones of that state. A region that is
not known here gives the country's zones: more zones means fewer allowed hours, so not knowing never allows.
A country that is not known gives no zone at all, and the caller denies.
A country may be written as its code or as its name in a language that is asked for; a name that two countries share
is none of them.

Source of countries and zones: Unicode CLDR (through Babel), which follows the IANA zone table. Overseas
territories with a country code of their own (`RE`, `GL`, `PR`) are not part of the mother country's zones.
States with two zones: 49 CFR part 71 and the IANA time zone database.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from babel.core import Locale, UnknownLocaleError, get_global

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU_MEMBERS: tuple[str, ...] = tuple(_EU.split())

_ALIASES = {"UK": "GB", "EL": "GR"}

NAMED_IN = ("en", "de", "es", "fr", "it")
"""Languages in which country names are always read."""

_NOT_A_COUNTRY = frozenset({"001", "ZZ"})  # CLDR: the world, and unknown

# Zones of the IANA table that CLDR's country table lacks.
_ADDED = {"CL": ("America/Coyhaique",), "AQ": ("Antarctica/Troll",)}

_EASTERN = "America/New_York"
_CENTRAL = "America/Chicago"
_MOUNTAIN = "America/Denver"
_PACIFIC = "America/Los_Angeles"

_ZONES_OF_STATES: dict[str, tuple[str, ...]] = {
    "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV": (_EASTERN,),
    "AL AR IA IL LA MN MO MS OK WI": (_CENTRAL,),
    "CO MT NM UT WY": (_MOUNTAIN,),
    "CA WA": (_PACIFIC,),
    "FL KY TN": (_EASTERN, _CENTRAL),
    "KS ND NE SD TX": (_CENTRAL, _MOUNTAIN),
    "AK": ("America/Anchorage", "America/Adak"),
    "AZ": ("America/Phoenix", _MOUNTAIN),  # the Navajo Nation keeps daylight saving time
    "HI": ("Pacific/Honolulu",),
    "ID": ("America/Boise", _PACIFIC),
    "IN": ("America/Indiana/Indianapolis", _CENTRAL),
    "MI": ("America/Detroit", "America/Menominee"),
    "NV": (_PACIFIC, _MOUNTAIN),  # West Wendover
    "OR": (_PACIFIC, "America/Boise"),  # Malheur County
    "PR": ("America/Puerto_Rico",),
    "VI": ("America/St_Thomas",),
    "GU": ("Pacific/Guam",),
    "MP": ("Pacific/Saipan",),
    "AS": ("Pacific/Pago_Pago",),
}
_STATES = {state: zones for states, zones in _ZONES_OF_STATES.items() for state in states.split()}


def iso_country(code: str) -> str:
    """The ISO 3166-1 alpha-2 code behind a country code in any case; `UK` is `GB`, `EL` is `GR`."""
    upper = code.strip().upper()
    return _ALIASES.get(upper, upper)


def iso_place(place: str) -> str:
    """A place as people read it: the law book's `UK-SCT` is `GB-SCT`. What is no country stays as it is."""
    country, dash, region = place.partition("-")
    return _ALIASES.get(country, country) + dash + region


_OTHER_NAMES = {
    "Bosnia": "BA",
    "Cape Verde": "CV",
    "Czech Republic": "CZ",
    "East Timor": "TL",
    "Hong Kong": "HK",
    "Ivory Coast": "CI",
    "Macao": "MO",
    "Myanmar": "MM",
    "Palestine": "PS",
    "Swaziland": "SZ",
    "Turkey": "TR",
}
"""CLDR's short and variant names in English, which Babel leaves out."""

_SHARED = frozenset({"congo"})  # two countries are called so; CLDR's Spanish names one of them


@lru_cache(maxsize=8_192)
def country_of(text: str, languages: tuple[str, ...] = ()) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country written as a code or as a name; None for anything else.

    Codes: alpha-2, with `UK`, `EL` and the union `EU`, and alpha-3 (`USA`), in any case. Names: those of CLDR in
    `NAMED_IN` and in `languages` (tags such as `he` or `pt-BR`), without regard to case, accents and punctuation.
    """
    code = iso_country(text)
    if code in _COUNTRIES:
        return code
    return _ALPHA_3.get(code) or _names(languages).get(_letters(text))


@lru_cache(maxsize=32)
def _names(languages: tuple[str, ...]) -> dict[str, str]:
    """Country names in the given languages and `NAMED_IN`; what two countries are called is left out."""
    found: dict[str, set[str]] = {}
    for language in dict.fromkeys((*NAMED_IN, *languages)):
        for code, name in _territories(language).items():
            if code in _COUNTRIES and code != "EU":
                found.setdefault(_letters(name), set()).add(code)
    for name, code in _OTHER_NAMES.items():
        found.setdefault(_letters(name), set()).add(code)
    return {name: min(codes) for name, codes in found.items() if len(codes) == 1 and name not in _SHARED}


def _territories(language: str) -> dict[str, str]:
    """CLDR's names of territories in a language, none for a language that it lacks."""
    try:
        return dict(Locale.parse(language, sep="-").territories)
    except (UnknownLocaleError, ValueError):
        return {}


def _letters(text: str) -> str:
    """A name without case, accents, spaces and punctuation."""
    return "".join(one for one in unicodedata.normalize("NFKD", text).casefold() if one.isalnum())


def split_place(place: str, region: str = "") -> tuple[str, str]:
    """Country and region of `US-TX`, of (`US`, `TX`) or of (`US`, `US-TX`); no region is ""."""
    head, _, tail = place.strip().upper().partition("-")
    country = iso_country(head)
    own = region.strip().upper().removeprefix(head + "-").removeprefix(country + "-")
    return country, own or tail


def zones_of(country: str, region: str = "") -> tuple[str, ...]:
    """IANA zone names in which people of this place may live, in alphabetical order within a country.

    A region without a row of its own gives all zones of its country. Unknown country: `()`.
    """
    code, part = split_place(country, region)
    if code == "US" and part in _STATES:
        return _STATES[part]
    return _COUNTRIES.get(code, ())


def _zones_by_country() -> dict[str, tuple[str, ...]]:
    zones: dict[str, list[str]] = {code: list(added) for code, added in _ADDED.items()}
    for zone, code in get_global("zone_territories").items():
        if code not in _NOT_A_COUNTRY:
            zones.setdefault(code, []).append(zone)
    table = {code: tuple(sorted(names)) for code, names in zones.items()}
    table["EU"] = tuple(zone for member in EU_MEMBERS for zone in table[member])
    return table


_COUNTRIES = _zones_by_country()
_ALPHA_3 = {
    alias: codes[0]
    for alias, codes in get_global("territory_aliases").items()
    if len(alias) == 3 and alias.isalpha() and len(codes) == 1 and codes[0] in _COUNTRIES
}
