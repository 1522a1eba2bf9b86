"""Makes the crash rig importable here, and one workspace for everybody to copy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "faults"))  # disk.py and rig.py

from crash_world import World, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A new workspace without people, and a file to import; tests copy it and never change it."""
    return make_world(tmp_path_factory.mktemp("world"))
