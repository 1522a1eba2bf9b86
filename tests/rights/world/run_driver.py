"""Works on the requests of a workspace as the worker does, and dies at one of its writes, there or here.

Run: python run_driver.py WORKSPACE NOW WRITE(0: never)
A write is a beginning or a COMMIT of any database that is connected to, the workspace's own and the shop's: killed before
a COMMIT nothing of it happened, killed at the next beginning all of it did. It prints how many it saw at its end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from amana import wiring
from amana.connectors.systems.system import Progress
from amana.core.rights import Status
from amana.services.rights import manual_desk, requests, rights_run
from amana.settings import Settings

HOUR = 3_600


def main() -> None:
    """Work until everything is answered."""
    folder, now, write = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    seen = 0

    def counted(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == write:
            os.kill(os.getpid(), signal.SIGKILL)

    def at_statement(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        del connection, cursor, rest
        if statement == "COMMIT":  # the workspace's own database says it itself
            counted()

    clock = [now]
    settings = Settings(workspace=folder, actor="worker")
    with wiring.opened(settings, writing=True, at=lambda: clock[0]) as house:
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", at_statement)
        sa.event.listen(sa.engine.Engine, "commit", counted)  # before a commit of any engine
        sa.event.listen(sa.engine.Engine, "begin", counted)  # and once it is done: at the next beginning
        for _ in range(8):
            while rights_run.sweep(house):
                pass
            for row in requests.every(house, open_only=True):
                asked = any(one.what == manual_desk.ASKED for one in requests.happened(house, row))
                if asked and row.status == Status.RUNNING.value:
                    manual_desk.record(house, row.ref, "callers", Progress.DONE, actor="worker")
            clock[0] += HOUR
    print(seen)


if __name__ == "__main__":
    main()
