"""Faults at each statement of a write, and a PostgreSQL server that can be crashed.

Rule. A fault strikes at the n-th statement that the main database or the key store is sent: before it (nothing of it
happened) or after it (it happened, and the program never learnt so, as when the connection is lost on COMMIT).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from crash_world import CELL, NOW

from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind, Proof, Status
from amana.services.record.house import House
from amana.services.record.writing import Session


class Struck(Exception):
    """The fault that a test ordered."""


@contextmanager
def struck_at(engines: list[sa.Engine], number: int, *, after: bool) -> Iterator[list[str]]:
    """Strike at the n-th statement, counted from one over all engines; yields the statements seen."""
    seen: list[str] = []

    def step(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        if statement.startswith("ROLLBACK"):
            return
        seen.append(statement)
        if len(seen) == number:
            raise Struck(statement[:60])

    name = "after_cursor_execute" if after else "before_cursor_execute"
    for engine in engines:
        sa.event.listen(engine, name, step)
    try:
        yield seen
    finally:
        for engine in engines:
            sa.event.remove(engine, name, step)


def record_newcomer(house: House, number: int) -> int:
    """Record a newcomer with an address, a name and a permission; their id."""

    def work(session: Session) -> int:
        person = session.new_person()
        address, blind = f"n{number}@example.com", number.to_bytes(16, "big")
        session.add_point(person, PointKind.EMAIL.value, blind, address, 0)
        common: dict[str, Any] = {
            "occurred": Interval(lo=NOW, hi=NOW),
            "actor": Actor.IMPORT,
            "source": 1,
        }
        session.record(
            person,
            events.Point(
                id=event_id(3 * number),
                point=0,
                point_kind=PointKind.EMAIL,
                change="added",
                value=address,
                **common,
            ),
        )
        session.merge_profile(person, {"full_name": f"Number {number}"})
        session.record(
            person,
            events.Profile(id=event_id(3 * number + 1), sealed={"full_name": f"Number {number}"}, **common),
        )
        session.record(
            person,
            events.Permission(
                id=event_id(3 * number + 2),
                brand=CELL[0],
                purpose=CELL[1],
                channel=CELL[2],
                status=Status.GIVEN,
                proof=Proof.DEMONSTRABLE,
                **common,
            ),
        )
        return person.id

    return house.writing().write(work)


def events_of(number: int) -> set[str]:
    """The ids of the events of one newcomer."""
    return {event_id(3 * number + step) for step in range(3)}


def event_id(number: int) -> str:
    """An event id, recognisable."""
    return number.to_bytes(16, "big").hex()


def crash(pgdata: Path) -> None:
    """End a PostgreSQL server as a crash would: no checkpoint, nothing flushed (`pg_ctl stop -m immediate`)."""
    pid = int((pgdata / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the server did not end")


def restart(server: Any) -> None:
    """Start a crashed server again and wait until it has recovered, on a slow machine too."""
    for _ in range(6):
        try:
            server.ensure_postgres_running()
        except subprocess.TimeoutExpired:
            continue
        return
    raise AssertionError("the server did not recover")
