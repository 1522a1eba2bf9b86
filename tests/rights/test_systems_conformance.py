"""Every system of rows keeps the rules of rows: SQLite, PostgreSQL, MariaDB, CSV, Parquet and HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import systems_http
import systems_worlds
from systems_suite import RowsConformance, World

KINDS = ("sqlite", "postgresql", "mariadb", "csv", "parquet", "http")


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind = request.param
    if kind == "http":
        with systems_http.http_world() as made:
            yield made
            made.rows.close()
        return
    if kind in ("postgresql", "mariadb"):
        address = request.getfixturevalue(kind)()
        made = getattr(systems_worlds, f"{kind}_world")(address, tmp_path)
    else:
        made = getattr(systems_worlds, f"{kind}_world")(tmp_path)
    yield made
    made.rows.close()


class TestEverySystemOfRows(RowsConformance):
    """The suite, once for each."""
