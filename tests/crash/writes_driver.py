"""A program whose threads write at the same time and say after each write what was recorded.

Usage: writes_driver.py WORKSPACE THREADS WRITES. Each write makes a person with an address and a permission; every
seventh fails on purpose after it staged something, and must leave nothing, whatever else was in its batch.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec
from crash_world import NOW, acknowledge, settings

from amana import errors, wiring
from amana.core import events
from amana.core.statements import Interval
from amana.core.vocabulary import Actor, PointKind, Status
from amana.services.record.house import House
from amana.services.record.writing import Session


class Wrote(msgspec.Struct, frozen=True, kw_only=True):
    """One write, and whether it was recorded or failed."""

    person: int
    event: str
    recorded: bool


def add_person(house: House, session: Session, *, fail: bool = False) -> Wrote:
    """A new person with an address, whose permission is asked for; or nothing, and NotFound."""
    person = session.new_person()
    address = f"{house.random(8).hex()}@example.com"
    session.add_point(person, PointKind.EMAIL.value, house.random(16), address, 0)
    common = {"occurred": Interval(lo=NOW, hi=NOW), "actor": Actor.PERSON, "source": 0}
    session.record(
        person,
        events.Point(
            id=house.random(16).hex(),
            point=0,
            point_kind=PointKind.EMAIL,
            change="added",
            value=address,
            **common,
        ),
    )
    asked = events.Permission(
        id=house.random(16).hex(),
        brand="orchard",
        purpose="offers",
        channel="email",
        status=Status.REQUESTED,
        **common,
    )
    session.record(person, asked)
    if fail:
        raise errors.NotFound(asked.id)
    return Wrote(person=person.id, event=asked.id, recorded=True)


def main(workspace: str, threads: str, writes: str) -> None:
    """Write from several threads, acknowledging each write."""
    with (
        wiring.opened(settings(Path(workspace)), writing=True, at=lambda: NOW) as house,
        ThreadPoolExecutor(int(threads)) as pool,
    ):
        for done in [pool.submit(_write_many, house, int(writes)) for _ in range(int(threads))]:
            done.result()


def _write_many(house: House, writes: int) -> None:
    for number in range(writes):
        work = partial(add_person, house, fail=number % 7 == 3)
        try:
            acknowledge(house.writing().write(work))
        except errors.NotFound as failed:
            acknowledge(Wrote(person=0, event=failed.what, recorded=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
