"""An application over a real workspace in a folder of its own, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_samples import DEFINITION, EVERYTHING, Client, TestClock
from litestar.testing import TestClient

from amana import wiring
from amana.api import app
from amana.services.record import api_keys
from amana.services.record.house import House
from amana.settings import Settings
from worlds.houses import Templates


@pytest.fixture
def clock() -> TestClock:
    """The time in the workspace of the test."""
    return TestClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of a workspace runs on SQLite and on PostgreSQL; the second is part of the long round."""
    if "settings" in metafunc.fixturenames:
        kinds = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
        metafunc.parametrize("settings", kinds, indirect=True)


@pytest.fixture
def settings(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Settings:
    """The settings of a fresh copy, on either database, of the module's `WORKSPACE` if it has one."""
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    definition = getattr(request.module, "WORKSPACE", DEFINITION)
    return templates.copied(definition, tmp_path / "workspace", server)


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
