"""A person's copy of their data: what we and the connected systems hold, in one package that only they can open.

Rule.
- A copy holds everything that was found, ours and others', with what is to be told about it (GDPR art. 15(1), (2)); for
  portability also what another controller's Amana imports (art. 20). `copy_parts` says what is in it.
- It is made once for a request and stands sealed under the person's key (`copy_store`). It is fetched through a fresh
  proof of the person, each fetch recorded, and gone `LIFE` after the answer or with the person.
- It is handed over as a page and a PDF in the person's language, and as files for machines. The same copy gives the
  same page and the same files; nothing in them depends on when they were packed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from amana import errors
from amana.core import person_copy
from amana.core.data_map import Row
from amana.core.person_copy import Package, Part
from amana.core.rights import Status
from amana.services.keeping import copy_store
from amana.services.record.house import House
from amana.services.rights import copy_page, copy_parts, printing
from amana.services.rights import requests as asked
from amana.storage import erasures, register
from amana.storage.requests import RequestRow

LIFE = 30 * 86_400
ZIP_DATE = (2020, 1, 1, 0, 0, 0)
PAGE, PRINTED = "copy.html", "copy.pdf"
_ENDED = frozenset({Status.REFUSED, Status.CANCELLED})


def make(house: House, row: RequestRow, found: Mapping[str, Sequence[Row]]) -> None:
    """Make and store the copy of a request. Made again, it takes the place of the first."""
    made = copy_parts.package(house, row, found)
    copy_store.put(house, row, msgspec.json.encode(made))
    asked.log(house, [row.id], "amana", "copy_made", rows=sum(len(one.rows) for one in made.parts))


def package(house: House, row: RequestRow, *, actor: str) -> Package:
    """The copy of a request; the look is recorded. Raises NotFound once it is gone, with why; KeyMissing as well."""
    found = _opened(house, row)
    _looked(house, row, actor)
    return found


def printed(house: House, row: RequestRow, *, actor: str) -> bytes:
    """The copy of a request as a PDF; the look is recorded once there is one to be handed over. Raises as `package` and
    `pdf` do.
    """
    made = pdf(_opened(house, row))
    _looked(house, row, actor)
    return made


def _opened(house: House, row: RequestRow) -> Package:
    is_over = (row.ended or house.clock()) + LIFE < house.clock() or Status(row.status) in _ENDED
    plain = None if is_over else copy_store.get(house, row)
    if plain is None:
        raise _gone(house, row, is_over=is_over)
    return msgspec.json.decode(plain, type=Package)


def _gone(house: House, row: RequestRow, *, is_over: bool) -> errors.NotFound:
    """Why a copy is not here: it went with its person, ended by its age, or was never made."""
    with house.database.read() as connection:
        if erasures.state_of(connection, row.person) is not None:
            went = erasures.nobody(connection, row.person)
            return errors.NotFound(
                f"This copy went with the person: {went.what}", got=went.got, remedy=went.remedy
            )
    if is_over and row.ended and Status(row.status) not in _ENDED:
        on = datetime.fromtimestamp(row.ended + LIFE, UTC).strftime("%Y-%m-%d")
        return errors.NotFound(
            f"This copy went on {on}: copies are kept for {LIFE // 86_400} days after the answer",
            remedy="ask for a new one",
        )
    return errors.NotFound("This copy is not here any more", remedy="ask for a new one")


def _looked(house: House, row: RequestRow, actor: str) -> None:
    house.writing().write(
        lambda session: register.note_look(
            session.connection, session.now, actor, f"copy of {row.ref}", row.person, "everything"
        )
    )


def page(package: Package) -> str:
    """The copy as one HTML page in the person's language, which loads nothing from anywhere."""
    return copy_page.html(package)


def pdf(package: Package) -> bytes:
    """The same as a PDF. Raises BadSettings where none can be made."""
    return printing.pdf(page(package))


def zipped(package: Package, *, printed: bytes = b"") -> bytes:
    """The package as files: the page, one JSON and one CSV for each part, and the manifest; a PDF that is given."""
    files = {PAGE: page(package).encode(), **person_copy.files(package)}
    return archive(files | ({PRINTED: printed} if printed else {}))


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files in one archive; the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in files.items():
            packed.writestr(zipfile.ZipInfo(name, ZIP_DATE), body, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def sweep(house: House) -> int:
    """Remove copies that are older than `LIFE` or whose person is gone; how many."""
    return copy_store.sweep(house, LIFE)


def remove(house: House, rows: Sequence[RequestRow]) -> None:
    """Remove the copies of these requests."""
    copy_store.remove(house, rows)


def path_of(house: House, row: RequestRow) -> Path:
    """Where the copy of a request stands."""
    return copy_store.path_of(house, row)


__all__ = [
    "Package",
    "Part",
    "archive",
    "make",
    "package",
    "page",
    "path_of",
    "pdf",
    "remove",
    "sweep",
    "zipped",
]
