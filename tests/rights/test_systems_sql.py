"""Databases: every type of a column crosses and comes back, and a database's own words stay with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from systems_suite import holds_no_value, person
from systems_worlds import admin, held

from amana import errors
from amana.connectors.systems import catalogue, plain, sql, sql_values
from amana.connectors.systems.sql_values import Sort
from amana.connectors.systems.system import Change, Match
from amana.core.data_map import Collection, DataType, Field, Plain, System


def collection(name: str, keys: tuple[str, ...], *fields: str | Field) -> Collection:
    """A collection of columns that need no type."""
    made = [Field(path=key, type=DataType.STRING, primary_key=True) for key in keys]
    made += [one if isinstance(one, Field) else Field(path=one, type=DataType.STRING) for one in fields]
    return Collection(dataset="shop", name=name, fields=tuple(made))


def opened(address: str, folder: Path = Path(), **more: Any) -> sql.Sql:
    return sql.open_sql(sql.Settings(url=address, timeout=2, **more), folder, {})


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[sql.Sql, sa.Engine]]]:
    """Makes databases of a kind: the connector's rows, and a connection of the test's own."""
    made: list[sql.Sql] = []

    def make(kind: str, *statements: str) -> tuple[sql.Sql, sa.Engine]:
        address = request.getfixturevalue(kind)()
        engine = admin(address)
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        rows = opened(address)
        made.append(rows)
        return rows, engine

    yield make
    for rows in made:
        rows.close()


POSTGRESQL = {
    "uuid": ("uuid", "'5F0C7d52-1c0b-4a3e-9f58-0a1b2c3d4e5f'", "5f0c7d52-1c0b-4a3e-9f58-0a1b2c3d4e5f"),
    "bytea": ("bytea", "'\\x00ff41'", "data:;base64,AP9B"),
    "timestamptz": ("timestamptz", "'2024-05-06 10:20:30+02'", "2024-05-06T08:20:30+00:00"),
    "endless": ("timestamp", "'infinity'", "infinity"),
    "date": ("date", "'2024-05-06'", "2024-05-06"),
    "time": ("time", "'10:20:30'", "10:20:30"),
    "interval": ("interval", "'1 day 02:00:00'", "1 day 02:00:00"),
    "numeric": ("numeric(20,4)", "12345678901234.5000", "12345678901234.5000"),
    "bigint": ("bigint", "9007199254740993", 9007199254740993),
    "real": ("real", "0.5", 0.5),
    "boolean": ("boolean", "true", True),
    "char": ("char(6)", "'ab'", "ab"),
    "inet": ("inet", "'192.0.2.1'", "192.0.2.1/32"),
    "enum": ("mood", "'calm'", "calm"),
    "ints": ("integer[]", "'{1,2}'", [1, 2]),
    "uuids": ("uuid[]", "'{5f0c7d52-1c0b-4a3e-9f58-0a1b2c3d4e5f}'", ["5f0c7d52-1c0b-4a3e-9f58-0a1b2c3d4e5f"]),
    "dates": ("date[]", "'{2024-05-06}'", ["2024-05-06"]),
    "json": ("json", '\'{"a": [1, "x"]}\'', {"a": [1, "x"]}),
    "range": ("int4range", "'[1,5)'", "[1,5)"),
}
MARIADB = {
    "datetime": ("DATETIME(3)", "'2024-05-06 10:20:30.250'", "2024-05-06T10:20:30.250000"),
    "timestamp": ("TIMESTAMP NULL", "'2024-05-06 10:20:30'", "2024-05-06T10:20:30"),
    "time": ("TIME", "'26:00:01'", "26:00:01"),
    "decimal": ("DECIMAL(20,4)", "12345678901234.5", "12345678901234.5000"),
    "bigint": ("BIGINT UNSIGNED", "18446744073709551615", 18446744073709551615),
    "blob": ("VARBINARY(9)", "x'00FF41'", "data:;base64,AP9B"),
    "enum": ("ENUM('calm','glad')", "'calm'", "calm"),
    "words": ("SET('a','b')", "'a,b'", "a,b"),
    "year": ("YEAR", "2024", "2024"),
    "text": ("LONGTEXT", "'ตัวอย่าง \\\\ ''x'''", "ตัวอย่าง \\ 'x'"),
}


@pytest.mark.parametrize(
    ("kind", "name"), [("postgresql", one) for one in POSTGRESQL] + [("mariadb", one) for one in MARIADB]
)
def test_every_type_crosses_comes_back_and_is_found_by_what_it_gave(
    database: Callable[..., tuple[sql.Sql, sa.Engine]], kind: str, name: str
) -> None:
    declared, literal, expected = (POSTGRESQL if kind == "postgresql" else MARIADB)[name]
    enum = ["CREATE TYPE mood AS ENUM ('calm', 'glad')"] if kind == "postgresql" else []
    literal = literal.replace("%", "%%")
    rows, engine = database(
        kind,
        *enum,
        f"CREATE TABLE t (id integer PRIMARY KEY, v {declared})",
        f"INSERT INTO t VALUES (1, {literal}), (2, NULL)",
    )
    one = collection("t", ("id",), "v")
    query = "SELECT v FROM t WHERE id = 1"
    with engine.connect() as connection:
        before = connection.exec_driver_sql(
            query.replace("v", "CAST(v AS text)") if kind == "postgresql" else query
        ).scalar()
    [row] = rows.find(one, [Match(path="id", values=(1,))])
    assert row["v"] == expected
    assert rows.change(one, [Change(key={"id": 1}, values={"v": None})]) == 1
    assert rows.change(one, [Change(key={"id": 1}, values={"v": row["v"]})]) == 1
    with engine.connect() as connection:
        after = connection.exec_driver_sql(
            query.replace("v", "CAST(v AS text)") if kind == "postgresql" else query
        ).scalar()
    assert after == before
    if not isinstance(expected, dict):
        sought = tuple(expected) if isinstance(expected, list) else (expected,)
        assert [found["id"] for found in rows.find(one, [Match(path="v", values=sought)])] == [1]


def test_keys_of_any_type_name_their_rows(database: Callable[..., tuple[sql.Sql, sa.Engine]]) -> None:
    rows, _ = database(
        "postgresql",
        "CREATE TABLE t (day date, who uuid, v text, PRIMARY KEY (day, who))",
        "INSERT INTO t SELECT '2024-05-06', gen_random_uuid(), 'x' FROM generate_series(1, 1500)",
    )
    one = collection("t", ("day", "who"), "v")
    found = list(rows.find(one, [Match(path="day", values=("2024-05-06",))]))
    keys = [{"day": row["day"], "who": row["who"]} for row in found]
    assert len(keys) == 1500
    assert rows.change(one, [Change(key=key, values={"v": "y"}) for key in keys]) == 1500
    assert rows.delete(one, keys[:1200]) == 1200
    assert len(list(rows.find(one, [Match(path="v", values=("y",))]))) == 300


class TestRefusals:
    @pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
    def test_a_broken_constraint_is_told_by_its_name_and_rolls_back(
        self, database: Callable[..., tuple[sql.Sql, sa.Engine]], kind: str
    ) -> None:
        rows, _ = database(
            kind,
            "CREATE TABLE t (id integer PRIMARY KEY, email varchar(50),"
            " CONSTRAINT not_dana CHECK (email <> 'dana@shop.example'))",
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        )
        one = collection("t", ("id",), "email")
        asked = [
            Change(key={"id": 1}, values={"email": "c"}),
            Change(key={"id": 2}, values={"email": "dana@shop.example"}),
        ]
        with pytest.raises(errors.Undeliverable, match="sql_constraint") as refused:
            rows.change(one, asked)
        if kind == "postgresql":
            assert refused.value.got == "not_dana"
        holds_no_value(refused.value)
        assert [row["email"] for row in rows.find(one, [Match(path="id", values=(1, 2))])] == ["a", "b"]

    @pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
    def test_rows_that_others_refer_to_are_not_deleted_half(
        self, database: Callable[..., tuple[sql.Sql, sa.Engine]], kind: str
    ) -> None:
        rows, _ = database(
            kind,
            "CREATE TABLE t (id integer PRIMARY KEY)",
            "CREATE TABLE o (no integer PRIMARY KEY, t integer, CONSTRAINT o_of_t FOREIGN KEY (t) REFERENCES t (id))",
            "INSERT INTO t VALUES (1), (2)",
            "INSERT INTO o VALUES (1, 2)",
        )
        one = collection("t", ("id",))
        with pytest.raises(errors.Undeliverable, match="sql_constraint") as refused:
            rows.delete(one, [{"id": 1}, {"id": 2}])
        assert refused.value.got == "o_of_t"
        assert len(list(rows.find(one, [Match(path="id", values=(1, 2))]))) == 2

    def test_null_where_none_may_be_is_refused_and_told_as_a_limit(
        self, database: Callable[..., tuple[sql.Sql, sa.Engine]]
    ) -> None:
        rows, _ = database(
            "postgresql",
            "CREATE TABLE t (id integer PRIMARY KEY, v varchar(5) NOT NULL)",
            "INSERT INTO t VALUES (1, 'a')",
        )
        one = collection("t", ("id",), "v")
        assert (rows.limits(one)["v"].nullable, rows.limits(one)["v"].length) == (False, 5)
        with pytest.raises(errors.Undeliverable, match="not_null"):
            rows.change(one, [Change(key={"id": 1}, values={"v": None})])
        with pytest.raises(errors.Undeliverable, match="value_too_long"):
            rows.change(one, [Change(key={"id": 1}, values={"v": "abcdef"})])

    @pytest.mark.parametrize(
        ("statement", "keys", "fields", "token"),
        [
            ("CREATE TABLE x (id integer)", ("id",), ("v",), "sql_no_table"),
            ("CREATE TABLE t (id integer PRIMARY KEY)", ("id",), ("v",), "sql_no_column"),
            ("CREATE TABLE t (id integer, v text)", ("id",), ("v",), "key_not_unique"),
            (
                "CREATE TABLE t (id integer, b integer, v text, PRIMARY KEY (id, b))",
                ("id",),
                ("v",),
                "key_not_unique",
            ),
        ],
    )
    def test_a_map_that_does_not_fit_the_database_is_refused(
        self, tmp_path: Path, statement: str, keys: tuple[str, ...], fields: tuple[str, ...], token: str
    ) -> None:
        sqlite3.connect(tmp_path / "shop.db").execute(statement)
        rows = opened("sqlite:///shop.db", tmp_path)
        with pytest.raises(errors.Undeliverable, match=token):
            rows.check([collection("t", keys, *fields)])
        rows.close()

    def test_a_statement_that_takes_too_long_is_tried_later(
        self, database: Callable[..., tuple[sql.Sql, sa.Engine]]
    ) -> None:
        rows, engine = database("postgresql", "CREATE TABLE t (id integer PRIMARY KEY)")
        one = collection("t", ("id",))
        rows.check([one])
        with (
            held(engine, "BEGIN", "LOCK TABLE t"),
            pytest.raises(errors.NotNow, match=r"sql_timeout|sql_busy"),
        ):
            list(rows.find(one, [Match(path="id", values=(1,))]))


class TestSecrets:
    def test_a_password_in_the_address_is_refused(self) -> None:
        system = System(
            name="shop", kind="sql", settings={"url": "postgresql://u:open-sesame@db.example/shop"}
        )
        with pytest.raises(errors.BadInput) as refused:
            catalogue.open_rows(system, Path(), {})
        assert "sesame" not in str(refused.value)

    def test_a_password_comes_from_its_file_when_a_connection_is_made(
        self, mariadb: Callable[[], str], tmp_path: Path
    ) -> None:
        address = mariadb()
        engine = admin(address)
        name = sa.make_url(address).database
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (id integer PRIMARY KEY)")
            connection.exec_driver_sql(
                "CREATE USER IF NOT EXISTS clerk@localhost IDENTIFIED BY 'open-sesame'"
            )
            connection.exec_driver_sql(f"GRANT SELECT ON {name}.* TO clerk@localhost")
        settings = {"url": address.replace("root@", "clerk@"), "password_file": "password"}
        one = collection("t", ("id",))
        (tmp_path / "password").write_text("wrong\n")
        rows = catalogue.open_rows(System(name="shop", kind="sql", settings=settings), tmp_path, {})
        with pytest.raises(errors.Undeliverable, match="sql_denied"):
            rows.check([one])
        (tmp_path / "password").write_text("open-sesame\n")
        rows.check([one])
        with pytest.raises(errors.Undeliverable, match="sql_denied"):
            rows.delete(one, [{"id": 1}])
        rows.close()

    def test_a_file_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        rows = opened("sqlite:///none.db", tmp_path)
        with pytest.raises(errors.NotNow, match="sql_unreachable"):
            rows.check([collection("t", ("id",))])
        assert not (tmp_path / "none.db").exists()


def test_what_is_deleted_from_sqlite_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, email TEXT)")
        db.execute("INSERT INTO t VALUES (1, 'dana@shop.example'), (2, 'omar@shop.example')")
    db.close()
    rows = opened("sqlite:///shop.db", tmp_path)
    rows.delete(collection("t", ("id",), "email"), [{"id": 1}])
    rows.close()
    assert b"dana@" not in path.read_bytes()
    assert b"omar@" in path.read_bytes()


def test_more_values_than_a_list_takes_are_asked_in_parts_and_come_in_order(
    database: Callable[..., tuple[sql.Sql, sa.Engine]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "LIST", 3)
    rows, _ = database(
        "mariadb", "CREATE TABLE t (id integer PRIMARY KEY)", "INSERT INTO t VALUES (1),(2),(9),(10)"
    )
    found = rows.find(collection("t", ("id",)), [Match(path="id", values=(10, 9, 2, 1, 10))])
    assert [row["id"] for row in found] == [1, 2, 9, 10]


plains = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(plains)
def test_every_plain_value_is_like_itself_and_a_driver_would_give_it_back(value: Plain) -> None:
    assert sql_values.alike(value, value)
    assert sql_values.plain_of(value) == value


@given(st.binary())
def test_bytes_come_back_from_their_text(raw: bytes) -> None:
    assert plain.to_bytes(plain.from_bytes(raw)) == raw


@given(st.sampled_from(list(Sort)), plains)
def test_a_search_value_is_of_the_column_or_left_out_and_never_an_error(sort: Sort, value: Plain) -> None:
    codec = sql_values.Codec(
        path="v", column=None, kind=sa.Text(), sort=sort, field=Field(path="v"), inner=sort
    )
    assert len(codec.sought([value])) <= 1


def test_different_values_are_not_alike() -> None:
    for one, other in [
        ("a", "b"),
        (1, 2),
        (None, ""),
        ("2024-01-01", "2024-01-02"),
        (True, False),
        ("1.50", "1.51"),
    ]:
        assert not sql_values.alike(one, other)
    assert person(1, "Dana") != person(2, "Dana")
