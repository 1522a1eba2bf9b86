"""The words of documents that are handed over: a person's copy, an answer, an evidence pack.

Rule. A catalogue is one TOML file for one language under locale/copy, with exactly the keys that the English one has; it
is checked whole when it is first asked for. A language that is not there is read in English. Dates, spans of time and
names of countries come from CLDR, Thai years in the common era. What the workspace calls its own things comes first in
the reader's language, then in any that it has, then as its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

import babel
import msgspec
from babel import dates

from amana import errors
from amana.core import pack_values
from amana.core.phrases import LANGUAGES, Phrases
from amana.core.statements import ANY
from amana.core.workspace import Field, Workspace
from amana.services.record import wording

_WRITTEN_AS = {"en": "en_GB"}  # day first, as most of the world reads it


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language's file: sentences, and words for the closed sets that documents name."""

    text: dict[str, str]
    field: dict[str, str]  # by meaning
    event: dict[str, str]  # by what happened
    right: dict[str, str]  # by kind of request
    role: dict[str, str]
    safeguard: dict[str, str]
    ground: dict[str, str]  # of what the law keeps


class Words:
    """One language."""

    def __init__(self, language: str, catalogue: Catalogue, told: Phrases) -> None:
        self.language, self.direction = language, told.direction
        self.told, self.catalogue = told, catalogue
        self._locale = babel.Locale.parse(_WRITTEN_AS.get(language, language))

    def __call__(self, key: str, **parts: object) -> str:
        """A sentence, as text."""
        return self.catalogue.text[key].format(**parts)

    def day(self, at: int) -> str:
        """A day, from UTC seconds."""
        return dates.format_date(datetime.fromtimestamp(at, UTC), "long", locale=self._locale)

    def moment(self, at: int) -> str:
        """A moment to the minute in UTC, from UTC seconds."""
        return f"{self.day(at)} · {datetime.fromtimestamp(at, UTC):%H:%M} UTC"

    def country(self, code: str) -> str:
        """The name of a country; a code that CLDR does not know as it stands."""
        return str(self._locale.territories.get("GB" if code == "UK" else code, code))

    def span(self, duration: str) -> str:
        """An ISO 8601 duration in words; what is none as it stands."""
        if not duration:
            return ""
        try:
            found = pack_values.period(duration)
        except errors.BadLaw:
            return duration
        years, months = divmod(found.months, 12)
        counted: list[tuple[int, float, Literal["year", "month", "day"]]] = [
            (years, 365.2425, "year"),
            (months, 30.436875, "month"),
            (found.days, 1, "day"),
        ]
        return ", ".join(
            dates.format_timedelta(timedelta(days=number * days), unit, threshold=1e9, locale=self._locale)
            for number, days, unit in counted
            if number
        )

    def given(self, texts: Mapping[str, str], otherwise: str) -> str:
        """A workspace's own word in this language, in another that it has, or made from its key."""
        return texts.get(self.language) or next(iter(texts.values()), "") or otherwise.replace("_", " ")

    def purpose(self, workspace: Workspace, name: str) -> str:
        """What people call a purpose."""
        if name == ANY:
            return self("everything")
        one = workspace.purposes.get(name)
        return self.given(one.label if one else {}, name)

    def field_label(self, name: str, field: Field) -> str:
        """What people call a registered field."""
        if not field.label and field.means in self.catalogue.field:
            return self.catalogue.field[field.means]
        return self.given(field.label, name)

    def channel(self, name: str) -> str:
        """What people call a channel, a use or a sharing of data."""
        return self("every_channel") if name == ANY else self.told.means(name)

    def happened(self, what: str) -> str:
        """What happened, by its word: a status or a kind of event."""
        return self.catalogue.event.get(what) or self.told.status.get(what) or self.catalogue.event["other"]

    def ground(self, token: str) -> str:
        """By what right something is kept; a ground that the map alone knows as it stands."""
        return self.catalogue.ground.get(token, token.replace("_", " "))


def known(language: str) -> str:
    """The language that words are there for: this one by its first part, else English."""
    base = language.lower().partition("-")[0]
    return base if base in LANGUAGES else wording.FALLBACK


@cache
def of(language: str) -> Words:
    """The words of a language. Raises BadInput if its catalogue is not complete."""
    base = known(language)
    return Words(base, wording.words(Catalogue, "copy", base), wording.catalogue(base))
