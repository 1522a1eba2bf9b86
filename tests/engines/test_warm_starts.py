"""Processes that live long load what is slow before anybody waits: here, the calendars of public holidays.

Rule: each is started in an interpreter of its own, because the calendars stay loaded once they are.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from amana.settings import Settings

CALENDAR = "holidays.countries.thailand"
STARTS = {
    "the server": "from amana.api.serving import Loader, Place; Loader(settings, Place())()",
    "a sitting": (
        "from amana import wiring; from amana.services.audience.sitting import Sitting\n"
        "with wiring.opened(settings) as house, Sitting(house) as desk: desk.warm()"
    ),
}
PROGRAM = """
import sys
from pathlib import Path
from amana import wiring  # everything that is imported, is
from amana.settings import Settings
settings = Settings(workspace=Path(sys.argv[1]), actor="test")
assert {calendar!r} not in sys.modules, "the calendars come with the import: nothing is left to load"
{start}
assert {calendar!r} in sys.modules, "somebody would wait for the calendars"
"""


@pytest.mark.parametrize("name", STARTS)
def test_the_calendars_are_loaded_when_it_starts(name: str, settings: Settings, tmp_path: Path) -> None:
    program = PROGRAM.format(calendar=CALENDAR, start=STARTS[name])
    words = [sys.executable, "-c", program, str(settings.workspace)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
