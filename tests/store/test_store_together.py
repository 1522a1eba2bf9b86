"""Many at once: threads and processes write into one log, in one order, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from store_world import NOW, Place, row, say, take, word

from amana.core.vocabulary import Status
from amana.ledger import checkpoint, nodes
from amana.services.keeping import audit
from amana.services.record import publication
from amana.services.record.house import House
from amana.services.record.writing import Session
from amana.storage import log, tables

WRITER = """
import os, sys
sys.path.insert(0, {here!r})
from store_world import NOW, word
from amana import settings, wiring
from amana.core.vocabulary import Status
first = int(sys.argv[1])
with wiring.opened(settings.read(os.environ), writing=True, at=lambda: NOW) as house:
    for number in range(first, first + {each}):
        def work(session):
            person = session.new_person()
            session.record(person, word(Status.GIVEN, NOW, number))
            return session.record(session.person(1 + number % 3), word(Status.WITHDRAWN, NOW, number))
        print(house.writing().write(work).position, flush=True)
"""


def positions_of(house: House) -> list[int]:
    with house.database.read() as connection:
        query = sa.select(tables.event.c.position).order_by(tables.event.c.position)
        return list(connection.execute(query).scalars())


def assert_sound(house: House, acknowledged: list[int]) -> None:
    """Positions run from nought without a gap, each was given out once, and the log verifies."""
    stored = positions_of(house)
    assert stored == list(range(len(stored)))
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= set(stored)
    with house.database.read() as connection:
        latest = log.latest(connection)
        assert latest is not None
        assert latest.size == len(stored)
        tree = checkpoint.verify(latest.note, publication.log_key(house)).checkpoint
        nodes.verify_tree(tree.size, log.tile_reader(connection), tree.root)
    audit.full(house)


def test_threads_of_one_process(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, 9)])
        with ThreadPoolExecutor(8) as pool:
            told = list(
                pool.map(lambda turn: say(house, 1 + turn % 8, Status.WITHDRAWN, NOW - turn), range(120))
            )
        assert_sound(house, told)


def test_several_writers_of_one_process(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house, place.opened(writing=True) as other:
        take(house, tmp_path, [row(number) for number in range(1, 5)])
        turns = count()
        with ThreadPoolExecutor(4) as pool:
            told = list(
                pool.map(
                    lambda who: newcomer(who, next(turns)),
                    [house, other] * 30,
                )
            )
        assert_sound(house, told)


def newcomer(house: House, number: int) -> int:
    def work(session: Session) -> object:
        return session.record(session.new_person(), word(Status.GIVEN, NOW, 1_000 + number))

    return house.writing().write(work).position  # type: ignore[attr-defined]  # a staged event


@pytest.mark.slow
def test_several_processes(place: Place, tmp_path: Path) -> None:
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, 5)])
    each = 40
    program = WRITER.format(here=str(Path(__file__).parent), each=each)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(10_000 * number)],
            env={**os.environ, **place.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(1, 4)
    ]
    told: list[int] = []
    for child in running:
        out, err = child.communicate(timeout=120)
        assert child.returncode == 0, err
        told += map(int, out.split())
    assert len(told) == 3 * each
    with place.opened(writing=True) as house:
        assert_sound(house, told)
        with house.database.read() as connection:
            people = connection.execute(sa.select(sa.func.count()).select_from(tables.person)).scalar_one()
        assert people == 1 + 4 + 3 * each  # the workspace, the list, the newcomers: no number was given twice
