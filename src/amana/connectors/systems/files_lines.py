"""A CSV file, read and rewritten so that what nobody changed stays as it is, to the byte.

Rule. Encoding and delimiter are found as imports find them. A row that is not changed is copied as it was written; a
changed one is written with the file's delimiter and line end, and with all of its cells in quotes if they all were.
An empty cell is null. A cell is read as its field declares: whole number, number, truth value, JSON for an object or an
array; a cell that cannot be read so stays text. Memory is one row. Bytes of another encoding, a quote that never
closes and a row of another width are `file_unreadable` with the line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from amana import errors
from amana.connectors import delimited
from amana.connectors.rows import fit
from amana.connectors.systems import plain
from amana.connectors.systems.system import Limits
from amana.core.data_map import DataType, Field, Plain, Row

Edit = Callable[[Row], Mapping[str, Plain] | None]
_TRUTH = {"true": True, "false": False}


class Record(msgspec.Struct, frozen=True, gc=False):
    """A row: where it begins, its cells, and the text it was written as."""

    line: int
    cells: list[str]
    raw: str


class Lines:
    """One CSV file."""

    def __init__(self, path: Path, fields: Mapping[str, Field], encoding: str, delimiter: str) -> None:
        self._path = path
        self._fields = fields
        with path.open("rb") as stream:
            sample = stream.read(delimited.SAMPLE)
        try:
            self._encoding = delimited.encoding_of(sample, encoding, "")
        except errors.BadInput:
            raise errors.Undeliverable(
                "file_unreadable", expected="a declared encoding", got=path.name
            ) from None
        self._delimiter = delimited.delimiter_of(sample.decode(self._encoding, errors="replace"), delimiter)

    def names(self) -> list[str]:
        """Its columns, from the first row."""
        head = next(self._records(), None)
        if head is None or len(set(head.cells)) != len(head.cells):
            raise errors.Undeliverable("file_unreadable", expected="a header that names each column once")
        return head.cells

    def limits(self) -> dict[str, Limits]:
        """A CSV file says nothing of its columns."""
        return {}

    def rows(self) -> Iterator[Row]:
        """Its rows by column."""
        names = self.names()
        for record in self._body(len(names)):
            yield self._row(names, record)

    def rewrite(self, edit: Edit, target: Path) -> None:
        """Write all rows to another file, each as `edit` says."""
        names = self.names()
        encoding = self._encoding
        with target.open("w", encoding=encoding, newline="") as out:
            head = next(self._records())
            out.write(head.raw)
            for record in self._body(len(names)):
                became = edit(self._row(names, record)) if any(record.cells) else {}
                if became is None:
                    continue
                out.write(self._written(names, record, became) if became else record.raw)

    def _body(self, width: int) -> Iterator[Record]:
        records = self._records()
        next(records, None)
        for record in records:
            cells = fit(record.cells, width) if any(record.cells) else [""] * width
            if cells is None:
                raise _unreadable(record.line)
            yield Record(record.line, cells, record.raw)

    def _records(self) -> Iterator[Record]:
        with self._path.open("r", encoding=self._encoding, newline="") as stream:
            lines = _Tape(stream)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            while True:
                lines.taken.clear()
                first = lines.number + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except (csv.Error, UnicodeError):
                    raise _unreadable(first) from None
                yield Record(first, cells, "".join(lines.taken))

    def _row(self, names: list[str], record: Record) -> Row:
        return {name: self._read(name, cell) for name, cell in zip(names, record.cells, strict=True)}

    def _read(self, name: str, cell: str) -> Plain:
        if cell == "":
            return None
        field = self._fields.get(name)
        inside = field is None and any(path.startswith(f"{name}.") for path in self._fields)
        if inside or (field is not None and (field.array or field.type is DataType.OBJECT)):
            return _json(cell)
        return cell if field is None else _typed(cell, field.type)

    def _written(self, names: list[str], record: Record, became: Mapping[str, Plain]) -> str:
        cells = [
            (plain.text(became[name]) or "") if name in became else cell
            for name, cell in zip(names, record.cells, strict=True)
        ]
        end = record.raw[len(record.raw.rstrip("\r\n")) :]
        out = io.StringIO(newline="")
        quoted = record.raw.startswith('"') and record.raw.count('"') >= 2 * len(record.cells)
        csv.writer(
            out,
            delimiter=self._delimiter,
            lineterminator=end,
            quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
        ).writerow(cells)
        return out.getvalue()


class _Tape:
    """Physical lines for `csv.reader`; those of the current row are kept as they were written."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Tape:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(delimited.LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) >= delimited.LONGEST_LINE:
            raise _unreadable(self.number + 1)
        self.number += 1
        self.taken.append(line)
        return line


def _unreadable(line: int) -> errors.Undeliverable:
    return errors.Undeliverable("file_unreadable", expected="a row as wide as the header", got=f"line {line}")


def _json(cell: str) -> Plain:
    try:
        found: Plain = json.loads(cell)
    except ValueError:
        return cell
    return found


def _typed(cell: str, kind: DataType) -> Plain:
    """A cell as its field declares it, where that loses nothing; else its text."""
    if kind is DataType.BOOLEAN:
        return _TRUTH.get(cell.lower(), cell)
    if kind not in (DataType.INTEGER, DataType.FLOAT):
        return cell
    try:
        number = int(cell) if kind is DataType.INTEGER else float(cell)
    except ValueError:
        return cell
    return number if plain.text(number) == cell or kind is DataType.FLOAT else cell
