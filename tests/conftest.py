"""What every test directory may use: one browser, one PostgreSQL server and one set of templates for the whole run.

Rule. `worlds` holds what several directories set up: the company's workspace file, its clock, lists of people, a relay, a
server. A program that a test starts finds it as the test does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from worlds import postgresql
from worlds.houses import Templates

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_paths = (str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""))
os.environ["PYTHONPATH"] = os.pathsep.join(one for one in _paths if one)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium from the system; nothing is downloaded. Playwright's synchronous form starts once in a thread."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of our own; see `worlds.postgresql`."""
    settings = ("fsync = off",)  # no power is cut here, and shutting down is quick
    with postgresql.started(tmp_path_factory.mktemp("runtime"), *settings) as server:
        yield server


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """New workspaces that tests copy."""
    return Templates(tmp_path_factory.mktemp("templates"))
