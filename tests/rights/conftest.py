"""Servers for the tests of connected systems: PostgreSQL and MariaDB, each our own, started once for the run.

Rule. A server that is not installed skips its tests with the reason. MariaDB is Debian's package; it is started by the
test on a socket in a folder of its own, never as a service of the machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket as sockets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from amana.connectors.systems import http_wire

_serial = count(1)
Fresh = Callable[[], str]


@pytest.fixture
def closed_wires(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every wire that a test opened is closed at its end."""
    made: list[http_wire.Wire] = []
    begin = http_wire.Wire.__init__

    def begun(wire: http_wire.Wire, *arguments: Any, **more: Any) -> None:
        begin(wire, *arguments, **more)
        made.append(wire)

    monkeypatch.setattr(http_wire.Wire, "__init__", begun)
    yield
    for wire in made:
        wire.close()


@pytest.fixture
def postgresql(postgresql_server: Any) -> Iterator[Fresh]:
    """Makes new databases: each call is the address of one."""
    made: list[str] = []

    def make() -> str:
        name = f"shop_{next(_serial)}"
        postgresql_server.psql(f"CREATE DATABASE {name};")
        made.append(name)
        return str(postgresql_server.get_uri().replace("/postgres?", f"/{name}?"))

    yield make
    for name in made:
        postgresql_server.psql(f"DROP DATABASE {name} WITH (FORCE);")


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """A MariaDB server of our own; the address of its socket."""
    daemon = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
    install = shutil.which("mariadb-install-db")
    if daemon is None or install is None:
        pytest.skip("no MariaDB server to test with (Debian: mariadb-server)")
    with (
        tempfile.TemporaryDirectory(prefix="amana-maria-", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(_maria(daemon, install, Path(folder)), **_quiet()) as process,
    ):
        socket = f"{folder}/socket"
        try:
            _until_up(socket, process)
            yield socket
        finally:
            process.terminate()
            process.wait(30)


def _maria(daemon: str, install: str, folder: Path) -> list[str]:
    """The server's command, its folder made ready."""
    data = f"--datadir={folder}/data"
    user = [f"--user={os.environ.get('USER') or 'root'}"] if os.geteuid() == 0 else []
    made = subprocess.run(
        [install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db", *user],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("MariaDB's folder could not be made")
    small = ["--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", "--skip-networking"]
    return [
        daemon,
        "--no-defaults",
        data,
        f"--socket={folder}/socket",
        f"--pid-file={folder}/pid",
        *small,
        *user,
    ]


def _quiet() -> dict[str, Any]:
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _until_up(socket: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with contextlib.closing(sockets.socket(sockets.AF_UNIX)) as probe:
            if probe.connect_ex(socket) == 0:
                return
        if process.poll() is not None:
            pytest.skip("MariaDB did not start")
        time.sleep(0.1)
    pytest.skip("MariaDB did not start in time")


@pytest.fixture
def mariadb(mariadb_server: str) -> Iterator[Fresh]:
    """Makes new databases: each call is the address of one."""
    engine = sa.create_engine(
        f"mysql+pymysql://root@localhost/?unix_socket={mariadb_server}", poolclass=sa.NullPool
    )
    made: list[str] = []

    def make() -> str:
        name = f"shop_{next(_serial)}"
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        made.append(name)
        return f"mysql://root@localhost/{name}?unix_socket={mariadb_server}"

    yield make
    with engine.begin() as connection:
        for name in made:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
