"""A regime: which law and which clock a person falls under. Interned, so that a fact row carries one integer.

Rule. Residence counts for every channel, the country of a phone number for phone channels. An unknown residence is
left empty and becomes *every country the workspace serves* when the plan resolves it. A region that has a pack of
its own (a US state) stands in place of its country. The time zone is part of the regime, because quiet hours are
law in local time; unknown zones become all zones of the place. The subject type is the law's view of the person;
unknown is a consumer.
"""

from __future__ import annotations

import calendar
from datetime import date

import msgspec

from amana.core.facts import BORN_UNKNOWN, BORN_UNREADABLE
from amana.core.vocabulary import SubjectType

_EPOCH = date(1970, 1, 1)
UNREADABLE = "unreadable"
"""Stands in the birth column where a birth date was given and could not be read."""


class Regime(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """The key that a plan resolves. Country codes are ISO 3166-1 alpha-2, with `UK` for the United Kingdom."""

    residence: str = ""  # country, or "" when unknown
    region: str = ""  # ISO 3166-2 subdivision without the country, e.g. TX
    number_country: str = ""  # of the phone number in use, "" when there is none
    subject: str = SubjectType.CONSUMER.value
    zone: str = ""  # IANA zone if known

    @property
    def place(self) -> str:
        """The pack code of the residence: `US-TX` if the region is known, else the country."""
        return f"{self.residence}-{self.region}" if self.region else self.residence


def country_code(text: str) -> str:
    """A country as the packs spell it: upper case, GB as UK."""
    code = text.strip().upper()
    return "UK" if code == "GB" else code


def born_by(text: str) -> int:
    """The latest day (since 1970-01-01) on which somebody with this birth `YYYY`, `YYYY-MM` or `YYYY-MM-DD` was born.

    Unsure means younger. Anything else is BORN_UNKNOWN.
    """
    if text == UNREADABLE:
        return BORN_UNREADABLE
    parts = text.split("-")
    if (
        not all(part.isascii() and part.isdigit() for part in parts)
        or not 1 <= len(parts) <= 3
        or len(parts[0]) != 4
    ):
        return BORN_UNKNOWN
    year = int(parts[0])
    month = int(parts[1]) if len(parts) > 1 else 12
    if not (1800 <= year <= 2200 and 1 <= month <= 12):
        return BORN_UNKNOWN
    last = calendar.monthrange(year, month)[1]
    day = int(parts[2]) if len(parts) > 2 else last
    if not 1 <= day <= last:
        return BORN_UNKNOWN
    return (date(year, month, day) - _EPOCH).days


def birth_month(text: str) -> str:
    """The coarse form of a birth date that may stand in a column: `YYYY-MM`, or what is known of it."""
    return "-".join(text.split("-")[:2])
