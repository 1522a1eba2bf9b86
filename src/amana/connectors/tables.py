"""A source: one file as the tables it holds.

Contract. `Source(path, layout)` looks at the file's first bytes and directory only. `parts()` names its
tables in a fixed order: `("",)` for a CSV or Parquet file, the worksheets of a workbook, the members of a zip
archive. `rows(part, start_line)` streams `Row`s and `Reject`s in line order with memory that does not grow
with the file; starting at line n yields exactly what a full pass yields from line n on, so an import resumes
at the line after the last one it committed. `digest` is the SHA-256 of the file's bytes, as stored. Nothing
here knows what a column means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Protocol

from amana import errors
from amana.connectors import archives
from amana.connectors.delimited import Delimited
from amana.connectors.parquet import Table
from amana.connectors.rows import Layout, Row, shown_name
from amana.connectors.workbooks import Workbook
from amana.core.statements import Reject

FORMATS = ("csv", "xlsx", "parquet")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_REFUSED = {
    b"\xd0\xcf\x11\xe0": ("an old Excel file (.xls)", "save it as .xlsx or CSV"),
    b"\x1f\x8b": ("a gzip file", "unpack it first"),
    b"%PDF": ("a PDF", "ask for the table as CSV"),
}


class _Parts(Protocol):
    """What each format offers: parts in order, a header and rows for each, and a size to expect."""

    def parts(self) -> tuple[str, ...]: ...
    def header(self, part: str) -> tuple[str, ...]: ...
    def rows(self, part: str, start_line: int) -> Iterator[Row | Reject]: ...
    def estimate(self) -> int: ...


class Source:
    """A file to import from.

    Raises:
        BadInput: the file is of no known format, damaged, encrypted or a bomb; the sentence says which.
        NotFound: there is no such file.
    """

    def __init__(self, path: Path, layout: Layout | None = None) -> None:
        if not path.is_file():
            raise errors.NotFound(
                f"There is no file {shown_name(path.name)}",
                expected="the path of an export",
                remedy="check its path",
            )
        self.path = path
        self.layout = layout or Layout()
        self._parts = _opened(path, self.layout)

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return self.path.name

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def estimated_rows(self) -> int:
        """How many rows to expect, for a progress bar; exact for Parquet, 0 when a workbook does not say."""
        return self._parts.estimate()

    def parts(self) -> tuple[str, ...]:
        """The source's tables, in the order in which they are read."""
        return self._parts.parts()

    def header(self, part: str = "") -> tuple[str, ...]:
        """The names of a part's columns; empty for an empty table."""
        return self._parts.header(self._known(part))

    def rows(self, part: str = "", start_line: int = 0) -> Iterator[Row | Reject]:
        """A part's rows whose line is `start_line` or later, in line order."""
        return self._parts.rows(self._known(part), start_line)

    def _known(self, part: str) -> str:
        if part not in self.parts():
            raise errors.NotFound(
                "The source has no such part", expected=", ".join(self.parts()) or "one file"
            )
        return part


class _Texts:
    """Delimited tables: one file, or the members of an archive. Each is sniffed when first asked for."""

    def __init__(
        self, opened: dict[str, Callable[[], IO[bytes]]], sizes: dict[str, int], layout: Layout
    ) -> None:
        self._opened = opened
        self._sizes = sizes
        self._layout = layout
        self._tables: dict[str, Delimited] = {}

    def parts(self) -> tuple[str, ...]:
        return tuple(self._opened)

    def header(self, part: str) -> tuple[str, ...]:
        return self._table(part).header

    def rows(self, part: str, start_line: int) -> Iterator[Row | Reject]:
        return self._table(part).rows(start_line)

    def estimate(self) -> int:
        return sum(round(size / self._table(part).bytes_per_row) for part, size in self._sizes.items())

    def _table(self, part: str) -> Delimited:
        if part not in self._tables:
            self._tables[part] = Delimited(self._opened[part], self._layout, part)
        return self._tables[part]


class _Sheets:
    """The worksheets of a workbook that hold anything."""

    def __init__(self, book: Workbook) -> None:
        self._book = book

    def parts(self) -> tuple[str, ...]:
        return tuple(self._book.headers)

    def header(self, part: str) -> tuple[str, ...]:
        return self._book.headers[part]

    def rows(self, part: str, start_line: int) -> Iterator[Row | Reject]:
        return self._book.rows(part, start_line)

    def estimate(self) -> int:
        return self._book.estimated_rows


class _Single:
    """One Parquet table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def parts(self) -> tuple[str, ...]:
        return ("",)

    def header(self, part: str) -> tuple[str, ...]:
        return self._table.header

    def rows(self, part: str, start_line: int) -> Iterator[Row | Reject]:
        return self._table.rows(start_line)

    def estimate(self) -> int:
        return self._table.estimated_rows


def _opened(path: Path, layout: Layout) -> _Parts:
    """The reader for the format that the first bytes tell; a declared format must agree with them."""
    found = _format(path)
    if layout.format and layout.format not in FORMATS:
        raise errors.BadInput("The format is unknown", expected=", ".join(FORMATS), got=layout.format)
    if layout.format and layout.format != found.removeprefix("zip of "):
        raise errors.BadInput("The file is not of the declared format", expected=layout.format, got=found)
    if found == "parquet":
        return _Single(Table(path))
    if found == "xlsx":
        return _Sheets(Workbook(path, layout))
    if found == "csv":
        return _Texts({"": partial(_stream, path)}, {"": path.stat().st_size}, layout)
    members = archives.tables(path)
    sizes = {info.filename: info.file_size for info in archives.check(path) if info.filename in members}
    return _Texts({name: partial(archives.member, path, name) for name in members}, sizes, layout)


def _stream(path: Path) -> IO[bytes]:
    return path.open("rb")


def _format(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(8)
    for mark, (what, remedy) in _REFUSED.items():
        if start.startswith(mark):
            raise errors.BadInput(
                "The file is no table", expected="CSV, .xlsx, Parquet or zip", got=what, remedy=remedy
            )
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(_ZIP):
        inside = {member.filename for member in archives.check(path)}
        return "xlsx" if "xl/workbook.xml" in inside else "zip of csv"
    return "csv"
