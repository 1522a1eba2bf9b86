"""One running site for the session, and a real browser where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from web_samples import DEFINITION, Site, serve

from amana import wiring
from amana.settings import Settings


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
