"""Real workspaces in a folder of their own, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from service_samples import DEFINITION

from amana import wiring
from amana.services.record.house import House
from amana.settings import Settings
from worlds.clock import Clock
from worlds.houses import Templates


@pytest.fixture
def clock() -> Clock:
    """The time in every workspace of the test."""
    return Clock()


@pytest.fixture
def opening(tmp_path: Path, clock: Clock, templates: Templates) -> Iterator[Callable[..., House]]:
    """Opens a workspace for writing; the same name is the same one. Another definition replaces its file."""
    with ExitStack() as stack:

        def open_house(name: str = "workspace", definition: str = DEFINITION) -> House:
            settings = Settings(workspace=tmp_path / name, actor="test")
            if not settings.workspace.exists():
                templates.copied(DEFINITION, settings.workspace)
            if definition != DEFINITION:
                (settings.workspace / wiring.DEFINITION).write_text(definition, "utf-8")
            return stack.enter_context(wiring.opened(settings, writing=True, at=clock))

        yield open_house


@pytest.fixture
def house(opening: Callable[..., House]) -> House:
    """A new workspace."""
    return opening()
