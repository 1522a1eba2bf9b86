"""The words of the customer's pages, in the visitor's language.

Rule. A catalogue is one TOML file for one language, with exactly the keys that the English one has; counted sentences
have every plural form that CLDR knows for the language. It is read and checked whole when it is first asked for, so that
a missing sentence is found at once and never falls back to another language. Dates, durations and names of countries and
months come from CLDR; Thai years are those of the common era. What is put into a sentence is isolated (`bdi`), so that a
name in one script never turns round a sentence in another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

import babel
import msgspec
from babel import dates
from markupsafe import Markup, escape

from amana.core import plurals
from amana.core.phrases import LANGUAGES, Phrases
from amana.services.record import wording

Unit = Literal["year", "month", "week", "day"]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language's file."""

    text: dict[str, str]
    counted: dict[str, dict[str, str]]


class Words:
    """One language: its sentences, and how it writes dates and counts."""

    def __init__(self, language: str, catalogue: Catalogue, told: Phrases) -> None:
        self.language, self.name, self.direction = language, told.name, told.direction
        self.told = told
        self._catalogue = catalogue
        self._locale = babel.Locale.parse(_WRITTEN_AS.get(language, language))

    def __call__(self, key: str, **parts: object) -> Markup:
        """A sentence as HTML, with escaped and isolated parts."""
        return _filled(self._catalogue.text[key], parts)

    def plain(self, key: str, **parts: object) -> str:
        """A sentence as text, for what is not HTML."""
        return self._catalogue.text[key].format(**parts)

    def counted(self, key: str, number: int, **parts: object) -> Markup:
        """A sentence about a number, in the form that the number takes."""
        sentence = plurals.chosen(self.language, self._catalogue.counted[key], number)
        return _filled(sentence, {"number": number, **parts})

    def channel(self, channel: str) -> str:
        """A channel's name, or that of a use or a sharing of data."""
        return self.told.means(channel)

    def day(self, at: int) -> str:
        """A day, from UTC seconds."""
        return dates.format_date(datetime.fromtimestamp(at, UTC), "long", locale=self._locale)

    def moment(self, at: int) -> str:
        """A moment to the minute in UTC, from UTC seconds."""
        moment = datetime.fromtimestamp(at, UTC)
        return f"{self.day(at)} · {moment:%H:%M} UTC"

    def stamp(self, at: int) -> str:
        """A moment as machines write it, from UTC seconds."""
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def month(self, number: int) -> str:
        """The name of a month, from 1."""
        form = "stand-alone" if self.language in _INFLECTED else "format"
        return str(self._locale.months[form]["wide"][number])

    def weekday(self, number: int) -> str:
        """The name of a weekday, from 0 for Monday."""
        return str(self._locale.days["format"]["wide"][number])

    def weekdays(self) -> list[int]:
        """The days of the week in the order in which the language's readers write them."""
        first = babel.Locale.parse(_SPOKEN_IN[self.language]).first_week_day
        return [(first + step) % 7 for step in range(7)]

    def country(self, code: str) -> str:
        """The name of a country."""
        return str(self._locale.territories.get("GB" if code == "UK" else code, code))

    def countries(self) -> list[tuple[str, str]]:
        """Every country, code and name, in the language's order of letters."""
        found = [
            (code, str(name))
            for code, name in self._locale.territories.items()
            if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY
        ]
        return sorted(found, key=lambda one: one[1].casefold())

    def duration(self, period: str) -> str:
        """An ISO 8601 duration in words: `P3Y` is three years. What is none is shown as it stands."""
        parts: list[str] = []
        digits = ""
        for letter in period.removeprefix("P"):
            if letter.isascii() and letter.isdigit():
                digits += letter
                continue
            if letter not in _UNITS or not digits:
                return period
            days, unit = _UNITS[letter]
            span = timedelta(days=int(digits) * days)
            parts.append(dates.format_timedelta(span, unit, threshold=1e9, locale=self._locale))
            digits = ""
        return ", ".join(parts) if parts and not digits else period

    def given(self, texts: Mapping[str, str], otherwise: str) -> str:
        """A workspace's own word in this language, in another that it has, or made from its key."""
        return texts.get(self.language) or next(iter(texts.values()), "") or otherwise.replace("_", " ")


@cache
def of(language: str) -> Words:
    """The words of one of `LANGUAGES`. Raises BadInput if its catalogue is not complete."""
    return Words(language, wording.words(Catalogue, "web", language), wording.catalogue(language))


def _filled(sentence: str, parts: Mapping[str, Any]) -> Markup:
    isolated = {name: Markup("<bdi>{}</bdi>").format(part) for name, part in parts.items()}
    return Markup(str(escape(sentence)).format(**isolated))  # noqa: S704  the sentence and each part are escaped


_NO_COUNTRY = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})  # groups and placeholders of CLDR
# Where most readers of a language are: a week begins by country, not by language.
_SPOKEN_IN = {"en": "en_GB", "he": "he_IL", "ar": "ar_EG", "th": "th_TH", "ru": "ru_RU"}
# English dates are written day first, as most of the world reads them.
_WRITTEN_AS = {"en": "en_GB"}
# Where the name of a month alone differs from its form in a date. Elsewhere Babel 2.18 mixes up the stand-alone names of
# languages that inherit them, once two such languages were asked for.
_INFLECTED = frozenset({"ru"})
_UNITS: dict[str, tuple[float, Unit]] = {
    "Y": (365.2425, "year"),
    "M": (30.436875, "month"),
    "W": (7, "week"),
    "D": (1, "day"),
}
__all__ = ["LANGUAGES", "Words", "of"]
