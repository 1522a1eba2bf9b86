"""Fields: what a person typed about themselves, as the register reads it.

Rule. A typed value is read as an import's is: a country by code or name becomes its code, a time zone must be one of the
IANA database, a language must be spelt like one (BCP 47), a birth date becomes a month. What cannot be what its field
means is named and left out, so that it never stands in a record; what was on record stays. A birth date that cannot be
read is kept as unreadable, which denies where an age counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from amana.core import facts, places, regimes, windows
from amana.core.vocabulary import Hold
from amana.core.workspace import Field, Workspace

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """Values by where they are kept, and the fields whose values cannot be right."""

    columns: dict[str, str]
    sealed: dict[str, str]
    wrong: tuple[str, ...]


def read(workspace: Workspace, values: Mapping[str, str]) -> Typed:
    """Read registered fields; an empty value empties its field. Every name must be registered."""
    columns: dict[str, str] = {}
    sealed: dict[str, str] = {}
    wrong = []
    for name, typed in values.items():
        field = workspace.fields[name]
        value = _value(workspace, field, typed.strip())
        if value is None:
            wrong.append(name)
            continue
        if field.hold is Hold.COLUMN:
            columns[field.means or name] = value
        else:
            sealed[name] = value
        if field.means == "birth_date" and value:
            readable = regimes.born_by(value) != facts.BORN_UNKNOWN
            columns["birth"] = regimes.birth_month(value) if readable else regimes.UNREADABLE
    return Typed(columns=columns, sealed=sealed, wrong=tuple(wrong))


def _value(workspace: Workspace, field: Field, typed: str) -> str | None:
    """The value as it is kept; None for one that cannot be what the field means."""
    if not typed.isprintable():
        return None
    if not typed:
        return ""
    if field.means == "residence":
        return places.country_of(typed, workspace.organisation.languages)
    if field.means == "zone":
        return typed if windows.knows(typed) else None
    if field.means == "language":
        return typed if LANGUAGE.fullmatch(typed) else None
    return typed
