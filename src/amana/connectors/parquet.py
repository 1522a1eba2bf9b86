"""Parquet files, read in batches.

Rule: a value becomes the text the same value has in a CSV export: whole numbers without a point, truth values
as true and false, dates as YYYY-MM-DD, moments as ISO 8601 with the offset when the column has a zone and
without when it has none. Line 1 stands for the schema; the first row is line 2, as in a CSV of the same
table. A start line far into the file skips whole row groups unread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from amana import errors
from amana.connectors.rows import Row, names

BATCH = 8_192
FIRST_LINE = 2


class Table:
    """One Parquet file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as file:
            self.header = names(file.schema_arrow.names, part="")
            self.estimated_rows = int(file.metadata.num_rows)

    def rows(self, start_line: int = 0) -> Iterator[Row]:
        """The rows whose line is `start_line` or later."""
        with self._open() as file:
            groups, line = _groups_from(file.metadata, start_line)
            for batch in file.iter_batches(batch_size=BATCH, row_groups=groups):
                columns = [as_texts(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    if line >= start_line:
                        yield Row(line, list(cells))
                    line += 1

    def _open(self) -> Any:  # pyarrow ships no types
        try:
            return pq.ParquetFile(self._path)
        except (pa.ArrowInvalid, OSError):
            raise errors.BadInput("The Parquet file cannot be read", remedy="export it again") from None


def as_texts(column: Any) -> list[str]:
    """A column's values as texts, empty for null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    return [_text(value) for value in column.to_pylist()]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if hasattr(value, "hour") and hasattr(value, "year"):
        return str(value.isoformat(sep=" ", timespec="seconds"))
    return str(value)


def _groups_from(metadata: Any, start_line: int) -> tuple[list[int], int]:
    """The row groups that hold `start_line` and what follows, and the line of the first of their rows."""
    line = FIRST_LINE
    for group in range(metadata.num_row_groups):
        after = line + int(metadata.row_group(group).num_rows)
        if after > start_line:
            return list(range(group, metadata.num_row_groups)), line
        line = after
    return [], line
