"""The DuckDB engine: the rule book as one query, in memory, over columns that stay where they are.

Rule. A connection of its own is opened for each screen, in memory, without extensions; the columns are handed over
as an Arrow table that shares their memory, so nothing is loaded. The expression comes from `relation`, written down
by Ibis. `counts` asks for the distinct sets alone; `write` gives every person an answer with the reason codes in a
Parquet file, decoding sets by a join with the few distinct ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa

from amana.core import decision
from amana.core.plan import Ask, Law
from amana.screening import blocks, relation, terms
from amana.screening.engines import Answer, Columns, Ran
from amana.screening.terms import Special

NAMES = "names"


class Duck:
    """The engine `duckdb`."""

    def screen(self, facts: Columns, law: Sequence[Law], ask: Ask) -> Answer:
        """The reasons of every person."""
        started = time.perf_counter()
        rows = len(facts[relation.REGIME])
        with _opened(facts, terms.special(law, ask, blocks.constants(facts))) as (connection, query):
            found = connection.sql(query).to_arrow_table()
        bits = relation.scattered(rows, found[relation.ROW].to_numpy(), found[relation.BITS].to_numpy())
        sets = blocks.distinct(bits)
        return Answer(bits, sets, self._ran(rows, time.perf_counter() - started))

    def counts(self, facts: Columns, law: Sequence[Law], ask: Ask) -> tuple[dict[int, int], Ran]:
        """The distinct sets of reasons with how many people have each; nothing is kept per person."""
        started = time.perf_counter()
        with _opened(facts, terms.special(law, ask, blocks.constants(facts))) as (connection, query):
            found = connection.sql(_grouped(query)).fetchall()
        ran = self._ran(len(facts[relation.REGIME]), time.perf_counter() - started)
        return {int(bits): int(people) for bits, people in found}, ran

    def write(self, facts: Columns, law: Sequence[Law], ask: Ask, path: Path) -> tuple[dict[int, int], Ran]:
        """Write `person`, `allow` and `reasons` of everybody to a Parquet file; the distinct sets."""
        started = time.perf_counter()
        with _opened(facts, terms.special(law, ask, blocks.constants(facts))) as (connection, query):
            connection.execute(f"CREATE TEMP TABLE verdict AS {query}")
            found = connection.sql(_grouped("SELECT bits FROM verdict")).fetchall()
            connection.register(NAMES, _named([int(bits) for bits, _ in found]))
            connection.execute(
                "COPY (SELECT verdict.row + 1 AS person, verdict.bits = 0 AS allow, names.reasons"
                " FROM verdict JOIN names ON verdict.bits = names.bits)"
                " TO $path (FORMAT parquet, COMPRESSION snappy)".replace("$path", _quoted(path))
            )
        ran = self._ran(len(facts[relation.REGIME]), time.perf_counter() - started)
        return {int(bits): int(people) for bits, people in found}, ran

    def _ran(self, rows: int, seconds: float) -> Ran:
        return Ran("duckdb", f"{duckdb.__version__}, ibis {ibis.__version__}", rows, seconds)


def engine(where: str = "") -> Duck:
    """The engine, for `engines.named`."""
    return Duck()


@contextmanager
def _opened(facts: Columns, special: Special) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection that sees the facts and the law, and the text of the question."""
    table, law = relation.arrow(facts, relation.needed(special)), relation.law_table(special)
    connection = duckdb.connect(
        ":memory:", config={"threads": blocks.THREADS, "autoload_known_extensions": False}
    )
    try:
        connection.register(relation.FACTS, table)
        connection.register(relation.LAW, law)
        yield connection, relation.text(special, table, law, "duckdb")
    finally:
        connection.close()


def _grouped(query: str) -> str:
    return f"SELECT bits, count(*) FROM ({query}) GROUP BY bits"


def _named(sets: Sequence[int]) -> pa.Table:
    """The distinct sets with their reason codes, ranked."""
    reasons = [" ".join(decision.codes(bits)) for bits in sets]
    return pa.table({"bits": pa.array(sets, pa.int64()), "reasons": pa.array(reasons)})


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
