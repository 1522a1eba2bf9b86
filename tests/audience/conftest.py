"""A real workspace for each test, with a clock that the test sets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from audience_samples import DEFINITION, HandClock, crowd, taken

from amana import wiring
from amana.services.record.house import House
from amana.settings import Settings


@pytest.fixture
def clock() -> HandClock:
    """The time in the workspace of the test."""
    return HandClock()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace that tests copy, which is faster than making one."""
    folder = tmp_path_factory.mktemp("empty") / "workspace"
    return wiring.create(Settings(workspace=folder, actor="test"), DEFINITION, at=HandClock())


@pytest.fixture
def house(tmp_path: Path, clock: HandClock, empty: Path) -> Iterator[House]:
    """A new workspace, open for writing."""
    folder = tmp_path / "workspace"
    shutil.copytree(empty, folder)
    with wiring.opened(Settings(workspace=folder, actor="test"), writing=True, at=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> Path:
    """A workspace with 400 people that nobody changes."""
    folder = tmp_path_factory.mktemp("settled") / "workspace"
    shutil.copytree(empty, folder)
    with wiring.opened(Settings(workspace=folder, actor="test"), writing=True, at=HandClock()) as opened:
        taken(opened, "shop", *crowd(seed=7, count=400))
    return folder


@pytest.fixture
def crowded(settled: Path, clock: HandClock) -> Iterator[House]:
    """The workspace with 400 people, open for reading."""
    with wiring.opened(Settings(workspace=settled, actor="test"), at=clock) as opened:
        yield opened
