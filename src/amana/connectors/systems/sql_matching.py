"""Searches as a database reads them.

Rule.
- All values of a search travel as one bound value where the server can take that (PostgreSQL: an array, SQLite: JSON),
  so that any number of them is one statement and the column's index is used; MySQL takes a list.
- The comparison is by text where types differ, and never by a server's own idea of likeness: a number column sees
  numbers only, and what MySQL's collation finds alike is looked at again in Python.
- Inside JSON, PostgreSQL decides; SQLite and MySQL give candidates, and Python decides. `exact` says which it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from amana.connectors.systems import plain
from amana.connectors.systems.sql_values import Codec, Sort
from amana.core.data_map import Plain

LOWER = "amana_lower"
"""SQLite's own `lower` knows ASCII only; this one is Python's, registered with each connection."""

_TYPED: dict[Sort, Any] = {
    Sort.INTEGER: sa.Numeric(),  # of any size: a reference to a number that is too large finds nothing
    Sort.FLOAT: sa.Double(),
    Sort.DECIMAL: sa.Numeric(),
    Sort.BOOLEAN: sa.Boolean(),
    Sort.DATE: sa.Date(),
    Sort.MOMENT: None,  # with or without a zone, as its column
    Sort.UUID: sa.Uuid(as_uuid=False),
}
_INTEGERS = sa.BigInteger()


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One search over one column."""

    clause: Any  # ColumnElement[bool]; None where nothing can match
    exact: bool  # False: the rows are candidates


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """Values that are looked for in a column, or inside it."""

    codec: Codec
    inside: tuple[tuple[str, bool], ...] = ()  # names below the column, each with whether it is an array
    values: tuple[Plain, ...]
    fold: bool = False


def condition(dialect: str, sought: Sought) -> Condition:
    """The search as this dialect reads it."""
    if sought.codec.sort is Sort.JSON:
        return Condition(clause=_JSON[dialect](sought), exact=dialect == "postgresql")
    values = sought.codec.sought(sought.values)
    if not values:
        return Condition(clause=None, exact=True)
    if sought.fold and sought.codec.element in (Sort.TEXT, Sort.OTHER):
        values = list(dict.fromkeys(str(value).lower() for value in values))
        return Condition(clause=_FOLDED[dialect](sought.codec, values), exact=dialect != "mysql")
    return Condition(clause=_PLAIN[dialect](sought.codec, values), exact=dialect != "mysql")


def sorted_by(dialect: str, codec: Codec) -> Any:
    """A key column in an order that is the same everywhere: text by code point."""
    if codec.sort is not Sort.TEXT:
        return codec.column
    if dialect == "postgresql":
        return sa.cast(codec.column, sa.Text).collate("C")
    return sa.cast(codec.column, sa.LargeBinary) if dialect == "mysql" else codec.column


def read_as(dialect: str, codec: Codec) -> Any:
    """A column as it is read: the driver's raw value, or the database's own text."""
    textual = codec.sort is Sort.OTHER or (
        dialect == "postgresql" and codec.sort in (Sort.MOMENT, Sort.DATE, Sort.CLOCK, Sort.DECIMAL)
    )
    if dialect == "mysql" and codec.sort is Sort.OTHER:
        return sa.cast(codec.column, sa.CHAR).label(codec.path)
    if textual and dialect == "postgresql":
        return sa.cast(codec.column, sa.Text).label(codec.path)
    if dialect == "postgresql" and codec.sort is Sort.ARRAY and codec.inner not in _DRIVEN:
        return sa.cast(codec.column, postgresql.ARRAY(sa.Text)).label(codec.path)
    return codec.column.label(codec.path)


_DRIVEN = frozenset({Sort.TEXT, Sort.INTEGER, Sort.FLOAT, Sort.BOOLEAN, Sort.UUID, Sort.BYTES, Sort.JSON})


def bound(dialect: str, codec: Codec, name: str) -> Any:
    """A bound value for writing to a column."""
    raw = sa.bindparam(name, type_=sa.types.NullType())
    if dialect == "postgresql" and codec.sort is Sort.ARRAY:
        return sa.cast(raw, codec.kind)
    return raw


def _list(values: Sequence[Plain], kind: Any) -> Any:
    return sa.cast(
        sa.bindparam(None, list(values), type_=sa.types.NullType(), unique=True), postgresql.ARRAY(kind)
    )


def _pg_plain(codec: Codec, values: list[Plain]) -> Any:
    column: Any = codec.column
    if codec.sort is Sort.ARRAY:
        return sa.cast(codec.column, postgresql.ARRAY(sa.Text)).op("&&", is_comparison=True)(
            _list([plain.text(value) for value in values], sa.Text)
        )
    if codec.sort is Sort.INTEGER:
        fitting = [value for value in values if isinstance(value, int) and -(2**63) <= value < 2**63]
        return column == sa.any_(_list(fitting, _INTEGERS))
    if codec.sort in _TYPED:
        return column == sa.any_(_list(values, _TYPED[codec.sort] or codec.kind))
    if codec.sort is Sort.BYTES:
        raw = [plain.to_bytes(str(value)) for value in values]
        return column == sa.any_(_list(raw, sa.LargeBinary()))  # type: ignore[arg-type]  # the driver's bytes
    if codec.sort is not Sort.TEXT:
        column = sa.cast(codec.column, sa.Text)
    elif isinstance(codec.kind, sa.CHAR):
        values = [str(value).rstrip(" ") for value in values]  # padding is no part of CHAR(n)
    return column == sa.any_(_list([plain.text(value) for value in values], sa.Text))


def _pg_folded(codec: Codec, values: list[Plain]) -> Any:
    if isinstance(codec.kind, sa.CHAR):
        values = [str(value).rstrip(" ") for value in values]
    if codec.sort is Sort.ARRAY:
        each = sa.func.unnest(sa.cast(codec.column, postgresql.ARRAY(sa.Text))).column_valued("each")
        return sa.exists(sa.select(1).where(sa.func.lower(each) == sa.any_(_list(values, sa.Text))))
    return sa.func.lower(sa.cast(codec.column, sa.Text)) == sa.any_(_list(values, sa.Text))


def _pg_json(sought: Sought) -> Any:
    path = "lax $" + "".join(f".{json.dumps(name)}" for name, _ in sought.inside) + "[*]"
    found = sa.func.jsonb_path_query(
        sa.cast(sought.codec.column, postgresql.JSONB),
        sa.cast(sa.literal(path, sa.types.NullType()), postgresql.JSONPATH),
    ).column_valued("each")
    inner: Any = sa.cast(found, postgresql.JSONB).op("#>>")(sa.literal_column("'{}'"))
    texts = _texts(sought)
    compared = sa.func.lower(inner) if sought.fold else inner
    return sa.exists(sa.select(1).where(compared == sa.any_(_list(texts, sa.Text))))


def _lite_list(values: Sequence[Plain]) -> Any:
    each = sa.func.json_each(json.dumps(list(values))).table_valued("value", name="each")
    return sa.select(each.c.value)


def _lite_plain(codec: Codec, values: list[Plain]) -> Any:
    column = codec.column
    if codec.sort is Sort.BYTES:
        return column.in_([plain.to_bytes(str(value)) for value in values])
    if codec.sort in (Sort.MOMENT, Sort.CLOCK):
        values = [form for value in values for form in (str(value), str(value).replace("T", " "))]
    if codec.sort is Sort.DECIMAL:
        values = [float(str(value)) for value in values]
    return column.in_(_lite_list(values))


def _lite_folded(codec: Codec, values: list[Plain]) -> Any:
    """ASCII is compared as SQLite does it, which an index `COLLATE NOCASE` answers; the rest by Python's letters."""
    plain_ones = [value for value in values if str(value).isascii()]
    others = [value for value in values if not str(value).isascii()]
    clause = codec.column.collate("NOCASE").in_(_lite_list(plain_ones))
    return clause | getattr(sa.func, LOWER)(codec.column).in_(_lite_list(others)) if others else clause


def _lite_json(sought: Sought) -> Any:
    document = sa.case((sa.func.json_valid(sought.codec.column) == 1, sought.codec.column), else_="null")
    node = sa.func.json_tree(document).table_valued("atom", name="node")
    atom = sa.cast(node.c.atom, sa.Text)
    texts = [*_texts(sought), "0", "1"]  # truth values are whole numbers there
    compared = getattr(sa.func, LOWER)(atom) if sought.fold else atom
    valid = sa.select(1).select_from(node).where(compared.in_(_lite_list(texts)))
    return sa.exists(valid) | (sa.func.json_valid(sought.codec.column) == 0)


def _my_plain(codec: Codec, values: list[Plain]) -> Any:
    column = codec.column
    if codec.sort is Sort.BYTES:
        return column.in_([plain.to_bytes(str(value)) for value in values])
    if codec.sort is Sort.OTHER:
        return sa.cast(codec.column, sa.CHAR).in_(values)
    return column.in_(values)


def _my_folded(codec: Codec, values: list[Plain]) -> Any:
    """A collation that disregards case finds them by the index; another is asked for small letters."""
    if codec.caseless:
        return _my_plain(codec, values)
    return sa.func.lower(codec.column).in_(values)


def _my_json(sought: Sought) -> Any:
    column = sought.codec.column
    document = sa.case((sa.func.json_valid(column) == 1, column))
    wanted = json.dumps(_texts(sought) + _numbers(sought), ensure_ascii=False)
    ways = ["$", "$[*]"] if sought.codec.field.array else ["$"]
    for place, (name, array) in enumerate(sought.inside):
        ways = [way + "." + json.dumps(name) for way in ways]
        if array or place == len(sought.inside) - 1:
            ways += [way + "[*]" for way in ways]
    found = sa.func.json_extract(document, *ways) if sought.inside else document
    compared = sa.func.lower(found) if sought.fold else found
    return (sa.func.json_overlaps(compared, wanted) == 1) | (sa.func.json_valid(column) == 0)


def _texts(sought: Sought) -> list[Plain]:
    texts = (plain.text(value) for value in sought.values if value is not None)
    return list(dict.fromkeys(text.lower() if sought.fold else text for text in texts if text is not None))


def _numbers(sought: Sought) -> list[Plain]:
    """The values that JSON might hold as numbers or truth values."""
    found: list[Plain] = []
    for text in _texts(sought):
        try:
            value = json.loads(str(text))
        except ValueError:
            continue
        if isinstance(value, int | float):
            found.append(value)
    return found


_PLAIN: dict[str, Callable[[Codec, list[Plain]], Any]] = {
    "postgresql": _pg_plain,
    "sqlite": _lite_plain,
    "mysql": _my_plain,
}
_FOLDED: dict[str, Callable[[Codec, list[Plain]], Any]] = {
    "postgresql": _pg_folded,
    "sqlite": _lite_folded,
    "mysql": _my_folded,
}
_JSON: dict[str, Callable[[Sought], Any]] = {
    "postgresql": _pg_json,
    "sqlite": _lite_json,
    "mysql": _my_json,
}
