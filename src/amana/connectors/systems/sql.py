"""Rows of a relational database: PostgreSQL, MySQL and MariaDB, SQLite.

Rule.
- Only the tables that the map declares are looked at, once. A declared key has to single out rows: the table's primary
  key or a unique constraint stands within it, or the collection is refused.
- `change` and `delete` are one transaction each. Before anything is written, every value is held against its column;
  before the commit, the rows are read again: what the database says it did and did not do (a trigger, a policy) rolls
  back as `not_done`.
- Inside a JSON column, a change reads the column under a lock, sets the path, and writes the column.
- How values cross is `sql_values`, how searches are said `sql_matching`, how refusals are told `sql_errors`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc

from amana import errors
from amana.connectors.systems import plain, sql_engine, sql_matching, sql_values
from amana.connectors.systems.credentials import Secret, secret
from amana.connectors.systems.plain import Shape
from amana.connectors.systems.sql_errors import told
from amana.connectors.systems.sql_matching import Sought
from amana.connectors.systems.sql_values import Codec, Sort, plain_of
from amana.connectors.systems.system import Change, Limits, Match
from amana.core.data_map import Collection, Key, Plain, Row

BATCH = 1_000  # rows or keys of one statement
LIST = 20_000  # values of one statement where they are a list


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the system's file says of a database."""

    url: str  # without a password
    password_file: str = ""
    password_env: str = ""
    schema: str = ""
    timeout: int = 30  # seconds that a statement may run
    unencrypted: bool = False  # a server elsewhere is reached as it is: something else protects the way


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A declared table as the database has it."""

    table: sa.TableClause  # its name and columns, without types
    shape: Shape
    codecs: dict[str, Codec]  # by column, in the map's order
    unique: frozenset[str]  # columns whose values cannot stand twice

    def key_codecs(self) -> list[Codec]:
        """The key columns."""
        return [self.codecs[path] for path in self.shape.keys]


def open_sql(settings: Settings, folder: Path, environment: Mapping[str, str]) -> Sql:
    """A database; nothing is connected yet. Raises BadInput."""
    password = secret("password", settings.password_file, settings.password_env, folder, environment)
    return Sql(engine_of(settings, password, folder, environment), settings.schema)


def engine_of(
    settings: Settings, password: Secret, folder: Path, environment: Mapping[str, str]
) -> sa.Engine:
    """The engine that the settings mean; nothing is connected yet. Raises BadInput."""
    return sql_engine.connect(
        settings.url, password, folder, settings.timeout, environment, unencrypted=settings.unencrypted
    )


class Sql:
    """Rows of one database."""

    def __init__(self, engine: sa.Engine, schema: str = "") -> None:
        self._engine = engine
        self._dialect = "mysql" if engine.dialect.name == "mariadb" else engine.dialect.name
        self._schema = schema
        self._tables: dict[str, Table] = {}

    def check(self, collections: Sequence[Collection]) -> None:
        """As Rows.check."""
        for collection in collections:
            table = self._table(collection)
            with told(table.shape.place), self._engine.connect() as connection:
                connection.execute(self._select(table).where(sa.false())).all()

    def limits(self, collection: Collection) -> dict[str, Limits]:
        """As Rows.limits. What stands inside a JSON column has no limits."""
        table = self._table(collection)
        return {
            path: Limits(nullable=codec.nullable, length=codec.length, unique=path in table.unique)
            for path, codec in table.codecs.items()
        }

    def find(self, collection: Collection, matches: Sequence[Match]) -> Iterator[Row]:
        """As Rows.find."""
        table = self._table(collection)
        parts = list(self._split(matches))
        if len(parts) == 1:
            yield from self._found(table, parts[0])
            return
        found = {table.shape.sort(row): row for part in parts for row in self._found(table, part)}
        yield from (found[key] for key in sorted(found))

    def change(self, collection: Collection, changes: Sequence[Change]) -> int:
        """As Rows.change."""
        table = self._table(collection)
        for each in changes:
            self._check_change(table, each)
        with told(table.shape.place), self._writing() as connection:
            asked = _merged(table, changes)
            present = self._present(connection, table, list(asked.values()))
            whole = {name: _whole(asked[name], row) for name, row in present.items()}
            for group in _alike(whole.values()):
                self._update(connection, table, group)
            self._check_done(connection, table, whole)
        return len(whole)

    def delete(self, collection: Collection, keys: Sequence[Key]) -> int:
        """As Rows.delete."""
        table = self._table(collection)
        for key in keys:
            table.shape.check_key(key)
        gone = 0
        with told(table.shape.place), self._writing() as connection:
            for batch in _batches(keys):
                named = self._named(table, batch)
                gone += connection.execute(sa.delete(table.table).where(named)).rowcount
                left = connection.scalar(sa.select(sa.func.count()).select_from(table.table).where(named))
                if left:
                    raise errors.Undeliverable("not_done", expected="rows to be gone", got=table.shape.place)
        return gone

    def close(self) -> None:
        """As Rows.close."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.execution_options(**{sql_engine.WRITES: True}).begin() as connection:
            yield connection

    # -- what stands in the database

    def _table(self, collection: Collection) -> Table:
        place = str(collection.place)
        if place not in self._tables:
            with told(place):
                self._tables[place] = self._reflected(collection)
        return self._tables[place]

    def _reflected(self, collection: Collection) -> Table:
        shape = Shape(collection)
        schema, _, name = collection.name.rpartition(".")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exc.SAWarning)  # of types that nobody knows: they cross as text
            table = sa.Table(
                name,
                sa.MetaData(),
                schema=schema or self._schema or None,
                autoload_with=self._engine,
                resolve_fks=False,
            )
            if shape.keys:
                _check_key(shape, table, sa.inspect(self._engine))
            caseless = self._caseless(table)
        bare = sa.table(table.name, *(sa.column(one.name) for one in table.columns), schema=table.schema)
        codecs = {column: _codec(table, bare, shape, column, caseless) for column in shape.top}
        return Table(table=bare, shape=shape, codecs=codecs, unique=frozenset(_unique(table)))

    def _caseless(self, table: sa.Table) -> set[str]:
        """The columns that MySQL compares without letter case: a collation of theirs says so by its name."""
        if self._dialect != "mysql":
            return set()
        query = sa.text(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = COALESCE(:held_by, DATABASE()) "
            "AND table_name = :name AND RIGHT(collation_name, 3) = '_ci'"
        )
        with self._engine.connect() as connection:
            found = connection.execute(query, {"held_by": table.schema, "name": table.name})
            return {str(name) for (name,) in found}

    # -- reading

    def _select(self, table: Table) -> sa.Select[Any]:
        return sa.select(*(sql_matching.read_as(self._dialect, codec) for codec in table.codecs.values()))

    def _split(self, matches: Sequence[Match]) -> Iterator[list[Match]]:
        """The matches as one search, or as several where the values are too many for a list."""
        if self._dialect != "mysql" or sum(len(match.values) for match in matches) <= LIST:
            yield list(matches)
            return
        for match in matches:
            for start in range(0, len(match.values), LIST):
                yield [msgspec.structs.replace(match, values=match.values[start : start + LIST])]

    def _found(self, table: Table, matches: Sequence[Match]) -> Iterator[Row]:
        sought = [_sought(table, match) for match in matches]
        made = [sql_matching.condition(self._dialect, one) for one in sought]
        clauses = [one.clause for one in made if one.clause is not None]
        if not clauses:
            return
        order = [sql_matching.sorted_by(self._dialect, codec) for codec in table.key_codecs()]
        query = self._select(table).where(sa.or_(*clauses)).order_by(*order)
        if all(one.exact for one in made):
            yield from self._read(table, query)
            return
        met = [_meeting(one) for one in sought]
        yield from (row for row in self._read(table, query) if any(meets(row) for meets in met))

    def _read(self, table: Table, query: sa.Select[Any]) -> Iterator[Row]:
        codecs = list(table.codecs.values())
        with told(table.shape.place), self._engine.connect() as connection:
            for raw in connection.execution_options(yield_per=BATCH).execute(query):
                yield table.shape.row(_row(self._dialect, codecs, raw))

    def _named(self, table: Table, keys: Sequence[Key]) -> Any:
        """The rows with these keys."""
        codecs = table.key_codecs()
        if len(codecs) == 1:
            values = tuple(key[codecs[0].path] for key in keys)
            named = sql_matching.condition(self._dialect, Sought(codec=codecs[0], values=values)).clause
            return sa.false() if named is None else named
        columns = [codec.column for codec in codecs]
        return sa.tuple_(*columns).in_(
            [tuple(codec.into(key[codec.path]) for codec in codecs) for key in keys]
        )

    # -- writing

    def _check_change(self, table: Table, change: Change) -> None:
        shape = table.shape
        shape.check_key(change.key)
        shape.check_change(change.values)
        for path, value in change.values.items():
            codec = table.codecs[path.partition(".")[0]]
            plain.check_length(shape.field(path), codec.length if path == codec.path else None, value)
            if path == codec.path:
                codec.into(value)
                if value is None and not codec.nullable:
                    raise errors.Undeliverable("not_null", expected="a value", got=path)

    def _present(self, connection: sa.Connection, table: Table, changes: Sequence[Change]) -> dict[str, Row]:
        """Which of the rows are there, locked, with the JSON columns that a change reaches into."""
        inside = {path.partition(".")[0] for each in changes for path in each.values if "." in path}
        codecs = [codec for path, codec in table.codecs.items() if path in inside or path in table.shape.keys]
        read = [sql_matching.read_as(self._dialect, codec) for codec in codecs]
        found: dict[str, Row] = {}
        for batch in _batches([each.key for each in changes]):
            query = sa.select(*read).where(self._named(table, batch)).with_for_update()
            for raw in connection.execute(query):
                row = _row(self._dialect, codecs, raw)
                found[_name(table, row)] = row
        return found

    def _update(self, connection: sa.Connection, table: Table, group: Sequence[Change]) -> None:
        """One statement for changes of the same columns."""
        columns = [table.codecs[path] for path in group[0].values]
        keys = table.key_codecs()
        query = sa.update(table.table).values(
            {
                codec.column: sql_matching.bound(self._dialect, codec, f"v{i}")
                for i, codec in enumerate(columns)
            }
        )
        for i, codec in enumerate(keys):
            raw = codec.column
            query = query.where(raw == sa.bindparam(f"k{i}", type_=sa.types.NullType()))
        connection.execute(
            query,
            [
                {f"v{i}": codec.into(each.values[codec.path]) for i, codec in enumerate(columns)}
                | {f"k{i}": codec.into(each.key[codec.path]) for i, codec in enumerate(keys)}
                for each in group
            ],
        )

    def _check_done(self, connection: sa.Connection, table: Table, changes: Mapping[str, Change]) -> None:
        """Read again what was written. Raises Undeliverable, which rolls back."""
        codecs = list(table.codecs.values())
        for batch in _batches([each.key for each in changes.values()]):
            query = self._select(table).where(self._named(table, batch))
            for raw in connection.execute(query):
                row = _row(self._dialect, codecs, raw)
                given = changes[_name(table, row)].values if _name(table, row) in changes else {}
                wrong = [path for path, value in given.items() if not sql_values.alike(row[path], value)]
                if wrong:
                    raise errors.Undeliverable("not_done", expected=table.shape.place, got=wrong[0])


def _codec(table: sa.Table, bare: sa.TableClause, shape: Shape, name: str, caseless: set[str]) -> Codec:
    if name not in table.columns:
        raise errors.Undeliverable("sql_no_column", expected=shape.place, got=name)
    inside = any(path.startswith(name + ".") for path in shape.fields)
    field = shape.fields.get(name) or next(
        one for path, one in shape.fields.items() if path.startswith(name + ".")
    )
    return sql_values.codec(
        table.columns[name], bare.c[name], field, inside=inside, caseless=name in caseless
    )


def _check_key(shape: Shape, table: sa.Table, inspector: sa.Inspector) -> None:
    """Refuse a declared key that does not single out rows."""
    declared = set(shape.keys)
    missing = declared - set(table.columns.keys())
    unique = [{column.name for column in table.primary_key.columns}]
    unique += [set(one["column_names"]) for one in inspector.get_unique_constraints(table.name, table.schema)]
    unique += [
        {name for name in one["column_names"] if name is not None}
        for one in inspector.get_indexes(table.name, table.schema)
        if one["unique"] and "postgresql_where" not in one.get("dialect_options", {})
    ]
    if missing or not any(one and one <= declared for one in unique):
        raise errors.Undeliverable(
            "key_not_unique", expected="a primary key or unique columns", got=shape.place
        )


def _sought(table: Table, match: Match) -> Sought:
    table.shape.field(match.path)
    column, *names = match.path.split(".")
    inside = []
    for place, name in enumerate(names):
        path = ".".join([column, *names[: place + 1]])
        field = table.shape.fields.get(path)
        inside.append((name, field is not None and field.array))
    return Sought(codec=table.codecs[column], inside=tuple(inside), values=match.values, fold=match.fold)


def _meeting(sought: Sought) -> Callable[[Row], bool]:
    """Whether a row that the database found is one that was sought; what is sought is made ready once."""
    codec = sought.codec
    values = sought.values if codec.sort is Sort.JSON else codec.sought(sought.values)
    names = [name for name, _ in sought.inside]
    form = (lambda value: plain.fold(plain.text(value))) if sought.fold else plain.text
    texts = {form(value) for value in values if value is not None}

    def meets(row: Row) -> bool:
        found = plain.leaves(row[codec.path], names)
        if codec.sort is Sort.DECIMAL:
            return any(sql_values.alike(leaf, value) for leaf in found for value in values)
        return any(form(leaf) in texts for leaf in found)

    return meets


def _row(dialect: str, codecs: Sequence[Codec], raw: Sequence[Any]) -> Row:
    """A row by column, as it crosses."""
    return {codec.path: _out(dialect, codec, value) for codec, value in zip(codecs, raw, strict=True)}


def _out(dialect: str, codec: Codec, value: object) -> Plain:
    if dialect == "postgresql" and codec.sort is Sort.MOMENT and isinstance(value, str):
        return sql_values.iso(value)
    found = codec.out(value)
    return sql_values.unpadded(codec, found) if dialect == "postgresql" else found


def _name(table: Table, key: Mapping[str, Plain]) -> str:
    """A key as one text, whatever types it came in. Raises Undeliverable for one that no row can have."""
    parts = [plain_of(codec.into(key[codec.path])) for codec in table.key_codecs()]
    return repr([plain.text(part) for part in parts])


def _merged(table: Table, changes: Sequence[Change]) -> dict[str, Change]:
    """One change for each row; what is said last counts."""
    found: dict[str, Change] = {}
    for each in changes:
        name = _name(table, each.key)
        before = found[name].values if name in found else {}
        found[name] = Change(key=each.key, values=before | each.values)
    return found


def _whole(change: Change, row: Row) -> Change:
    """A change of whole columns: what reaches into JSON becomes the column's new document."""
    values: Row = {}
    for path, value in change.values.items():
        column, *names = path.split(".")
        base = values[column] if column in values else row.get(column)
        values[column] = plain.put(base, names, value) if names else value
    return Change(key=change.key, values=values)


def _alike(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Changes in groups that set the same columns, in the order of their first."""
    groups: dict[tuple[str, ...], list[Change]] = {}
    for each in changes:
        if each.values:
            groups.setdefault(tuple(each.values), []).append(each)
    yield from groups.values()


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _unique(table: sa.Table) -> set[str]:
    """The columns whose values cannot stand twice, by themselves or together with others."""
    named: set[str] = set()
    for one in table.constraints:
        if isinstance(one, sa.UniqueConstraint):
            named.update(column.name for column in one.columns)
    for index in table.indexes:
        if index.unique:
            named.update(column.name for column in index.columns)
    return named
