"""Real workspaces in a folder of their own, with a clock that the test sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from service_samples import DEFINITION, TestClock

from amana import wiring
from amana.services.record.house import House
from amana.settings import Settings


@pytest.fixture
def clock() -> TestClock:
    """The time in every workspace of the test."""
    return TestClock()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace that tests copy, which is faster than making one."""
    folder = tmp_path_factory.mktemp("template") / "workspace"
    return wiring.create(Settings(workspace=folder, actor="test"), DEFINITION)


@pytest.fixture
def opening(tmp_path: Path, clock: TestClock, template: Path) -> Iterator[Callable[..., House]]:
    """Opens a workspace for writing; the same name is the same one. Another definition replaces its file."""
    stack = ExitStack()
    with stack:

        def open_house(name: str = "workspace", definition: str = DEFINITION) -> House:
            settings = Settings(workspace=tmp_path / name, actor="test")
            if not settings.workspace.exists():
                shutil.copytree(template, settings.workspace)
            if definition != DEFINITION:
                (settings.workspace / wiring.DEFINITION).write_text(definition, "utf-8")
            return stack.enter_context(wiring.opened(settings, writing=True, at=clock))

        yield open_house


@pytest.fixture
def house(opening: Callable[..., House]) -> House:
    """A new workspace."""
    return opening()
