"""One row of a table, and what every table format owes its reader.

Rule: a table has a header with distinct names and rows of text cells, one cell for each name. A row that cannot be laid
under the header is a `Reject`, whole. A cell whose bytes could not be decoded becomes `UNREADABLE`, beside a partial
`Reject`: it is neither empty nor equal to anything, so that damage never reads as "nothing was said". Of delimited text
an empty row is a `Reject` of its own reason, `empty_row`, so that whoever counts lines can account for each; in a
workbook, which stores rows that were only formatted, it is no row. An error names a column only when the name cannot be
a person's value; a file without a header shows its first person where the names should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from amana import errors
from amana.core import statements

UNREADABLE = statements.UNREADABLE
"""Stands for a cell that could not be decoded."""

_LOOKS_PERSONAL = re.compile(r"@|\d{6,}|^\+?\d[\d ().-]{5,}$")


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a file is to be read. Empty text means: find out."""

    format: str = ""  # csv, xlsx or parquet
    encoding: str = ""  # a byte order mark in the file is stronger than this
    delimiter: str = ""  # one character
    header: bool = True  # False: columns are called "1", "2", …


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row under its header: `cells` has one text for each column, as written."""

    line: int  # 1-based; for a row over several physical lines, the first of them
    cells: list[str]


def names(cells: Sequence[str], *, part: str) -> tuple[str, ...]:
    """The header's names, trimmed; an unnamed column is called `#` and its number.

    Raises:
        BadInput: two columns share a name, so that a mapping could not tell them apart.
    """
    header = tuple(cell.strip() or f"#{place}" for place, cell in enumerate(cells, start=1))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise errors.BadInput(
            f"The header{where(part)} names a column twice",
            expected="each name once",
            got=", ".join(safe_name(name, header) for name in twice),
            remedy="rename one of the columns in the file",
        )
    return header


def shown_name(name: str) -> str:
    """A file's name for an error's sentence, unless it might be somebody's address or number."""
    return "of this name" if _LOOKS_PERSONAL.search(name) else f"“{name}”"


def where(part: str) -> str:
    """` of <part>` for an error's sentence; nothing for a source that is one file."""
    return f" of {part}" if part else ""


def safe_name(name: str, header: Sequence[str]) -> str:
    """A column's name for an error, or its number when the name might be somebody's value."""
    if _LOOKS_PERSONAL.search(name):
        return f"column {list(header).index(name) + 1}" if name in header else "a column"
    return f"“{name}”"


def safe_names(some: Iterable[str], header: Sequence[str]) -> str:
    """Several columns' names for an error."""
    return ", ".join(safe_name(name, header) for name in some)


def fit(cells: list[str], width: int) -> list[str] | None:
    """The cells laid under a header of `width` columns, or None when they do not fit.

    Empty cells beyond the header are a trailing delimiter and fall away; a short row is ambiguous and does
    not fit.
    """
    if len(cells) == width:
        return cells
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return cells[:width]
    return None
