"""An import killed at random twenty times loses nothing that it acknowledged, and ends as if it had never been killed."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from crash_checks import differences, record_of
from crash_world import NOW, World, order, settings, write_list
from import_driver import Told
from rig import Killed, kill_at_random

from amana import wiring
from amana.services.collection import imports
from amana.services.collection.imports import Report

KILLS = 20
ROWS = 3_000
BATCH = 12
DRIVER = str(Path(__file__).with_name("import_driver.py"))


def told(lines: Sequence[str]) -> list[Told]:
    return [msgspec.json.decode(line, type=Told) for line in lines]


def killed_runs(program: Sequence[str]) -> Iterator[Killed]:
    """Runs killed a few batches after they began, anywhere in a batch; those killed before they began are left out."""
    runs = kill_at_random(program, 2 * KILLS, seed=5, delay_range=(0, 0), ack_range=(1, 10), linger=0.03)
    return itertools.islice(runs, 1, None, 2)


@pytest.mark.slow
def test_an_import_killed_twenty_times_loses_nothing_and_ends_as_if_never_killed(
    world: World, tmp_path: Path
) -> None:
    listed = write_list(tmp_path / "list.csv", ROWS)
    killed, straight = world.copy_to(tmp_path / "killed"), world.copy_to(tmp_path / "straight")
    program = [sys.executable, DRIVER]
    how = [str(listed), str(BATCH), "60", "7"]

    (uninterrupted,) = kill_at_random([*program, str(straight), *how], 1, 0, (60, 60))
    assert uninterrupted.returncode == 0, uninterrupted.stderr
    batches, whole = told(uninterrupted.acks), record_of(straight)
    assert len(batches) > ROWS // BATCH

    last: Told | None = None
    reached = []
    for run in killed_runs([*program, str(killed), *how]):
        assert run.returncode == -9, run.stderr
        last = told(run.acks)[-1] if run.acks else last
        found = record_of(killed)
        assert differences(found, whole, batches, last) == []
        reached.append(found.sources[0].line if found.sources else 0)
    assert len(reached) == KILLS
    assert reached == sorted(set(reached)), "each run went on from where the last one was killed"

    (ended,) = kill_at_random([*program, str(killed), *how], 1, 0, (60, 60))
    assert told(ended.acks)[-1] == batches[-1], ended.stderr
    assert record_of(killed) == whole


class Stop(Exception):
    """Ends an import between two batches."""


def run_until(folder: Path, listed: Path, stops: Callable[[Report], bool]) -> bool:
    """Import into `folder` until a batch after which it is to stop; whether it came to its end."""

    def progress(report: Report) -> None:
        if stops(report):
            raise Stop

    with wiring.opened(settings(folder), writing=True, at=lambda: NOW) as house:
        try:
            imports.run(house, order(house, listed), progress, batch=7)
        except Stop:
            return False
        return True


def test_an_import_stopped_after_each_batch_ends_as_if_never_stopped(world: World, tmp_path: Path) -> None:
    """Wherever a batch ends: a line that gives several rejects and a row is not cut in two."""
    listed = write_list(tmp_path / "list.csv", 150)
    stopped, straight = world.copy_to(tmp_path / "stopped"), world.copy_to(tmp_path / "straight")
    assert run_until(straight, listed, lambda _: False)
    stops = 0
    while not run_until(stopped, listed, lambda _: True):
        stops += 1
    assert stops > 15
    assert record_of(stopped) == record_of(straight)


def test_rejects_of_a_batch_that_was_never_committed_are_gone_when_the_import_ends(
    world: World, tmp_path: Path
) -> None:
    listed = write_list(tmp_path / "list.csv", 50)
    folder, straight = world.copy_to(tmp_path / "workspace"), world.copy_to(tmp_path / "straight")
    reports: list[Report] = []
    run_until(straight, listed, lambda report: bool(reports.append(report)))
    assert not run_until(folder, listed, lambda report: report.counts == reports[-1].counts)
    rejects = folder / "rejects" / "import-1.csv"
    with rejects.open("a") as file:
        file.write(",51,email,bad_email:syntax,no\n")
    assert run_until(folder, listed, lambda _: False)
    assert len(record_of(folder).rejects[1]) == rejects.stat().st_size
