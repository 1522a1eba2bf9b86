"""Excel workbooks (.xlsx), one part for each worksheet, streamed.

Rule: a cell becomes the text a person reads in it, without damage: whole numbers without a point or an
exponent (a phone number typed as a number keeps all its digits), dates as YYYY-MM-DD when the cell shows no
time and as YYYY-MM-DD HH:MM:SS when it does, truth values as true and false. Formulas count as their stored
result. Rows are numbered as Excel numbers them. A short row is filled up: Excel does not store empty cells.
"""

from __future__ import annotations

import datetime as dt
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from amana import errors
from amana.connectors import archives
from amana.connectors.rows import Layout, Row, fit, names, where
from amana.core.statements import Reject

MOST_ROWS = 1_048_576
_WHOLE = 1e15  # Excel keeps fifteen digits
_UNREADABLE_WORKBOOK = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, ParseError)


class Workbook:
    """A workbook's sheets. Opened anew for every pass, so that passes do not disturb each other."""

    headers: dict[str, tuple[str, ...]]
    """The sheets that hold anything, in order, and the names in each: its first row that is not empty."""

    def __init__(self, path: Path, layout: Layout) -> None:
        archives.check(path, most_bytes=archives.MOST_WORKBOOK_BYTES)
        self._path = path
        self._headed = layout.header
        self.headers = {}
        self.estimated_rows = 0
        with closing(self._open()) as book:
            for sheet in book.worksheets:
                self.estimated_rows += max((sheet.max_row or 1) - 1, 0)
                for _, cells in _filled(sheet):
                    self.headers[sheet.title] = self._names(cells, sheet.title)
                    break

    def rows(self, sheet: str, start_line: int = 0) -> Iterator[Row | Reject]:
        """The sheet's rows below the header whose number is `start_line` or later."""
        width = len(self.headers[sheet])
        headed = self._headed
        with closing(self._open()) as book:
            for line, cells in _filled(book[sheet]):
                if headed:
                    headed = False
                elif line >= start_line:
                    cells += [""] * (width - len(cells))
                    fitting = fit(cells, width)
                    if fitting is None:
                        yield Reject(part=sheet, line=line, column="", reason="ragged")
                    else:
                        yield Row(line, fitting)

    def _names(self, cells: list[str], sheet: str) -> tuple[str, ...]:
        if not self._headed:
            return tuple(map(str, range(1, len(cells) + 1)))
        while not cells[-1].strip():
            cells = cells[:-1]
        return names(cells, part=sheet)

    def _open(self) -> Any:  # openpyxl ships no types
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl warns of styles it cannot keep; none are needed
                return openpyxl.load_workbook(self._path, read_only=True, data_only=True)
        except _UNREADABLE_WORKBOOK:
            raise errors.BadInput(
                "The workbook cannot be read",
                expected="an .xlsx file",
                remedy="open it in a spreadsheet program and save it as .xlsx or CSV",
            ) from None


def _filled(worksheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Row number and texts of every row of a sheet that is not empty."""
    worksheet.reset_dimensions()  # a file's own claim of its size is not to be relied on
    for line, cells in enumerate(worksheet.iter_rows(), start=1):
        if line > MOST_ROWS:
            raise errors.BadInput(f"The sheet{where(worksheet.title)} has more rows than Excel allows")
        texts = [as_text(cell) for cell in cells]
        if any(texts):
            yield line, texts


def as_text(cell: Any) -> str:
    """A cell's value as the text a person reads in it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)
    if isinstance(value, dt.datetime):
        return _date_text(value, cell.number_format)
    return str(value)


def _date_text(value: dt.datetime, number_format: str) -> str:
    """ISO text: the date alone when the cell's format shows no hours and there are none."""
    if value.time() == dt.time() and "h" not in number_format.lower():
        return value.date().isoformat()
    return value.isoformat(sep=" ", timespec="seconds")
