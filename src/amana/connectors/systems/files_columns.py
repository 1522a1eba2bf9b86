"""A Parquet file, read and rewritten batch by batch with its schema, compression and metadata kept.

Rule. Values cross as those of a database do: dates and times as ISO 8601, decimals as digits, bytes as marked text, lists
and structures nested. A value that cannot be of its column's type is `value_unfit` before the file is touched. A column
that the schema calls required takes no null. Memory is one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from amana import errors
from amana.connectors.systems import plain
from amana.connectors.systems.sql_values import plain_of
from amana.connectors.systems.system import Limits
from amana.core.data_map import Plain, Row

Edit = Callable[[Row], Mapping[str, Plain] | None]
BATCH = 16_384  # rows


class Columns:
    """One Parquet file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        """Its columns."""
        with self._open() as file:
            return list(file.schema_arrow.names)

    def limits(self) -> dict[str, Limits]:
        """Which columns may be null."""
        with self._open() as file:
            return {field.name: Limits(nullable=field.nullable) for field in file.schema_arrow}

    def rows(self) -> Iterator[Row]:
        """Its rows by column."""
        with self._open() as file:
            for batch in _batches(file):
                yield from _rows(batch)

    def rewrite(self, edit: Edit, target: Path) -> None:
        """Write all rows to another file, each as `edit` says."""
        with self._open() as file:
            compression = _compression(file)
            with pq.ParquetWriter(target, file.schema_arrow, compression=compression) as writer:
                for batch in _batches(file):
                    writer.write_batch(_edited(batch, edit))

    def _open(self) -> Any:  # pyarrow ships no types
        try:
            return pq.ParquetFile(self._path)
        except pa.ArrowInvalid:
            raise errors.Undeliverable("file_unreadable", expected="a Parquet file") from None


def _batches(file: Any) -> Iterator[Any]:
    try:
        yield from file.iter_batches(batch_size=BATCH)
    except pa.ArrowException:
        raise errors.Undeliverable("file_unreadable", expected="whole row groups") from None


def _rows(batch: Any) -> Iterator[Row]:
    columns = [column.to_pylist() for column in batch.columns]
    names = batch.schema.names
    for cells in zip(*columns, strict=True):
        yield {name: plain_of(cell) for name, cell in zip(names, cells, strict=True)}


def _edited(batch: Any, edit: Edit) -> Any:
    """The batch with its rows changed; columns that nobody touched are not converted."""
    kept: list[bool] = []
    touched: dict[str, dict[int, Plain]] = {}
    for place, row in enumerate(_rows(batch)):
        became = edit(row)
        kept.append(became is not None)
        for name, value in (became or {}).items():
            touched.setdefault(name, {})[place] = value
    arrays = [
        _column(batch.column(place), field, touched.get(field.name, {}))
        for place, field in enumerate(batch.schema)
    ]
    made = pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
    return made if all(kept) else made.filter(pa.array(kept))


def _column(column: Any, field: Any, values: Mapping[int, Plain]) -> Any:
    if not values:
        return column
    cells = column.to_pylist()
    for place, value in values.items():
        cells[place] = _arrow(value, field.type, field.name)
    try:
        return pa.array(cells, type=field.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        pass
    raise errors.Undeliverable("value_unfit", expected=str(field.type), got=field.name)


def _arrow(value: Plain, kind: Any, name: str) -> Any:
    """A value as Arrow takes it for a type."""
    if value is None:
        return None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        items = value if isinstance(value, list) else [value]
        return [_arrow(each, kind.value_type, name) for each in items]
    if pa.types.is_struct(kind) and isinstance(value, dict):
        return {one.name: _arrow(value.get(one.name), one.type, name) for one in kind}
    words = plain.text(value) or ""
    try:
        return _scalar(value, words, kind)
    except (ValueError, InvalidOperation):
        pass
    raise errors.Undeliverable("value_unfit", expected=str(kind), got=name)


def _scalar(value: Plain, words: str, kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return _scalar(value, words, kind.value_type)
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(words)
    if pa.types.is_date(kind):
        return date.fromisoformat(words)
    if pa.types.is_time(kind):
        return time.fromisoformat(words)
    if pa.types.is_decimal(kind):
        return Decimal(words)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return plain.to_bytes(words)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return words
    if pa.types.is_integer(kind) and not isinstance(value, bool):
        return int(words)
    return float(words) if pa.types.is_floating(kind) else value


def _compression(file: Any) -> str:
    """What the file's first column is compressed with."""
    if file.metadata.num_row_groups == 0 or file.metadata.num_columns == 0:
        return "snappy"
    found = str(file.metadata.row_group(0).column(0).compression).lower()
    return "none" if found == "uncompressed" else found
