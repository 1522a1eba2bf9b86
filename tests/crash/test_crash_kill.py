"""An import killed at random twenty times loses nothing that it acknowledged, and ends as if it had never been killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from crash_checks import differences, record_of
from crash_world import World, write_list
from import_driver import Told
from rig import Killed, kill_at_random

KILLS = 20
ROWS = 3_000
BATCH = 20
DRIVER = str(Path(__file__).with_name("import_driver.py"))


def told(lines: Sequence[str]) -> list[Told]:
    return [msgspec.json.decode(line, type=Told) for line in lines]


def killed_runs(program: Sequence[str]) -> Iterator[Killed]:
    """One run killed at once, one at its first acknowledgement, then others around and after that moment."""
    runs = kill_at_random(program, 2, 0, (0, 0), ack_range=(1, 1))
    yield next(runs)
    started = time.monotonic()
    first = next(runs)
    seconds = time.monotonic() - started
    yield first
    yield from kill_at_random(
        program, KILLS - 2, 5, delay_range=(0.7 * seconds, 1.5 * seconds), ack_range=(1, 12)
    )


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
    assert len(set(reached)) > KILLS // 2, "too few of the kills fell into the import"

    (ended,) = kill_at_random([*program, str(killed), *how], 1, 0, (60, 60))
    assert told(ended.acks)[-1] == batches[-1], ended.stderr
    assert record_of(killed) == whole
