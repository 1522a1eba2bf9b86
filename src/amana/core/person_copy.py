"""A person's copy: what it is made of, and the files it is handed over as.

Rule.
- A copy is what was found, part by part (`Part`), and what GDPR art. 15(1) and (2) ask to be told about it (`About`):
  purposes, categories, recipients, how long, source, rights, the authority, automated decisions, safeguards.
- Each part is a JSON file with its values as they were found and a CSV file of the same rows: an object by dotted path,
  an array as JSON. A cell that a spreadsheet would run is quoted; a phone number is not one.
- The manifest names each file, its system and its categories in terms of the W3C Data Privacy Vocabulary, and the
  person in terms of schema.org/Person, as JSON-LD.
- The same copy gives the same bytes: nothing in the files depends on when they were packed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from amana.core.data_map import Plain

VOCABULARY = "https://w3id.org/dpv#"
PEOPLE = "https://schema.org/"
_HARMLESS = re.compile(r"[+-][0-9][0-9 .()/-]*")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one collection, or one part of what we hold ourselves."""

    name: str  # file name without suffix
    system: str  # "" for Amana
    collection: str
    rows: tuple[dict[str, Any], ...]
    categories: dict[str, tuple[str, ...]] = {}  # field path -> categories
    label: str = ""  # what people call the system; "" for its name


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """What data is used for (art. 15(1)(a))."""

    label: str
    channels: tuple[str, ...]
    kept_for: str  # ISO 8601 duration; "" where nobody said
    wording: str  # of the notice, as people were told


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A registered field, and what is held in it (art. 15(1)(b), (d))."""

    label: str
    value: str
    why: str
    kept_for: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one permission stands now."""

    brand: str
    purpose: str  # "*" for everything
    channel: str  # its word; "*" for every one
    status: str  # of `core.vocabulary.Status`
    since: int
    source: str  # through which form, import or interface (art. 15(1)(g))
    notice: str = ""


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who gets data, or has got this person's (art. 15(1)(c), (2))."""

    name: str
    country: str = ""
    role: str = ""  # processor | controller | joint | ours
    purposes: tuple[str, ...] = ()
    safeguard: str = ""  # of `core.vocabulary.Safeguard`
    rows: int = 0  # of this person found there, where it is a connected system
    handed: int = 0  # when a file with this person's address left; 0 where none is meant
    until: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    at: int
    position: int
    what: str  # a status, or the event's kind with its change
    purpose: str = ""
    channel: str = ""
    source: str = ""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told beside the data."""

    organisation: str = ""
    address: str = ""
    contact: str = ""
    country: str = ""
    purposes: tuple[Purpose, ...] = ()
    held: tuple[Held, ...] = ()
    standing: tuple[Standing, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    history: tuple[Event, ...] = ()
    sources: tuple[str, ...] = ()
    profiled: tuple[str, ...] = ()  # labels of fields by which something is chosen or predicted
    authorities: tuple[tuple[str, str], ...] = ()  # country, name (art. 15(1)(f))


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in a copy."""

    ref: str
    kind: str
    made: int  # UTC seconds
    language: str
    parts: tuple[Part, ...]
    about: About = About()
    person: dict[str, Any] = {}  # schema.org/Person
    portable: dict[str, str] = {}  # file name -> text: what another Amana imports


def files(package: Package) -> dict[str, bytes]:
    """The machine-readable files of a copy, by name."""
    found: dict[str, bytes] = {}
    for part in package.parts:
        found[f"{part.name}.json"] = shown(part.rows)
        found[f"{part.name}.csv"] = table(part.rows).encode("utf-8-sig")
    for name, text in package.portable.items():
        found[name] = text.encode()
    found["about.json"] = shown(package.about)
    found["manifest.jsonld"] = shown(manifest(package))
    return found


def manifest(package: Package) -> dict[str, Any]:
    """What each file is, in DPV terms, and who the person is, in those of schema.org."""
    return {
        "@context": {"dpv": VOCABULARY, "schema": PEOPLE, "name": f"{PEOPLE}name", "rows": f"{PEOPLE}size"},
        "@type": "dpv:RightExerciseRecord",
        "dpv:hasIdentifier": package.ref,
        "dpv:hasRight": package.kind,
        "dpv:hasDate": moment(package.made),
        "dpv:hasDataSubject": package.person,
        "dpv:hasData": [
            {
                "@type": "dpv:PersonalData",
                "name": f"{part.name}.json",
                "dpv:hasDataSource": part.system or "amana",
                "dpv:hasDataCategory": sorted({one for named in part.categories.values() for one in named}),
                "rows": len(part.rows),
            }
            for part in package.parts
        ],
    }


def person(points: Iterable[tuple[str, str]], values: Mapping[str, str]) -> dict[str, Any]:
    """Addresses and fields by meaning as a schema.org/Person; what has no name there stays in the parts."""
    found: dict[str, Any] = {"@type": "schema:Person"}
    for kind, name in (("email", "schema:email"), ("phone", "schema:telephone")):
        values_of = [value for held, value in points if held == kind]
        if values_of:
            found[name] = values_of[0] if len(values_of) == 1 else values_of
    for meaning, name in (
        ("full_name", "schema:name"),
        ("birth_date", "schema:birthDate"),
        ("language", "schema:knowsLanguage"),
    ):
        if values.get(meaning):
            found[name] = values[meaning]
    place = {
        name: values[meaning]
        for meaning, name in (("residence", "schema:addressCountry"), ("region", "schema:addressRegion"))
        if values.get(meaning)
    }
    if place:
        found["schema:address"] = {"@type": "schema:PostalAddress", **place}
    return found


def shown(content: object) -> bytes:
    """Anything as JSON that a person can read too."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2)


def table(rows: Iterable[Mapping[str, Plain]]) -> str:
    """Rows as CSV; the columns are those of all rows, in the order in which they come."""
    flat = [flattened(dict(row)) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    target = io.StringIO()
    writer = csv.DictWriter(target, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: harmless(value) for name, value in row.items()} for row in flat)
    return target.getvalue()


def flattened(value: Plain, path: str = "") -> dict[str, str]:
    """A row as columns: objects by dotted path, arrays as JSON."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name, inner in value.items():
            found |= flattened(inner, f"{path}.{name}" if path else name)
        return found
    if isinstance(value, list):
        return {path: msgspec.json.encode(value).decode()}
    if isinstance(value, bool):
        return {path: "true" if value else "false"}
    return {path: "" if value is None else str(value)}


def harmless(text: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _HARMLESS.fullmatch(text):
        return f"'{text}"
    return text


def moment(at: int) -> str:
    """UTC seconds as ISO 8601."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
