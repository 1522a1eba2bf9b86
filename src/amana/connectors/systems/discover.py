"""A first draft of a database's dataset, for a person to read and confirm.

Rule.
- Tables, columns, types, lengths, keys and foreign keys come from the database; what looks personal comes from
  `detectors` over a sample of each table. Every finding stands beside its field as a comment with its confidence and
  share. A value is looked at here and goes nowhere: not into the draft, an error or a log.
- The draft is YAML that the data map reads: types, `primary_key`, `length`, `references` and, where the check is sure,
  `identity`. A table without a key is drafted as `skip_processing`, because its rows cannot be named.
- Nothing in the database is changed: the sample is read in a transaction that is rolled back.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc

from amana.connectors.systems import detectors, plain, sql_matching, sql_values
from amana.connectors.systems.credentials import secret
from amana.connectors.systems.detectors import Finding
from amana.connectors.systems.sql import Settings, engine_of
from amana.connectors.systems.sql_errors import told
from amana.connectors.systems.sql_values import Codec, Sort
from amana.core.data_map import Field

SAMPLE = 500  # rows of each table
_TYPES = {
    Sort.INTEGER: "integer",
    Sort.FLOAT: "float",
    Sort.BOOLEAN: "boolean",
    Sort.JSON: "object",
    Sort.ARRAY: "string[]",
}


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column as the draft has it."""

    name: str
    type: str
    key: bool
    length: int | None
    to: str  # "table.column" of its foreign key, "" for none
    found: Finding | None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table as the draft has it."""

    name: str
    columns: tuple[Column, ...]

    @property
    def keyed(self) -> bool:
        """Whether its rows can be named."""
        return any(column.key for column in self.columns)


def tables(
    settings: Settings,
    folder: Path,
    environment: Mapping[str, str],
    *,
    country: str = "",
    sample: int = SAMPLE,
) -> list[Table]:
    """Every table of the database, with what was found in a sample of it.

    `country` (ISO 3166-1) reads telephone numbers without a prefix. Raises NotNow, Undeliverable, BadInput.
    """
    password = secret("password", settings.password_file, settings.password_env, folder, environment)
    engine = engine_of(settings, password, folder, environment)
    try:
        with told("its tables"), warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", exc.SAWarning
            )  # of types that nobody knows: they are read as text
            known = sa.MetaData()
            known.reflect(engine, schema=settings.schema or None)
            with engine.connect() as connection:
                return [_table(connection, one, country, sample) for one in known.sorted_tables]
    finally:
        engine.dispose()


def _table(connection: sa.Connection, table: sa.Table, country: str, sample: int) -> Table:
    dialect = "mysql" if connection.dialect.name == "mariadb" else connection.dialect.name
    bare = sa.table(table.name, *(sa.column(one.name) for one in table.columns), schema=table.schema)
    codecs = [
        sql_values.codec(column, bare.c[column.name], Field(path=column.name), inside=False)
        for column in table.columns
    ]
    read = [sql_matching.read_as(dialect, codec) for codec in codecs]
    rows = connection.execute(sa.select(*read).limit(sample)).all()
    return Table(
        name=str(table.name),
        columns=tuple(
            _column(table.columns[codec.path], codec, [row[place] for row in rows], country, str(table.name))
            for place, codec in enumerate(codecs)
        ),
    )


def _column(column: sa.Column[Any], codec: Codec, values: list[object], country: str, table: str) -> Column:
    looked = codec.sort in (Sort.TEXT, Sort.OTHER, Sort.DATE, Sort.ARRAY, Sort.MOMENT)
    texts = [
        text
        for value in values
        if looked
        for leaf in plain.leaves(codec.out(value), ())
        if (text := plain.text(leaf)) is not None
    ]
    points = [key.column for key in column.foreign_keys]
    return Column(
        name=codec.path,
        type=_TYPES.get(codec.sort, "string"),
        key=bool(column.primary_key),
        length=codec.length,
        to=f"{points[0].table.name}.{points[0].name}" if points else "",
        found=detectors.finding(codec.path, texts, country=country, table=table),
    )


def written(dataset: str, found: list[Table]) -> str:
    """A draft as YAML, in the order in which tables refer to each other."""
    lines = [
        "# A draft, made from the database's tables and a sample of their rows. Read every line before it is used:",
        "# a column without a category was not recognised, which does not mean that it holds nothing personal.",
        "dataset:",
        f"  - fides_key: {_word(dataset)}",
        "    collections:" if found else "    collections: []",
    ]
    for table in found:
        lines += [f"      - name: {_word(table.name)}"]
        if not table.keyed:
            lines += ["        # no primary key: its rows cannot be named", "        fides_meta:"]
            lines += ["          skip_processing: true"]
        lines += ["        fields:"]
        for column in table.columns:
            lines += _written(dataset, column)
    return "\n".join(lines) + "\n"


def _written(dataset: str, column: Column) -> list[str]:
    lines = [f"          - name: {_word(column.name)}"]
    found = column.found
    if found is not None:
        by = "the name alone" if found.share is None else f"{found.share:.0%} of {found.sample} values"
        if found.guessed and found.share is not None:
            by += ", by their shape"
        by += " and the name" if found.share and found.named else ""
        if found.free:
            lines += [f"            # free text ({by}): may hold anything about anybody; give it a category"]
        else:
            lines += [f"            # {found.confidence}: {by}"]
            lines += [f"            data_categories: [{found.category}]"]
    lines += ["            fides_meta:", f"              data_type: {column.type}"]
    if column.key:
        lines += ["              primary_key: true"]
    if column.length is not None:
        lines += [f"              length: {column.length}"]
    if found is not None and found.identity and found.confidence == "high":
        lines += [f"              identity: {found.identity}"]
    if column.to:
        lines += ["              references:", f"                - dataset: {_word(dataset)}"]
        lines += [f"                  field: {_word(column.to)}"]
    return lines


def _word(name: str) -> str:
    """A name as YAML reads it: JSON's quotes are YAML's."""
    return json.dumps(name, ensure_ascii=False)
