"""The PostgreSQL engine: the same question, pushed down to a server that holds the facts.

Rule. `where` is a connection string. The columns that the question reads are copied into a temporary table of the
session, the law into another; both are gone when the session ends. The expression is that of `relation`, written
down by Ibis in the server's dialect; rows go in and come out by COPY. No extension is needed. A session's temporary
tables are read by one process of the server, so this engine is for data that is there anyway, not for speed.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ibis
import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv

from amana import errors
from amana.core.plan import Ask, Law
from amana.screening import blocks, relation, terms
from amana.screening.engines import Answer, Columns, Ran

PIECE = 1 << 20  # bytes handed to the server at once
_TYPES = {pa.bool_(): "boolean", pa.int16(): "smallint", pa.int32(): "integer", pa.int64(): "bigint"}


class Postgres:
    """The engine `postgres`."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    def screen(self, facts: Columns, law: Sequence[Law], ask: Ask) -> Answer:
        """The reasons of every person. Raises BadSettings if the server cannot be reached."""
        with self._loaded(facts, law, ask) as (connection, query):
            started = time.perf_counter()
            found = _fetched(connection, query)
            ran = _ran(connection, facts, time.perf_counter() - started)
        rows, sets = found[relation.ROW].to_numpy(), found[relation.BITS].to_numpy()
        bits = relation.scattered(ran.rows, rows, sets)
        return Answer(bits, blocks.distinct(bits), ran)

    def counts(self, facts: Columns, law: Sequence[Law], ask: Ask) -> tuple[dict[int, int], Ran]:
        """The distinct sets of reasons with how many people have each, counted by the server. Raises as `screen`."""
        with self._loaded(facts, law, ask) as (connection, query):
            started = time.perf_counter()
            grouped = f"SELECT bits, count(*) FROM ({query}) AS verdict GROUP BY bits"
            found = connection.execute(grouped.encode()).fetchall()
            ran = _ran(connection, facts, time.perf_counter() - started)
        return {int(bits): int(people) for bits, people in found}, ran

    @contextmanager
    def _loaded(
        self, facts: Columns, law: Sequence[Law], ask: Ask
    ) -> Iterator[tuple[psycopg.Connection, str]]:
        """A session that holds the facts and the law, and the text of the question."""
        special = terms.special(law, ask, blocks.constants(facts))
        held = relation.arrow(facts, relation.needed(special), truths=True)
        table = relation.law_table(special)
        with self._connected() as connection:
            load(connection, relation.FACTS, held)
            load(connection, relation.LAW, table)
            yield connection, relation.text(special, held, table, "postgres")

    def _connected(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self._conninfo)
        except psycopg.OperationalError as unreachable:
            raise errors.BadSettings(
                "The PostgreSQL server of the engine cannot be reached",
                expected="postgres:CONNINFO",
                remedy="check the connection string",
            ) from unreachable


def engine(where: str = "") -> Postgres:
    """The engine, for `engines.named`."""
    return Postgres(where)


def load(connection: psycopg.Connection, name: str, table: pa.Table) -> None:
    """Copy an Arrow table into a temporary table of the session, and count it for the planner."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {} NOT NULL").format(sql.Identifier(field.name), sql.SQL(_TYPES[field.type]))
        for field in table.schema
    )
    target = sql.Identifier(name)
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(target, columns))
    options = csv.WriteOptions(include_header=False)
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(target)) as copy:
        for batch in table.to_batches(max_chunksize=PIECE // 16):
            text = io.BytesIO()
            csv.write_csv(batch, text, options)
            copy.write(text.getbuffer())
    connection.execute(sql.SQL("ANALYZE {}").format(target))


def _ran(connection: psycopg.Connection, facts: Columns, seconds: float) -> Ran:
    version = connection.info.server_version // 10_000
    return Ran("postgres", f"{version}, ibis {ibis.__version__}", len(facts[relation.REGIME]), seconds)


def _fetched(connection: psycopg.Connection, query: str) -> pa.Table:
    found = io.BytesIO()
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)".encode()) as copy:
        for piece in copy:
            found.write(piece)
    found.seek(0)
    names = [relation.ROW, relation.BITS]
    return csv.read_csv(
        found,
        read_options=csv.ReadOptions(column_names=names),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.int64())),
    )
