"""Programs that write and read columns at once, for the tests to run together and to kill.

Usage: columns_driver.py write|read FOLDER SECONDS PART PARTS. A writer withdraws its part of the people, some at a time
(the first word that a person says counts), brings the columns to the ledger's head after each commit, and says whose
withdrawal was acknowledged. A reader screens, asks about many and reads the files without any lock, again and again;
it ends with a complaint as soon as somebody whose withdrawal was acknowledged before it began to look is allowed.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
from store_world import NOW, OFFERS, Place, word

from amana.columns.store import ColumnStore, Group, Loaded
from amana.core.vocabulary import Status
from amana.services.audience import cache, screening
from amana.services.audience.asking_many import Many
from amana.services.gate.asking import Gate
from amana.services.record.house import House
from amana.services.record.writing import Session

CELL = 1 << 24 | 1 << 8 | 1
AT_ONCE = 9


def acknowledged(folder: Path) -> set[int]:
    """Everybody whose withdrawal was acknowledged before this look."""
    return {
        int(line)
        for path in folder.glob("acknowledged-*")
        for line in path.read_text("ascii").splitlines()
        if line
    }


def write(house: House, folder: Path, until: float, part: int, parts: int) -> None:
    """Withdraw, acknowledge, catch up."""
    with house.database.read() as connection:
        last = cache.people.next_id(connection) - 1
    mine = list(range(1 + part, last + 1, parts))
    handle = os.open(folder / f"acknowledged-{part}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for turn in itertools.count(len(acknowledged(folder)) // AT_ONCE):
        chunk = [mine[(turn * AT_ONCE + place) % len(mine)] for place in range(AT_ONCE)]

        def work(session: Session, chunk: list[int] = chunk, at: int = NOW + turn) -> None:
            session.load(chunk)
            for person in chunk:
                said = word(Status.WITHDRAWN, at - 10_000, person)
                session.record(
                    session.person(person), msgspec.structs.replace(said, id=house.random(16).hex())
                )

        house.writing().write(work)
        os.write(handle, "".join(f"{person}\n" for person in chunk).encode())
        cache.catch_up(house, CELL)
        print(turn, flush=True)
        if time.monotonic() > until:
            return


def read(house: House, folder: Path, until: float) -> None:
    """Look at the columns in three ways."""
    store = ColumnStore(house.columns)
    gate = Gate(house)
    many = Many(gate)
    position = 0
    while time.monotonic() < until:
        gone = np.array(sorted(acknowledged(folder)), np.int64)
        manifest, loaded = store.current(("person", f"cell-{CELL}"))
        for name, one in loaded.items():
            check_whole(manifest.groups[name], one)
            if name == "person":
                assert manifest.groups[name].position >= position, "the columns went back"
                position = manifest.groups[name].position
        assert not many.ask(gone, OFFERS).allow.any(), "asked about many, a withdrawal is lost"
        allowed = screening.screen(house, OFFERS).allowed
        assert not np.isin(gone, allowed).any(), "a screen lost a withdrawal"
        print(len(gone), flush=True)
    gate.close()


def check_whole(group: Group, loaded: Loaded) -> None:
    """A group is as long as its manifest says, in all of its columns."""
    assert {len(column) for column in loaded.base.values()} == {group.rows}, "a torn base"
    assert len(loaded.rows) == group.changed, "a torn delta"
    assert all(len(column) == group.changed for column in loaded.delta.values()), "a torn delta"
    assert (np.diff(loaded.rows) > 0).all(), "rows of a delta out of order"


def main(role: str, folder: str, seconds: str, part: str, parts: str) -> None:
    """Run one role."""
    place = Place(folder=Path(folder) / "workspace")
    until = time.monotonic() + float(seconds)
    with place.opened(writing=role == "write") as house:
        if role == "write":
            write(house, Path(folder), until, int(part), int(parts))
        else:
            read(house, Path(folder), until)


if __name__ == "__main__":
    main(*sys.argv[1:])
