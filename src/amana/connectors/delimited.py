"""Delimited text: CSV, TSV and their kin, streamed from bytes.

Rule: the encoding is the byte order mark's, else the declared one, else UTF-8; anything else is an error,
never a guess. The delimiter is the declared one, else the one among comma, semicolon, tab and bar that lays
most rows of the sample under the header. Line numbers are physical: a row that spans lines carries its first.
A quote that is never closed would swallow the rows after it. So a row that spans lines and does not fit costs
only its first line: that line is read again alone, and the lines after it are read as rows of their own.
A row below the header without a character in any cell is empty, and is told as such.
Memory is one row; the longest field is `csv.field_size_limit()` characters.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

from amana import errors
from amana.connectors.rows import UNREADABLE, Layout, Row, fit, names, where
from amana.core.statements import EMPTY_ROW, Reject

SAMPLE = 1 << 16
LONGEST_LINE = 1 << 22
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "windows-1251",
    "windows-1252",
    "windows-1255",
    "windows-1256",
    "windows-874",
)
_PYTHON_NAME = {"windows-874": "cp874"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(sample: bytes, declared: str, part: str) -> str:
    """The encoding's Python name, from the file's first bytes and the declared name.

    Raises:
        BadInput: the declared name is not one of `ENCODINGS`, or none is declared and the bytes are not
        UTF-8.
    """
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if declared:
        if declared.lower() not in ENCODINGS:
            raise errors.BadInput(
                "The declared encoding is not supported", expected=", ".join(ENCODINGS), got=declared
            )
        return _PYTHON_NAME.get(declared.lower(), declared.lower())
    if b"\0" in sample[:64] or not _is_utf8(sample):
        raise errors.BadInput(
            f"The text{where(part)} is not UTF-8 and no encoding is declared",
            expected=f"encoding to be one of {', '.join(ENCODINGS)}",
            remedy="ask whoever exported the file; many a spreadsheet writes windows-1252. Then say it: "
            '`amana map … --encoding windows-1252`, or encoding = "windows-1252" in the mapping, under [source]',
        )
    return "utf-8"


def delimiter_of(sample: str, declared: str) -> str:
    """The declared delimiter, or the one that lays most rows of the sample under its first row."""
    if len(declared) == 1:
        return declared
    if declared:
        raise errors.BadInput("The delimiter is not one character", expected="one of , ; tab |", got=declared)
    return max(DELIMITERS, key=lambda each: _evenness(sample, each))


class Delimited:
    """One delimited file. The header is read at once; `rows` streams, and may be called again."""

    def __init__(self, opened: Callable[[], IO[bytes]], layout: Layout, part: str = "") -> None:
        self._opened = opened
        self._part = part
        self._headed = layout.header
        with opened() as stream:
            sample = stream.read(SAMPLE)
        self._encoding = encoding_of(sample, layout.encoding, part)
        text = sample.decode(self._encoding, errors="replace").replace("\0", "")
        self._delimiter = delimiter_of(text, layout.delimiter)
        first = _first_row(text, self._delimiter, part)
        self.header = names(first, part=part) if layout.header else tuple(map(str, range(1, len(first) + 1)))
        self.bytes_per_row = max(len(sample), 1) / max(text.count("\n"), 1)

    def rows(self, start_line: int = 0) -> Iterator[Row | Reject]:
        """The rows whose line is `start_line` or later, in order.

        A quoted line break makes every line depend on those before it, so earlier rows are parsed and
        dropped.
        """
        with self._opened() as raw:
            lines = _Lines(io.TextIOWrapper(raw, self._encoding, errors="replace", newline=""), self._part)
            for line, cells in self._records(lines):
                if line < start_line:
                    continue
                if cells is None:
                    yield Reject(part=self._part, line=line, column="", reason="ragged")
                elif not any(cells):
                    yield Reject(part=self._part, line=line, column="", reason=EMPTY_ROW)
                elif lines.damaged:
                    yield from self._damaged(line, cells)
                else:
                    yield Row(line, cells)

    def _records(self, lines: _Lines) -> Iterator[tuple[int, list[str] | None]]:
        """Each row's first line and cells, the header left out; None for cells that do not fit."""
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        width = len(self.header)
        headed = self._headed
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield lines.first, self._alone(lines)
                continue
            if not any(cells):
                if not headed:
                    yield lines.first, []
            elif headed:
                headed = False
            elif len(cells) == width:
                yield lines.first, cells
            else:
                fitting = fit(cells, width)
                yield lines.first, self._alone(lines) if fitting is None else fitting

    def _alone(self, lines: _Lines) -> list[str] | None:
        """The cells of the row's first line, read by itself; the lines after it go back to be read again."""
        text = lines.keep_first().rstrip("\r\n")
        try:
            cells = next(csv.reader([text], delimiter=self._delimiter), [])
        except csv.Error:
            return None
        return fit(cells, len(self.header))

    def _damaged(self, line: int, cells: list[str]) -> Iterator[Row | Reject]:
        """A row with bytes that are no text: refused whole for NUL, else kept without its damaged cells."""
        if any("\0" in cell for cell in cells):
            yield Reject(part=self._part, line=line, column="", reason="nul")
            return
        for place, cell in enumerate(cells):
            if UNREADABLE in cell:
                cells[place] = UNREADABLE
                yield Reject(
                    part=self._part, line=line, column=self.header[place], reason="encoding", whole_row=False
                )
        yield Row(line, cells)


class _Lines:
    """Physical lines for `csv.reader`, numbered; those of the current row are kept for a second reading."""

    def __init__(self, stream: io.TextIOWrapper, part: str) -> None:
        self._readline = stream.readline
        self._part = part
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._number = 0
        self.damaged = False

    @property
    def first(self) -> int:
        """The line number at which the current row begins."""
        return self._number - len(self._taken) + 1

    def begin(self) -> None:
        """A new row begins with the next line."""
        self._taken.clear()
        self.damaged = False

    def keep_first(self) -> str:
        """Give back all lines of the current row but its first, which is returned."""
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        self._number -= len(rest)
        self._taken = [first]
        return first

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) >= LONGEST_LINE:
            raise errors.BadInput(
                f"Line {self._number}{where(self._part)} is too long for a table",
                expected=f"fewer than {LONGEST_LINE} characters",
            )
        self._taken.append(line)
        if _is_damaged(line):
            self.damaged = True
        return line


def _is_damaged(line: str) -> bool:
    return "\0" in line or UNREADABLE in line


def _is_utf8(sample: bytes) -> bool:
    """True when the bytes, possibly cut inside a character, are UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _first_row(text: str, delimiter: str, part: str) -> list[str]:
    """The first row that is not empty."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return next((row for row in reader if any(row)), [])
    except csv.Error:
        raise errors.BadInput(
            f"The header{where(part)} cannot be read",
            expected="column names separated by one delimiter",
            remedy="declare the delimiter, or remove stray quotes from the first line",
        ) from None


def _evenness(text: str, delimiter: str) -> tuple[float, int]:
    """How large a share of the sample's rows is as wide as the first, and how wide that is."""
    lines = text.splitlines(keepends=True)[:50]
    widths = [len(row) for row in csv.reader(lines[:-1] or lines, delimiter=delimiter) if row]
    if not widths or widths[0] < 2:
        return (0.0, 0)
    return (widths.count(widths[0]) / len(widths), widths[0])
