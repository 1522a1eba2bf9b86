"""A question is written down for warehouses that nobody here can run: labelled so, complete, and read back the same.

Rule: the text is translated from the warehouse's dialect to DuckDB's by a parser of its own and run there; what comes out
is what the scalar rules say. That is proof of the text, not of the warehouse.
"""

from __future__ import annotations

import numpy as np
import pytest
from crowd import HANDLED, asked, scalar_bits

from amana.errors import NotFound

duckdb = pytest.importorskip("duckdb", reason="the extra duckdb is not installed")
sqlglot = pytest.importorskip("sqlglot", reason="the extra duckdb is not installed")
warehouse = pytest.importorskip("amana.screening.warehouse", reason="the extra duckdb is not installed")


@pytest.mark.parametrize("seed", [*range(8), HANDLED[0]])
@pytest.mark.parametrize("dialect", warehouse.DIALECTS)
def test_the_text_says_that_it_was_not_run_and_means_what_the_rules_say(dialect: str, seed: int) -> None:
    one = asked(seed, 500)
    found = warehouse.written(one.facts, one.law, one.ask, dialect)
    assert found.text.startswith("-- not run")
    assert dialect in found.text.splitlines()[0]
    (back,) = sqlglot.transpile(found.text, read=dialect, write="duckdb")
    connection = duckdb.connect(":memory:")
    for name, table in found.tables.items():
        connection.register(name, table)
    rows = connection.sql(back).fetchnumpy()
    connection.close()
    bits = np.zeros(500, np.uint64)
    bits[np.asarray(rows["row"])] = np.asarray(rows["bits"]).astype(np.uint64)
    assert np.array_equal(bits, scalar_bits(one))


def test_a_warehouse_that_is_not_written_for_is_not_found() -> None:
    one = asked(1, 10)
    with pytest.raises(NotFound):
        warehouse.written(one.facts, one.law, one.ask, "postgres")
