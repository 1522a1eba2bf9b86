"""A person's copy of their data: what we and the connected systems hold, in one package that only they can open.

Rule.
- A copy holds everything that was found, ours and others', with the purposes, the recipients, where each thing came
  from and until when it is kept (GDPR art. 15(1)); for portability, what can be taken elsewhere (art. 20): JSON and
  CSV, with a manifest that names each file, its system and its fields' categories (JSON-LD, W3C DPV terms).
- It is made once for a request and stands sealed under the person's key in a file of the workspace, named by the
  request. It is fetched through a fresh proof of the person, each fetch recorded, and gone after `LIFE` or with the
  person.
- The same content gives the same files: nothing in them depends on when they were packed but the manifest's date.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from amana import errors
from amana.core.data_map import Plain, Row
from amana.core.rights import Kind
from amana.ledger import sealing
from amana.services import data_map, history, own_data
from amana.services import requests as asked
from amana.services.house import House
from amana.storage import register
from amana.storage.requests import RequestRow

LIFE = 30 * 86_400
ZIP_DATE = (2020, 1, 1, 0, 0, 0)
_VOCABULARY = "https://w3id.org/dpv#"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one collection, or one part of what we hold ourselves."""

    name: str  # file name without suffix
    system: str  # "" for Amana
    collection: str
    rows: tuple[dict[str, Any], ...]
    categories: dict[str, tuple[str, ...]] = {}  # field path -> categories


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in a copy."""

    ref: str
    kind: str
    made: int
    language: str
    parts: tuple[Part, ...]


def make(house: House, row: RequestRow, found: Mapping[str, Sequence[Row]]) -> None:
    """Make and store the copy of a request. Made again, it takes the place of the first."""
    package = Package(
        ref=row.ref,
        kind=row.kind,
        made=house.clock(),
        language=row.language,
        parts=(*ours(house, row), *_theirs(house, found)),
    )
    _store(house, row, msgspec.json.encode(package, order="sorted"))
    asked.log(house, [row.id], "amana", "copy_made", rows=sum(len(one.rows) for one in package.parts))


def package(house: House, row: RequestRow, *, actor: str) -> Package:
    """The copy of a request; the look is recorded. Raises NotFound once it is gone, KeyMissing for an erased person."""
    path = path_of(house, row)
    if not path.is_file() or (row.ended or house.clock()) + LIFE < house.clock():
        raise errors.NotFound("This copy is not here any more", remedy="ask for a new one")
    key = house.keys.keys([row.person])[row.person]
    opened = msgspec.json.decode(sealing.unwrap(key, path.read_bytes(), _context(row)), type=Package)
    house.writing().write(
        lambda session: register.note_look(
            session.connection, session.now, actor, f"copy of {row.ref}", row.person, "everything"
        )
    )
    return opened


def zipped(package: Package) -> bytes:
    """The package as files: one JSON and one CSV for each part, and the manifest."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in package.parts:
            rows = msgspec.json.format(msgspec.json.encode(part.rows), indent=2)
            _add(archive, f"{part.name}.json", rows)
            _add(archive, f"{part.name}.csv", _table(part).encode("utf-8-sig"))
        manifest = msgspec.json.format(msgspec.json.encode(_manifest(package)), indent=2)
        _add(archive, "manifest.jsonld", manifest)
    return target.getvalue()


def sweep(house: House) -> int:
    """Remove copies that are older than `LIFE` or whose person is gone; how many."""
    if not house.copies.is_dir():
        return 0
    removed = 0
    for path in house.copies.iterdir():
        try:
            row = asked.get(house, path.stem)
        except errors.NotFound:
            row = None
        old = row is None or (row.ended is not None and row.ended + LIFE < house.clock())
        if old or (row is not None and row.person not in house.keys.known_keys([row.person])):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def remove(house: House, rows: Sequence[RequestRow]) -> None:
    """Remove the copies of these requests."""
    for row in rows:
        path_of(house, row).unlink(missing_ok=True)


def path_of(house: House, row: RequestRow) -> Path:
    """Where the copy of a request stands."""
    return house.copies / f"{row.ref}.sealed"


# ---- what is in it ------------------------------------------------------------------------------------------------


def ours(house: House, row: RequestRow) -> list[Part]:
    """What we hold ourselves: addresses, fields, the whole history, and who looked."""
    mine = own_data.show(house, row.person)
    happened = [
        {"position": one.position, **msgspec.to_builtins(one.event)}
        for one in history.of_person(house, row.person)
    ]
    with house.database.read() as connection:
        looks = register.looks(connection, row.person)
    fields = house.workspace.fields
    parts = [
        Part(
            name="amana-addresses",
            system="",
            collection="addresses",
            rows=tuple({"kind": kind, "address": value} for kind, value in mine.points),
            categories={"address": ("user.contact",)},
        ),
        Part(
            name="amana-fields",
            system="",
            collection="fields",
            rows=tuple(
                {"field": name, "value": value, "why": fields[name].why, "kept_for": fields[name].kept_for}
                for name, value in mine.fields.items()
                if value
            ),
        ),
        Part(name="amana-history", system="", collection="history", rows=tuple(happened)),
    ]
    if row.kind == Kind.ACCESS.value:
        seen = tuple(
            {"at": _moment(at), "who": actor, "what_for": purpose, "fields": named}
            for at, actor, purpose, _, named in looks
        )
        parts.append(Part(name="amana-looks", system="", collection="looks", rows=seen))
    return parts


def _theirs(house: House, found: Mapping[str, Sequence[Row]]) -> list[Part]:
    the_map = data_map.load(house.folder)
    categories = {
        f"{dataset.name}:{collection.name}": {field.path: field.categories for field in collection.fields}
        for dataset in the_map.datasets
        for collection in dataset.collections
    }
    parts = []
    for place in sorted(found):
        system, _, node = place.partition("/")
        parts.append(
            Part(
                name=f"{system}-{node.replace(':', '-')}".strip("-"),
                system=system,
                collection=node,
                rows=tuple(found[place]),
                categories=categories.get(node, {}),
            )
        )
    return parts


def _manifest(package: Package) -> dict[str, Any]:
    """What each file is, in DPV terms (W3C Data Privacy Vocabulary 2)."""
    return {
        "@context": {"dpv": _VOCABULARY, "name": "https://schema.org/name"},
        "@type": "dpv:RightExerciseRecord",
        "dpv:hasIdentifier": package.ref,
        "dpv:hasRight": package.kind,
        "dpv:hasDate": _moment(package.made),
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


def _table(part: Part) -> str:
    flat = [_flat(row) for row in part.rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    target = io.StringIO()
    writer = csv.DictWriter(target, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for row in flat)
    return target.getvalue()


def _flat(value: Plain, path: str = "") -> dict[str, str]:
    """A row as columns: objects by dotted path, arrays as JSON."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name, inner in value.items():
            found |= _flat(inner, f"{path}.{name}" if path else name)
        return found
    if isinstance(value, list):
        return {path: msgspec.json.encode(value).decode()}
    return {path: "" if value is None else str(value)}


def _safe(text: str) -> str:
    """A cell that no spreadsheet reads as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _add(archive: zipfile.ZipFile, name: str, body: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), body, zipfile.ZIP_DEFLATED)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


# ---- where it stands ----------------------------------------------------------------------------------------------


def _store(house: House, row: RequestRow, plain: bytes) -> None:
    """Seal and write, so that after a kill the file is whole or not there."""
    key = house.keys.keys([row.person])[row.person]
    house.copies.mkdir(mode=0o700, exist_ok=True)
    path = path_of(house, row)
    building = path.with_suffix(".new")
    handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(sealing.wrap(key, house.random(12), plain, _context(row)))
        file.flush()
        os.fsync(file.fileno())
    building.rename(path)


def _context(row: RequestRow) -> bytes:
    return b"copy/" + row.ref.encode()
