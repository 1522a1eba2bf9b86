"""One running site for the session, and a real browser where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_samples import DEFINITION, Site, serve

from amana import wiring
from amana.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages of a workspace, served by another process; tests make their own people in it."""
    folder: Path = tmp_path_factory.mktemp("site") / "workspace"
    settings = Settings(workspace=folder, actor="test")
    wiring.create(settings, DEFINITION)
    process, address = serve(folder)
    try:
        with wiring.opened(settings, writing=True) as house:
            yield Site(house, address)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Headless Chromium from the system; nothing is downloaded."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()
