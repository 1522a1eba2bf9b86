"""A power failure during an import loses nothing acknowledged; without any one of the syncs it would.

The import runs once under the recorder. Each crash point is then a disk on which the real workspace is opened.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from crash_checks import BROKEN, Record, cache_faults, cached_facts, differences, opened_record
from crash_world import CELL, NOW, World, order, settings, write_list
from disk import KeepUnsynced, Kind, Op, Trace
from import_driver import Told
from rig import crash_points, run_recorded

from amana import wiring
from amana.services.audience import cache
from amana.services.collection import imports

SOAK = os.environ.get("AMANA_SOAK", "") not in ("", "0")
POINTS = 1_000 if SOAK else 50
ROWS, BATCH, PAGES, COLUMNS_EVERY = 400, 6, 60, 5
DRIVER = str(Path(__file__).with_name("import_driver.py"))

Drop = Callable[[Op], bool]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded import, from its first operation to its last, and what it recorded."""

    trace: Trace
    listed: Path
    batches: tuple[Told, ...]
    whole: Record
    rejects: bytes
    facts: dict[str, list[object]]

    def acknowledged(self, seq: int) -> Told | None:
        """The last acknowledgement before a crash point."""
        lines = self.trace.acks_before(seq)
        return msgspec.json.decode(lines[-1], type=Told) if lines else None


def recorded(root: Path, listed: Path) -> Trace:
    """An import into `root`, or the rest of one, to its end."""
    arguments = map(str, (root, listed, BATCH, PAGES, COLUMNS_EVERY))
    return run_recorded([sys.executable, DRIVER, *arguments], root)


@pytest.fixture(scope="module")
def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("recorded")
    listed = write_list(folder / "list.csv", ROWS)
    root = world.copy_to(folder / "workspace")
    with wiring.opened(settings(root), writing=True, at=lambda: NOW) as house:
        # Column files are losable, their folder too: without it on the disk, none of their syncs could be tested.
        cache.catch_up(house, house.writing().terms.cell(*CELL))
    trace = recorded(root, listed)
    with wiring.opened(settings(root), writing=True, at=lambda: NOW) as house:
        return Run(
            trace=trace,
            listed=listed,
            batches=tuple(msgspec.json.decode(line, type=Told) for line in trace.acks_before(trace.last)),
            whole=opened_record(house),
            rejects=(house.rejects / "import-1.csv").read_bytes(),
            facts=cached_facts(cache.catch_up(house, house.writing().terms.cell(*CELL))),
        )


Faults = Callable[..., Iterator[tuple[int, list[str]]]]


@pytest.fixture
def faults(run: Run, tmp_path: Path) -> Faults:
    """A walk over crash points: yields each with what is wrong with the disk that is left."""

    def walk(
        points: Sequence[int],
        keep: KeepUnsynced = "none",
        drop: Drop = lambda _: False,
        *,
        strict: bool = False,
    ) -> Iterator[tuple[int, list[str]]]:
        for seq in points:
            image = run.trace.image_at(
                seq,
                tmp_path / "image",
                keep_unsynced=keep,
                drop_syncs=drop,
                seed=7,
                strict_directories=strict,
            )
            yield seq, faults_of(image, run, seq)
            shutil.rmtree(image)

    return walk


def faults_of(image: Path, run: Run, seq: int) -> list[str]:
    """What is wrong with a disk: empty when every promise is kept."""
    try:
        with wiring.opened(settings(image), writing=True, at=lambda: NOW) as house:
            found = opened_record(house)
            return differences(found, run.whole, run.batches, run.acknowledged(seq)) + cache_faults(house)
    except BROKEN as broken:
        return [f"broken: {broken}"]


def test_the_recorded_import_does_everything_that_a_crash_could_disturb(run: Run) -> None:
    assert len(run.batches) > ROWS // BATCH
    syncs = [op.path for op in run.trace.ops if op.kind is Kind.SYNC]
    assert syncs.count("main.db") > 5
    assert syncs.count("keys/keys.db") > 1
    assert sum(op.kind is Kind.UNLINK and op.path.endswith(".delta.arrow") for op in run.trace.ops) > 0
    assert {one.state for one in run.whole.sources} == {"done"}


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["ordered names", "names by directory"])
@pytest.mark.parametrize("keep", ["none", "random"])
def test_after_a_power_failure_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    run: Run, faults: Faults, keep: KeepUnsynced, strict: bool
) -> None:
    points = crash_points(run.trace, POINTS, seed=11 + strict)
    assert len(points) == POINTS or SOAK
    assert [(seq, found) for seq, found in faults(points, keep, strict=strict) if found] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_after_a_power_failure_the_import_goes_on_to_the_same_end(
    run: Run, tmp_path: Path, seed: int
) -> None:
    seq = Random(seed).randrange(run.trace.last)
    image = run.trace.image_at(
        seq, tmp_path / "image", keep_unsynced="random", seed=seed, strict_directories=bool(seed % 2)
    )
    with wiring.opened(settings(image), writing=True, at=lambda: NOW) as house:
        imports.run(house, order(house, run.listed), batch=BATCH)
        assert opened_record(house) == run.whole
        assert (house.rejects / "import-1.csv").read_bytes() == run.rejects
        assert cached_facts(cache.catch_up(house, house.writing().terms.cell(*CELL))) == run.facts
        assert cache_faults(house) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_second_power_failure_while_the_import_goes_on_loses_nothing_either(
    run: Run, tmp_path: Path, seed: int
) -> None:
    seq = Random(seed).randrange(run.trace.last // 2)
    root = run.trace.image_at(seq, tmp_path / "root", keep_unsynced="random", seed=seed)
    again = msgspec.structs.replace(run, trace=recorded(root, run.listed))
    for point in crash_points(again.trace, POINTS // 5, seed=seed):
        image = again.trace.image_at(point, tmp_path / "image", keep_unsynced="random", seed=seed)
        assert faults_of(image, again, point) == []
        shutil.rmtree(image)


def later(run: Run, most: int) -> list[int]:
    """Crash points of the run's later nine tenths, in random order."""
    points = [seq for seq in crash_points(run.trace, 10 * most, seed=13) if seq > run.trace.last // 10]
    Random(17).shuffle(points)
    return points[:most]


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    ["main.db-wal", "keys/keys.db-wal", "main.db", "keys/keys.db", "rejects/import-1.csv"],
    ids=["main log", "key log", "main checkpoint", "key checkpoint", "rejects"],
)
def test_taking_away_one_class_of_sync_is_found_out(run: Run, faults: Faults, path: str) -> None:
    assert any(found for _, found in faults(later(run, 40), "none", lambda op: op.path == path))


def test_taking_away_the_syncs_of_column_files_is_found_out(run: Run, faults: Faults) -> None:
    def drop(op: Op) -> bool:
        return op.path.startswith("columns/") and op.path.endswith(".arrow")

    assert any(found for _, found in faults(later(run, 40), "none", drop))


@pytest.mark.parametrize("directory", ["", "rejects"], ids=["workspace", "rejects"])
def test_taking_away_the_sync_of_the_rejects_names_is_found_out(
    run: Run, faults: Faults, directory: str
) -> None:
    made = next(op.seq for op in run.trace.ops if op.kind is Kind.MKDIR and op.path == "rejects")
    walk = faults(later(run, 40), "none", lambda op: op.path == directory and op.seq > made, strict=True)
    assert any(found for _, found in walk)


def renamed(run: Run) -> list[int]:
    """Where a new manifest of the column files takes the old one's place."""
    return [op.seq for op in run.trace.ops if op.kind is Kind.RENAME and op.target == "columns/manifest.json"]


@pytest.mark.slow
@pytest.mark.parametrize("side", [-1, 1], ids=["before the rename", "after the rename"])
def test_taking_away_a_sync_of_the_column_files_names_is_found_out(
    run: Run, faults: Faults, side: int
) -> None:
    """The files' names before a manifest names them; the manifest's before the files of the old one go."""
    gone = {seq + side for seq in renamed(run)}
    assert all(op.kind is Kind.SYNC and op.path == "columns" for op in run.trace.ops if op.seq in gone)
    soon = [seq + distance for seq in renamed(run) for distance in (0, 1, 2, 3)]
    assert [found for _, found in faults(soon, "random", strict=True) if found] == []
    assert any(found for _, found in faults(soon, "random", lambda op: op.seq in gone, strict=True))


def test_a_manifest_that_was_never_synced_costs_a_rebuild_and_nothing_else(run: Run, tmp_path: Path) -> None:
    """The one redundant sync: column files are a cache, and a manifest that cannot be read is no manifest."""
    seq = renamed(run)[-1] + 1
    image = run.trace.image_at(seq, tmp_path / "image", drop_syncs=lambda op: "manifest" in op.path)
    assert (image / "columns" / "manifest.json").read_bytes() == b""
    with wiring.opened(settings(image), writing=True, at=lambda: NOW) as house:
        imports.run(house, order(house, run.listed), batch=BATCH)
        assert cached_facts(cache.catch_up(house, house.writing().terms.cell(*CELL))) == run.facts
