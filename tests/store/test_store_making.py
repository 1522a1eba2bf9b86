"""A making or restoring that was cut short: it is finished or swept up, and nothing of anybody else is touched."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest
from store_world import DEFINITION, NOW, Place, allowed, row, take

from amana import errors, wiring
from amana.services.keeping import backup
from amana.services.record import publish


class Cut(Exception):
    """The power is gone."""


def cut_short(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a workspace, and stop before its words are numbered."""

    def gone(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(publish, "publish", gone)
        with pytest.raises(Cut):
            wiring.create(place.settings, DEFINITION, at=lambda: NOW)
    assert (place.folder / "amana.toml").exists()


@pytest.mark.parametrize("writing", [False, True], ids=["for reading", "for writing"])
def test_a_workspace_whose_making_was_cut_short_is_finished_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writing: bool
) -> None:
    place = Place(folder=tmp_path / "a")
    cut_short(place, monkeypatch)
    with place.opened(writing=writing) as house:
        assert (house.writer is not None) == writing
        assert publish.pending(house) == []
    with place.opened(writing=True) as house:
        take(house, tmp_path, [row(1)])
        assert allowed(house, 1) == [True]


def left_behind(folder: Path, age: int = 3_600) -> Path:
    left = folder / ".new-abc123"
    (left / "keys").mkdir(parents=True)
    then = time.time() - age
    os.utime(left, (then, then))
    return left


def test_what_a_killed_making_left_is_swept_up_by_the_next_one(tmp_path: Path) -> None:
    place = Place(folder=tmp_path / "a")
    left = left_behind(place.folder)
    (place.folder / "new-ideas").mkdir()
    place.create()
    assert not left.exists()
    assert (place.folder / "new-ideas").exists()  # not ours


def test_what_a_killed_restore_left_does_not_stand_in_the_way_of_the_next_one(tmp_path: Path) -> None:
    place, again = Place(folder=tmp_path / "a").create(), Place(folder=tmp_path / "b")
    folders = tmp_path / "record", tmp_path / "keys"
    with place.opened(writing=True) as house:
        backup.take(house, *folders)
    left_behind(again.folder)
    root = place.folder / "keys" / "root.key"
    wiring.restore(again.settings, *folders, root_key_file=root, at=lambda: NOW)
    assert sorted(path.name for path in again.folder.iterdir() if path.name.startswith(".new-")) == []


@pytest.mark.parametrize("why", ["locked", "fresh"])
def test_a_folder_that_somebody_may_be_building_in_stays(tmp_path: Path, why: str) -> None:
    place = Place(folder=tmp_path / "b")
    left = left_behind(place.folder, age=0 if why == "fresh" else 3_600)
    handle = os.open(left, os.O_RDONLY)
    try:
        if why == "locked":
            fcntl.flock(handle, fcntl.LOCK_EX)
        place.create()
    finally:
        os.close(handle)
    assert left.exists()


def test_a_folder_with_something_in_it_is_not_restored_into(tmp_path: Path) -> None:
    place, again = Place(folder=tmp_path / "a").create(), Place(folder=tmp_path / "b")
    folders = tmp_path / "record", tmp_path / "keys"
    with place.opened(writing=True) as house:
        backup.take(house, *folders)
    again.folder.mkdir()
    (again.folder / "notes.txt").write_text("mine")
    with pytest.raises(errors.Conflict):
        wiring.restore(again.settings, *folders, at=lambda: NOW)
    assert [path.name for path in again.folder.iterdir()] == ["notes.txt"]
