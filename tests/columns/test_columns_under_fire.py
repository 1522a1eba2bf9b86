"""Columns survive what happens to programs: killed anywhere they reopen as a rebuild would make them, and while some
write and others read nothing is torn and no acknowledged withdrawal is missed.

Rule: the test ends a writer with SIGKILL at twenty random points of catching up and rewriting; a long run
(`AMANA_SOAK=1`) lets two writers and two readers work together for a minute.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import columns_driver
import pytest
from columns_driver import CELL, acknowledged, check_whole
from rig import kill_at_random
from store_world import OFFERS, Place

from amana.columns.store import ColumnStore, Loaded
from amana.services.audience import cache, screening
from amana.services.keeping import forget

KILLS = 20
SECONDS = 60 if os.environ.get("AMANA_SOAK") else 6
DRIVER = columns_driver.__file__


def program(role: str, folder: Path, seconds: float, part: int = 0, parts: int = 1) -> list[str]:
    return [sys.executable, DRIVER, role, str(folder), str(seconds), str(part), str(parts)]


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children find the test's own modules."""
    tests = Path(DRIVER).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(one) for one in (tests, tests / "store")))


def laid(loaded: Loaded) -> dict[str, list[object]]:
    """Base and delta as one, column by column."""
    found = {}
    for name, base in loaded.base.items():
        size = max(len(base), int(loaded.rows[-1]) + 1 if len(loaded.rows) else 0)
        values = [*base.tolist(), *[0] * (size - len(base))]
        for row, value in zip(loaded.rows.tolist(), loaded.delta.get(name, base[:0]).tolist(), strict=True):
            values[row] = value
        found[name] = values
    return found


def spelled(caught: cache.Caught) -> dict[str, list[object]]:
    """All columns, regimes by what they are: their numbers follow who came first."""
    columns = laid(caught.person) | laid(caught.cell)
    columns["regime"] = [caught.regimes[number] for number in columns["regime"]]  # type: ignore[call-overload]  # this column holds integers
    return columns


@pytest.mark.slow
def test_columns_killed_anywhere_reopen_as_a_rebuild_would_make_them(
    place: Place, child: None, tmp_path: Path
) -> None:
    shapes, reached = set(), set()
    runs = kill_at_random(
        program("write", tmp_path, 60),
        5 * KILLS,
        seed=3,
        delay_range=(0.9, 1.5),
        ack_range=(1, 6),
        linger=0.02,
    )
    for number, run in enumerate(runs):
        assert run.returncode == -9, run.stderr
        gone = acknowledged(tmp_path)
        store = ColumnStore(place.folder / "columns")
        manifest = store.manifest()
        reached.add(manifest.serial)
        for group in manifest.groups.values():
            check_whole(group, store.load(group))
            shapes.add(bool(group.delta))
        copy = Place(folder=tmp_path / "again")
        shutil.copytree(place.folder, copy.folder, ignore=shutil.ignore_patterns("columns"))
        with place.opened() as house, copy.opened() as other:
            assert spelled(cache.catch_up(house, CELL)) == spelled(cache.catch_up(other, CELL))
            assert not gone & set(screening.screen(house, OFFERS).allowed.tolist())
            left = {path.name for path in house.columns.glob("*.arrow")}
        groups = ColumnStore(place.folder / "columns").manifest().groups.values()
        named = {file for group in groups for file in (group.base, group.delta) if file}
        assert left >= named
        shutil.rmtree(copy.folder)
        if number + 1 >= KILLS and len(shapes) == 2:
            break  # where a kill falls is chance: it goes on until it fell after compactions and after deltas
    assert len(reached) >= KILLS / 2, "most runs published something before they were killed"
    assert shapes == {True, False}, "killed after compactions and after deltas"


@pytest.mark.slow
def test_two_writers_and_two_readers_lose_nothing_and_see_nothing_torn(
    place: Place, child: None, tmp_path: Path
) -> None:
    running = [
        subprocess.Popen(one, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for one in (
            program("write", tmp_path, SECONDS, 0, 2),
            program("write", tmp_path, SECONDS, 1, 2),
            program("read", tmp_path, SECONDS),
            program("read", tmp_path, SECONDS),
        )
    ]
    told = [one.communicate(timeout=SECONDS + 60) for one in running]
    assert [one.returncode for one in running] == [0] * 4, [errors[-600:] for _, errors in told]
    turns = [len(said.splitlines()) for said, _ in told]
    assert min(turns) >= 1, f"turns of two writers and two readers: {turns}"
    with place.opened() as house:
        assert not acknowledged(tmp_path) & set(screening.screen(house, OFFERS).allowed.tolist())


def test_an_erasure_also_clears_away_what_a_stopped_writer_left(place: Place) -> None:
    with place.opened(writing=True) as house:
        screening.screen(house, OFFERS)
        left = house.columns / "person-77.arrow"
        base = ColumnStore(house.columns).manifest().groups["person"].base
        left.write_bytes((house.columns / base).read_bytes())
        forget.forget(house, [5])
        assert not left.exists()
        assert 5 not in screening.screen(house, OFFERS).people.tolist()
