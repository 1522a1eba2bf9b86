"""Writes from several threads share commits; what each was told is true on every disk that a failure could leave."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from crash_checks import BROKEN, record_of
from crash_world import World
from disk import KeepUnsynced, Kind, Op, Trace
from rig import crash_points, run_recorded
from writes_driver import Wrote

THREADS, WRITES = 4, 30
DRIVER = str(Path(__file__).with_name("writes_driver.py"))


@pytest.fixture(scope="module")
def trace(world: World, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    root = world.copy_to(tmp_path_factory.mktemp("threads") / "workspace")
    return run_recorded([sys.executable, DRIVER, str(root), str(THREADS), str(WRITES)], root)


def told(trace: Trace, seq: int) -> list[Wrote]:
    return [msgspec.json.decode(line, type=Wrote) for line in trace.acks_before(seq)]


def faults_of(image: Path, trace: Trace, seq: int) -> list[str]:
    """What is wrong with a disk: acknowledged writes lost, failed ones there, or a record that does not hold."""
    try:
        recorded = set(record_of(image).events)
    except BROKEN as broken:
        return [f"broken: {broken}"]
    lost = [one for one in told(trace, seq) if one.recorded and (one.person, one.event) not in recorded]
    ids = {event for _, event in recorded}
    undead = [one for one in told(trace, trace.last) if not one.recorded and one.event in ids]
    return [f"{word}: {found}" for word, found in (("lost", lost), ("undead", undead)) if found]


Faults = Callable[..., Iterator[list[str]]]


@pytest.fixture
def faults(trace: Trace, tmp_path: Path) -> Faults:
    """A walk over crash points: yields what is wrong with each disk."""

    def walk(
        points: Sequence[int], keep: KeepUnsynced = "none", drop: Callable[[Op], bool] = lambda _: False
    ) -> Iterator[list[str]]:
        for seq in points:
            image = trace.image_at(seq, tmp_path / "image", keep_unsynced=keep, drop_syncs=drop, seed=seq)
            yield faults_of(image, trace, seq)
            shutil.rmtree(image)

    return walk


def test_threads_share_commits_and_a_failing_write_is_only_its_owners(trace: Trace) -> None:
    wrote = told(trace, trace.last)
    assert len(wrote) == THREADS * WRITES
    assert sum(not one.recorded for one in wrote) == THREADS * len(range(3, WRITES, 7))
    assert len({one.event for one in wrote}) == len(wrote)
    commits = sum(op.kind is Kind.SYNC and op.path == "main.db-wal" for op in trace.ops)
    assert commits < sum(one.recorded for one in wrote)


@pytest.mark.parametrize("keep", ["none", "random"])
def test_what_a_thread_was_told_outlasts_a_power_failure(
    trace: Trace, faults: Faults, keep: KeepUnsynced
) -> None:
    assert [found for found in faults(crash_points(trace, 50, seed=3), keep) if found] == []


@pytest.mark.parametrize("path", ["main.db-wal", "keys/keys.db-wal"], ids=["main log", "key log"])
def test_taking_away_a_logs_syncs_from_the_threads_is_found_out(
    trace: Trace, faults: Faults, path: str
) -> None:
    points = crash_points(trace, 60, seed=3)
    Random(1).shuffle(points)
    assert any(faults(points, "none", lambda op: op.path == path))
