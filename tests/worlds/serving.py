"""`amana serve` as it is started: a process of its own, at a port that nobody uses.

Rule. The server is there when its port takes a connection; one that ends before, or takes too long, fails the test with
what it said. At the end it is asked to stop, and must end by itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROGRAM = "import sys; from amana.cli.main import main; main(sys.argv[1:])"
PATIENCE = 60  # seconds for the server to start on a loaded machine


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(
    workspace: Path, *words: str, port: int = 0, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """`amana serve` with these words until the block ends; its port."""
    found = port or free_port()
    command = [sys.executable, "-c", PROGRAM, "-w", str(workspace), "serve", "--port", str(found), *words]
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            command, env=dict(os.environ) | dict(environment or {}), stdout=told, stderr=told
        )
        try:
            if not listens(found, process):
                told.seek(0)
                raise AssertionError(f"the server did not start: {told.read().decode()}")
            yield found
        finally:
            process.terminate()
            assert process.wait(timeout=30) in (0, -15)


def listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a port of this machine takes a connection; False if its process ended or time is over."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False
