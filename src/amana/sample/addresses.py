"""E-mail addresses of the sample, under reserved domains only.

Rule: a domain is example.com, example.org, example.net (RFC 2606) or a name under .example or .test (RFC
6761), so that no address can ever be delivered to. Most local parts are the name in plain Latin letters; a
few addresses are written in the person's own script, domain and sometimes local part too. People in
business have their company's domain, about half of them behind a role address. No address is given twice.
"""

from __future__ import annotations

from typing import Final

import msgspec

from amana.sample.countries import Country
from amana.sample.draw import Draw
from amana.sample.names import Name

_DOMAINS: Final = (
    *("example.com", "example.org", "example.net"),
    *("mail.example", "post.example", "inbox.test", "home.test"),
)
_OWN_SCRIPT_DOMAINS: Final = {
    "he": ("דואר.example", "דוגמה.test"),
    "ar": ("بريد.example", "مثال.test"),
    "th": ("เมล.example",),
    "ru": ("почта.example", "пример.test"),
    "de": ("büro.example",),
}
_ROLES: Final = {
    "he": ("info", "sherut", "misrad"),
    "ar": ("info", "mabiat", "khidma"),
    "th": ("info", "borikan"),
    "ru": ("info", "zakaz", "prodazhi"),
    "de": ("info", "kontakt", "vertrieb", "buero"),
    "en": ("info", "sales", "office", "accounts"),
}
_NEVER_TARGETS: Final = ("postmaster", "abuse", "noreply")
_FIRST_WORDS: Final = (
    *("Amber", "Cedar", "Copper", "Falcon", "Granite", "Harbour", "Juniper", "Lantern", "Maple", "Meadow"),
    *("Olive", "Orchard", "Pebble", "Quarry", "River", "Saffron", "Summit", "Thistle", "Willow", "Yarrow"),
)
_SECOND_WORDS: Final = (
    *("Bakery", "Books", "Cycles", "Design", "Farm"),
    *("Foods", "Garden", "Logistics", "Studio", "Works"),
)
_HABIT_WEIGHTS: Final = (50, 15, 15, 10, 10)

_OWN_SCRIPT = 0.05
_OWN_SCRIPT_LOCAL = 0.4  # of those
_WITH_A_YEAR = 0.3
_INCORPORATED = 0.6
_LEGAL_FORM_KNOWN = 0.75
_ROLE = 0.55
_NEVER_TARGET = 0.04  # of the role addresses


class Business(msgspec.Struct, frozen=True, kw_only=True):
    """The company a person writes for; all empty for most."""

    company: str = ""
    legal_form: str = ""  # "" also for some companies: a domain alone proves nothing
    role: str = ""  # local part of the role address, "" for an address in a person's name


def business(draw: Draw, country: Country, language: str) -> Business:
    """Draw a company of this country."""
    forms = country.incorporated if draw.chance(_INCORPORATED) else country.unincorporated
    role = draw.one(_NEVER_TARGETS if draw.chance(_NEVER_TARGET) else _ROLES[language])
    return Business(
        company=f"{draw.one(_FIRST_WORDS)} {draw.one(_SECOND_WORDS)}",
        legal_form=draw.one(forms) if draw.chance(_LEGAL_FORM_KNOWN) else "",
        role=role if draw.chance(_ROLE) else "",
    )


class Addresses:
    """Gives out addresses and remembers which are taken."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._taken: dict[str, int] = {}

    def at_work(self, of: Business, given: Name, family: Name) -> str:
        """An address at the company: the role's, or the person's own."""
        domain = of.company.lower().replace(" ", "-") + ".example"
        return self._free(of.role or f"{given.latin}.{family.latin}", domain)

    def at_home(self, language: str, given: Name, family: Name) -> str:
        """A private address, for a few in their own script."""
        own = _OWN_SCRIPT_DOMAINS.get(language, ())
        if not own or not self._draw.chance(_OWN_SCRIPT):
            return self._free(self._local(given, family), self._draw.one(_DOMAINS))
        written = f"{given.written}.{family.written}".lower()
        local = written if self._draw.chance(_OWN_SCRIPT_LOCAL) else self._local(given, family)
        return self._free(local, self._draw.one(own))

    def _local(self, given: Name, family: Name) -> str:
        first, last = given.latin, family.latin
        habits = (f"{first}.{last}", f"{first[0]}.{last}", first + last, f"{last}.{first}", f"{first}_{last}")
        local = self._draw.weighted(habits, _HABIT_WEIGHTS)
        return f"{local}{self._draw.below(55) + 45}" if self._draw.chance(_WITH_A_YEAR) else local

    def _free(self, local: str, domain: str) -> str:
        """The address, or the first one with a number behind its local part that nobody has."""
        address = f"{local}@{domain}"
        before = self._taken.get(address, 0)
        self._taken[address] = before + 1
        return address if before == 0 else self._free(f"{local}{before + 1}", domain)
