"""A program that records newcomers for ever and says each one's number once it is recorded: what is killed.

Usage: steady_driver.py WORKSPACE MAIN_URL KEYS_URL FIRST [COMMIT]. COMMIT `off` takes the server's word for a commit
before it is on disk: the crash tests must find that out.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from crash_world import NOW, acknowledge
from faulty_steps import record_newcomer

from amana import wiring
from amana.settings import Settings


def main(workspace: str, main_url: str, keys_url: str, first: str, commit: str = "on") -> None:
    """Record until killed."""
    place = Settings(workspace=Path(workspace), actor="tester", database=main_url, keys_database=keys_url)
    with wiring.opened(place, writing=True, at=lambda: NOW) as house:
        if commit == "off":
            house.database.engine.dispose()
            sa.event.listen(house.database.engine, "connect", _careless)
        for number in itertools.count(int(first)):
            record_newcomer(house, number)
            acknowledge(number)


def _careless(connection: Any, _: Any) -> None:
    connection.execute("SET synchronous_commit = off")


if __name__ == "__main__":
    main(*sys.argv[1:])
