"""Makes the crash rig and the store tests' world importable here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "faults"))  # rig.py
sys.path.append(str(Path(__file__).parents[1] / "store"))  # store_world.py

from store_world import Place, row, take

PEOPLE = 300


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A workspace on SQLite with three hundred people, all of whom may be written to."""
    made = Place(folder=tmp_path / "workspace").create()
    with made.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, PEOPLE + 1)])
    return made
