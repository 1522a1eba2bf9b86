"""An application over a real workspace in a folder of its own, with a clock that the test sets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_samples import DEFINITION, EVERYTHING, Client, TestClock
from litestar.testing import TestClient

from amana import wiring
from amana.api import app
from amana.services import api_keys
from amana.services.house import House
from amana.settings import Settings


@pytest.fixture
def clock() -> TestClock:
    """The time in the workspace of the test."""
    return TestClock()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace that tests copy, which is faster than making one."""
    folder = tmp_path_factory.mktemp("template") / "workspace"
    return wiring.create(Settings(workspace=folder, actor="test"), DEFINITION)


@pytest.fixture
def settings(tmp_path: Path, template: Path) -> Settings:
    """The settings of a fresh copy."""
    found = Settings(workspace=tmp_path / "workspace", actor="test")
    shutil.copytree(template, found.workspace)
    return found


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
