"""A real workspace for each test, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from audience_samples import DEFINITION, crowd

from amana import wiring
from amana.services.record.house import House
from amana.settings import Settings
from worlds.clock import Clock
from worlds.houses import Templates
from worlds.lists import taken


@pytest.fixture
def clock() -> Clock:
    """The time in the workspace of the test."""
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock, templates: Templates) -> Iterator[House]:
    """A new workspace, open for writing."""
    with templates.opened(DEFINITION, tmp_path / "workspace", clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Path:
    """A workspace with 400 people that nobody changes."""
    folder = tmp_path_factory.mktemp("settled") / "workspace"
    with templates.opened(DEFINITION, folder, Clock()) as opened:
        taken(opened, "shop", *crowd(seed=7, count=400))
    return folder


@pytest.fixture
def crowded(settled: Path, clock: Clock) -> Iterator[House]:
    """The workspace with 400 people, open for reading."""
    with wiring.opened(Settings(workspace=settled, actor="test"), at=clock) as opened:
        yield opened
