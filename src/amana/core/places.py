"""Places and the time zones people there may live in.

Rule: a place is an ISO 3166-1 alpha-2 country, optionally with an ISO 3166-2 region behind a hyphen, as in
`US-TX`. `UK` is read as `GB` and `EL` as `GR`. `EU` is no country; it stands for its 27 members together.
A country gives **every** zone of its territory; a US state gives the zones of that state. A region that is
not known here gives the country's zones: more zones means fewer allowed hours, so not knowing never allows.
A country that is not known gives no zone at all, and the caller denies.

Source of countries and zones: Unicode CLDR (through Babel), which follows the IANA zone table. Overseas
territories with a country code of their own (`RE`, `GL`, `PR`) are not part of the mother country's zones.
States with two zones: 49 CFR part 71 and the IANA time zone database.
"""

from __future__ import annotations

from babel.core import get_global

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU_MEMBERS: tuple[str, ...] = tuple(_EU.split())

_ALIASES = {"UK": "GB", "EL": "GR"}

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
