"""Writers take turns in the order in which they came, collect no garbage in them, and follow one growing log."""

from __future__ import annotations

import fcntl
import gc
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from store_world import NOW, Place, row, say, take

from amana import errors
from amana.core.vocabulary import Status
from amana.services.keeping import audit
from amana.storage.database import Database

ROUNDS = 20


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A workspace with five people."""
    made = Place(folder=tmp_path / "a").create()
    with made.opened(writing=True) as house:
        take(house, tmp_path, [row(number) for number in range(1, 6)])
    return made


def waits(folder: Path) -> bool:
    """Whether a writer stands in the queue."""
    handle = os.open(folder / "writer.queue", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def test_a_writer_who_just_had_a_turn_queues_behind_those_who_wait(place: Place) -> None:
    greedy, modest = (Database.open(f"sqlite:///{place.folder / 'main.db'}") for _ in range(2))
    turns: list[str] = []

    def one_turn() -> None:
        with modest.begin():
            turns.append("modest")

    for _ in range(ROUNDS):
        with greedy.begin():
            waiting = threading.Thread(target=one_turn)
            waiting.start()
            until = time.monotonic() + 10
            while not waits(place.folder) and time.monotonic() < until:
                time.sleep(0.001)
            turns.append("greedy")
        with greedy.begin():  # at once
            turns.append("greedy again")
        waiting.join()
    greedy.close()
    modest.close()
    assert turns == ["greedy", "modest", "greedy again"] * ROUNDS


def test_garbage_is_collected_between_turns_and_not_in_them(place: Place) -> None:
    database = Database.open(f"sqlite:///{place.folder / 'main.db'}")
    assert gc.isenabled()
    with database.begin():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), database.begin():
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()  # whoever has it off keeps it off
    try:
        with database.begin():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        database.close()


def copy_of(folder: Path, to: Path) -> Path:
    """The record as it stands, as one file."""
    with sqlite3.connect(folder / "main.db") as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    return to


def put_back(folder: Path, copy: Path) -> None:
    """What a careless operator does: an older record, beneath the programs that run on it."""
    with sqlite3.connect(copy) as source, sqlite3.connect(folder / "main.db") as target:
        source.backup(target)
    source.close()
    target.close()


def test_writers_that_alternate_follow_each_other(place: Place) -> None:
    with place.opened(writing=True) as one, place.opened(writing=True) as other:
        for turn in range(6):
            say(one if turn % 2 else other, 1, Status.GIVEN, NOW + turn)
        take(other, place.folder, [row(number) for number in range(10, 30)], name="another list")
        say(one, 25, Status.WITHDRAWN)  # a person whom the other made
        found = audit.full(one)
    assert found.opened + found.erased == found.size


def test_a_writer_notices_that_its_log_was_put_back_while_it_was_open(place: Place, tmp_path: Path) -> None:
    copy = copy_of(place.folder, tmp_path / "copy.db")
    with place.opened(writing=True) as house:
        say(house, 1, Status.WITHDRAWN)
        put_back(place.folder, copy)
        with pytest.raises(errors.LedgerBroken, match="put back"):
            say(house, 2, Status.WITHDRAWN)


@pytest.mark.parametrize("more", [0, 1, 9], ids=["as long", "longer", "much longer"])
def test_a_writer_never_signs_on_top_of_another_history_than_it_knows(
    place: Place, tmp_path: Path, more: int
) -> None:
    copy = copy_of(place.folder, tmp_path / "copy.db")
    with place.opened(writing=True) as house:
        say(house, 1, Status.WITHDRAWN)
        put_back(place.folder, copy)
        with place.opened(writing=True) as other:
            for turn in range(1 + more):
                say(other, 2, Status.GIVEN, NOW + turn)
        with pytest.raises(errors.LedgerBroken):
            say(house, 3, Status.WITHDRAWN)
