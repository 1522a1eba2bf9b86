"""A write that fails or is interrupted at its worst moment leaves a writer that goes on, and a record that holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from crash_checks import opened_record
from crash_world import NOW, World, order, settings, write_list
from writes_driver import Wrote, add_person

from amana import errors, wiring
from amana.services.collection import imports
from amana.services.record.house import House
from amana.services.record.writing import Session, Writer
from amana.storage.database import Database


class Faulty:
    """The real database, with what is to stop each of the next transactions before or after its commit."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.before: list[BaseException | None] = []
        self.after: list[BaseException | None] = []

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        with self.database.begin() as connection:
            yield connection
            self._fail(self.before)
        self._fail(self.after)

    @staticmethod
    def _fail(coming: list[BaseException | None]) -> None:
        fault = coming.pop(0) if coming else None
        if fault is not None:
            raise fault

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)


@pytest.fixture
def house(world: World, tmp_path: Path) -> Iterator[House]:
    with wiring.opened(
        settings(world.copy_to(tmp_path / "workspace")), writing=True, at=lambda: NOW
    ) as opened:
        yield opened


@pytest.fixture
def faulty(house: House) -> Faulty:
    """The house's writer works on this database from now on."""
    faulty = Faulty(house.database)
    house.writer = Writer(faulty, house.keys, origin=house.origin, clock=house.clock, random=house.random)
    return faulty


def write(house: House) -> Wrote:
    return house.writing().write(partial(add_person, house))


def ids(house: House) -> set[str]:
    return {event for _, event in opened_record(house).events}


def test_an_interruption_just_after_the_commit_leaves_the_person_with_their_key(
    house: House, faulty: Faulty
) -> None:
    """Where Ctrl-C usually lands: the signal waits until the commit returns."""
    faulty.after = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        write(house)
    assert len(ids(house)) == 3, "the notice, and the interrupted write's two events"
    assert write(house).person == 2
    assert len(ids(house)) == 5


def test_a_commit_that_fails_after_the_keys_were_made_leaves_no_key_for_anybody_else(
    house: House, faulty: Faulty
) -> None:
    faulty.before = [OSError("the disk is full")]
    with pytest.raises(OSError, match="full"):
        house.writing().write(lambda session: [add_person(house, session) for _ in range(3)])
    assert write(house).person == 1
    with wiring.opened(settings(house.folder), writing=True, at=lambda: NOW) as again:
        assert len(ids(again)) == 3


def test_writes_that_shared_an_interrupted_commit_are_not_done_twice(house: House, faulty: Faulty) -> None:
    holding, go_on = threading.Event(), threading.Event()

    def first(session: Session) -> None:
        holding.set()
        assert go_on.wait(10)

    told: list[object] = []

    def queued() -> None:
        try:
            told.append(write(house))
        except KeyboardInterrupt as stopped:
            told.append(stopped)

    threads = [threading.Thread(target=house.writing().write, args=(first,))]
    threads[0].start()
    assert holding.wait(10)
    threads += [threading.Thread(target=queued) for _ in range(2)]
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.2)  # both wait for the writer now, and will share a commit
    faulty.after = [None, KeyboardInterrupt()]
    go_on.set()
    threads[0].join()
    for thread in threads[1:]:
        thread.join()
    assert len(told) == 2
    assert len(ids(house)) == 1 + 2 * 2


def test_two_processes_importing_one_file_do_not_mix_up_its_places(
    house: House, world: World, tmp_path: Path
) -> None:
    listed = write_list(tmp_path / "list.csv", 200)
    with wiring.opened(settings(world.copy_to(tmp_path / "alone")), writing=True, at=lambda: NOW) as alone:
        imports.run(alone, order(alone, listed), batch=20)
        whole = opened_record(alone)

    def other_process(report: imports.Report) -> None:
        if report.counts["rows"] < 60:
            return
        with wiring.opened(settings(house.folder), writing=True, at=lambda: NOW) as other:
            imports.run(other, order(other, listed), batch=20)

    with pytest.raises(errors.Conflict):
        imports.run(house, order(house, listed), other_process, batch=20)
    assert opened_record(house) == whole


def test_a_person_whom_another_process_added_without_an_event_is_not_overwritten(house: House) -> None:
    with wiring.opened(settings(house.folder), writing=True, at=lambda: NOW) as other:
        quiet = other.writing().write(lambda session: session.new_person().id)
    key = house.keys.keys([quiet])
    assert write(house).person == quiet + 1
    with wiring.opened(settings(house.folder), writing=True, at=lambda: NOW) as again:
        assert again.keys.keys([quiet]) == key
        assert len(ids(again)) == 3
