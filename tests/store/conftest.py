"""Workspaces for the store tests, on SQLite and on a real PostgreSQL server.

Rule. The server is started once for the whole run and ends with it; each workspace gets two fresh databases. Where the
server's wheel is not installed, the PostgreSQL half is skipped and says so; the SQLite half always runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from store_world import Place

from worlds import postgresql

KINDS = ("sqlite", "postgresql")
Maker = Callable[..., Place]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on."""
    return str(request.param)


@pytest.fixture
def make_place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    """Makes places for workspaces: `make_place("name", journal=…)`. Nothing stands there yet."""
    made: list[str] = []

    def make(name: str = "workspace", **more: Any) -> Place:
        if kind == "sqlite":
            return Place(folder=tmp_path / name, **more)
        server = request.getfixturevalue("postgresql_server")
        main, keys = postgresql.database(server), postgresql.database(server)
        made.extend((main, keys))
        return Place(folder=tmp_path / name, database=main, keys=keys, **more)

    yield make
    for address in made:
        postgresql.drop(request.getfixturevalue("postgresql_server"), address)


@pytest.fixture
def place(make_place: Maker) -> Place:
    """A new workspace."""
    return make_place().create()


@pytest.fixture
def new_databases(postgresql_server: Any) -> tuple[str, str]:
    """Addresses of two new databases on the server."""
    return postgresql.database(postgresql_server), postgresql.database(postgresql_server)
