"""What a column of a database holds, and how its values cross.

Rule.
- A column belongs to one `Sort` by its declared type; what is not known crosses as the database's own text. A text
  column that the map declares as an object or an array, or with fields inside, holds JSON as text.
- Out: dates and times as ISO 8601, decimals as their digits, UUIDs as text, bytes as marked text, arrays and JSON as
  they are nested. SQLite and MySQL have no truth values: a column declared boolean gives them.
- The blanks with which PostgreSQL fills a CHAR(n) are no part of the value: it crosses without them.
- In: the reverse. A value that cannot be of the column's sort equals nothing in a search, and is refused in a change.
- Values given for a search are brought into the form they come out in, so that both can be compared as text.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

import msgspec
from sqlalchemy import Column, types
from sqlalchemy.dialects import mysql, postgresql

from amana import errors
from amana.connectors.systems import plain
from amana.core.data_map import DataType, Field, Plain

DAY = 86_400  # seconds
ENDLESS = frozenset({"infinity", "-infinity"})  # PostgreSQL's days before and after all others
_WHOLE = re.compile(r"([+-]?[0-9]{1,20})(\.0+)?")


class Sort(Enum):
    """What a column holds, as far as crossing goes."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    CLOCK = "clock"
    UUID = "uuid"
    BYTES = "bytes"
    JSON = "json"
    ARRAY = "array"
    OTHER = "other"  # crosses as the database's own text


_SORTS: tuple[tuple[tuple[type, ...], Sort], ...] = (
    ((mysql.BIT,), Sort.BYTES),
    ((postgresql.BIT, mysql.YEAR, mysql.SET), Sort.OTHER),
    ((types.Boolean,), Sort.BOOLEAN),
    ((types.Enum, postgresql.DOMAIN), Sort.OTHER),
    ((types.Float,), Sort.FLOAT),
    ((types.Numeric,), Sort.DECIMAL),
    ((types.Integer,), Sort.INTEGER),
    ((types.DateTime,), Sort.MOMENT),
    ((types.Date,), Sort.DATE),
    ((types.Time,), Sort.CLOCK),
    ((types.Uuid,), Sort.UUID),
    ((types.ARRAY,), Sort.ARRAY),
    ((types.JSON,), Sort.JSON),
    ((types.LargeBinary, types._Binary), Sort.BYTES),
    ((types.String,), Sort.TEXT),
)


class Codec(msgspec.Struct, frozen=True, kw_only=True):
    """One column as the map sees it."""

    path: str  # of the declared field: the column's name
    column: Any  # of a table without types, so that values pass as the driver has them
    kind: Any  # the column's type, as the database declares it
    nullable: bool = True
    sort: Sort
    field: Field
    inner: Sort = Sort.OTHER  # of an array's elements
    as_truth: bool = False  # whole numbers that are declared boolean
    caseless: bool = False  # the database itself compares it without letter case

    @property
    def length(self) -> int | None:
        """Characters that fit, as the database says."""
        found = getattr(self.kind, "length", None)
        return found if isinstance(found, int) and self.sort is Sort.TEXT else None

    def out(self, value: object) -> Plain:
        """A driver's value as it crosses."""
        if self.sort is Sort.JSON and isinstance(value, str):
            return _decoded(value)
        if self.as_truth and value in (0, 1):
            return bool(value)
        return plain_of(value)

    def sought(self, values: Iterable[Plain]) -> list[Plain]:
        """Search values in the form they come out in; those that cannot be in this column are left out."""
        found = {one: None for value in values if (one := _canonical(value, self.element)) is not None}
        return list(found)

    @property
    def element(self) -> Sort:
        """The sort of what is compared: of an array, its elements'."""
        return self.inner if self.sort is Sort.ARRAY else self.sort

    def into(self, value: Plain) -> object:
        """A value for the driver. Raises Undeliverable for one that cannot be of the column's sort."""
        if value is None:
            return None
        if self.sort is Sort.JSON:
            return json.dumps(value, ensure_ascii=False)
        if self.sort is Sort.ARRAY:
            if not isinstance(value, list):
                raise errors.Undeliverable("value_unfit", expected="an array", got=self.path)
            return [self._one(each, self.inner) for each in value]
        return self._one(value, self.sort)

    def _one(self, value: Plain, sort: Sort) -> object:
        if value is None:
            return None
        found = _native(value, sort)
        if found is None and sort in (Sort.DATE, Sort.MOMENT) and isinstance(value, str):
            return value  # a day that only the database can write: it judges
        if found is None:
            raise errors.Undeliverable("value_unfit", expected=sort.value, got=self.path)
        return found


def codec(column: Column[Any], bare: Any, field: Field, *, inside: bool, caseless: bool = False) -> Codec:
    """How a column crosses; `bare` is the same without its type, `inside` where the map declares fields in it."""
    sort = sort_of(column.type)
    nested = inside or field.array or field.type is DataType.OBJECT
    if sort in (Sort.TEXT, Sort.OTHER) and nested:
        sort = Sort.JSON
    inner = sort_of(column.type.item_type) if isinstance(column.type, types.ARRAY) else Sort.OTHER
    truth = sort is Sort.BOOLEAN or (sort is Sort.INTEGER and field.type is DataType.BOOLEAN)
    return Codec(
        path=str(column.name),
        column=bare,
        kind=column.type,
        nullable=bool(column.nullable),
        sort=sort,
        field=field,
        inner=inner,
        as_truth=truth,
        caseless=caseless,
    )


def sort_of(kind: Any) -> Sort:
    """The sort of a column's type."""
    return next((sort for classes, sort in _SORTS if isinstance(kind, classes)), Sort.OTHER)


def plain_of(value: object) -> Plain:
    """A driver's value, of whatever type, as it crosses."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return _clock(value)
        case bytes() | bytearray() | memoryview():
            return plain.from_bytes(bytes(value))
        case list() | tuple():
            return [plain_of(each) for each in value]
        case dict():
            return {str(name): plain_of(each) for name, each in value.items()}
        case _:
            return str(value)  # Decimal, UUID


def unpadded(codec: Codec, value: Plain) -> Plain:
    """A value of PostgreSQL's CHAR(n), or an array of them, without the blanks that fill it up."""
    kind = codec.kind.item_type if isinstance(codec.kind, types.ARRAY) else codec.kind
    if not isinstance(kind, types.CHAR):
        return value
    if isinstance(value, list):
        return [unpadded(codec, each) for each in value]
    return value.rstrip(" ") if isinstance(value, str) else value


def alike(one: Plain, other: Plain) -> bool:
    """Whether a value that was written and the one that came back are the same but for the column's precision."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6)
    a, b = plain.text(one), plain.text(other)
    if a is None or b is None:
        return a is b
    if a.rstrip(" ") == b.rstrip(" "):  # CHAR(n) is padded
        return True
    for read in (_number, _seconds):
        x, y = read(a), read(b)
        if x is not None and y is not None:
            return math.isclose(x, y, rel_tol=1e-6, abs_tol=1.0 if read is _seconds else 0.0)
    return False


def _decoded(value: str) -> Plain:
    """JSON as text; a text that is no JSON stays what it is."""
    try:
        found: Plain = json.loads(value)
    except ValueError:
        return value
    return found


def _native(value: Plain, sort: Sort) -> object:
    """A value for a column of a sort, None where it cannot be."""
    words = plain.text(value) or ""
    if words in ENDLESS and sort in (Sort.DATE, Sort.MOMENT):
        return words
    match sort:
        case Sort.INTEGER:
            return _whole(words)
        case Sort.FLOAT:
            return _number(words)
        case Sort.DECIMAL:
            return _digits(words)
        case Sort.BOOLEAN:
            return {"true": True, "1": True, "false": False, "0": False}.get(words.lower())
        case Sort.UUID:
            return _read(lambda: str(uuid.UUID(words)))
        case Sort.DATE:
            return _read(lambda: date.fromisoformat(words).isoformat())
        case Sort.MOMENT:
            return _read(lambda: datetime.fromisoformat(words).isoformat())
        case Sort.BYTES:
            return plain.to_bytes(words)
        case _:
            return words


def _canonical(value: Plain, sort: Sort) -> Plain:
    if value is None or isinstance(value, list | dict):
        return None
    found = _native(value, sort)
    return None if found is None else plain_of(found)


def _whole(words: str) -> int | None:
    found: int | None = {"true": 1, "false": 0}.get(words)
    if found is None and (digits := _WHOLE.fullmatch(words)):
        found = int(digits[1])  # 42.00 of a scaled column refers to 42
    return found if found is not None and -(2**63) <= found < 2**64 else None


def _number(words: str) -> float | None:
    found: float | None = _read(lambda: float(words))
    return found


def _seconds(words: str) -> float | None:
    """A date or moment as seconds on the calendar, its offset left out: databases drop it or bring their own."""
    found = _read(lambda: datetime.fromisoformat(words))
    return None if found is None else found.replace(tzinfo=None).toordinal() * DAY + _of_day(found.time())


def _of_day(at: time) -> float:
    return at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6


def _digits(words: str) -> str | None:
    try:
        return str(Decimal(words))
    except InvalidOperation:
        return None


def _read(make: Any) -> Any:
    try:
        return make()
    except ValueError:
        return None


def _clock(value: timedelta) -> str:
    """A length of time as MySQL writes its TIME: hours may be more than a day's."""
    sign = "-" if value < timedelta(0) else ""
    whole = abs(value)
    seconds = whole.days * DAY + whole.seconds
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{whole.microseconds:06}" if whole.microseconds else text


def iso(value: str) -> str:
    """PostgreSQL's own text of a moment as ISO 8601; infinity and years before ours stay what they are."""
    found = _read(lambda: datetime.fromisoformat(value))
    return value if found is None else str(found.isoformat())
