"""A workspace that was said to be made outlasts a power failure; before that, opening it says plainly what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from crash_checks import BROKEN, record_of
from crash_world import DEFINITION
from disk import KeepUnsynced, Op, Trace
from rig import ROOT, crash_points, run_recorded

from amana import errors

PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import crash_world
from pathlib import Path
crash_world.wiring.create(crash_world.settings(Path(os.environ[{ROOT!r}])), crash_world.DEFINITION)
crash_world.acknowledge("made")
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return run_recorded([sys.executable, "-c", PROGRAM], tmp_path_factory.mktemp("made"))


Opens = Callable[..., Iterator[tuple[int, Exception | None]]]


@pytest.fixture
def opens(trace: Trace, tmp_path: Path) -> Opens:
    """A walk over crash points: yields each with what opening the disk raised."""

    def walk(
        points: Sequence[int], keep: KeepUnsynced, drop: Callable[[Op], bool] = lambda _: False
    ) -> Iterator[tuple[int, Exception | None]]:
        for seq in points:
            image = trace.image_at(seq, tmp_path / "image", keep_unsynced=keep, drop_syncs=drop, seed=seq)
            yield seq, opening(image)
            shutil.rmtree(image)

    return walk


def opening(image: Path) -> Exception | None:
    """What is wrong with a workspace as it was made: its text, its keys, its published notice."""
    try:
        record = record_of(image)
    except BROKEN as broken:
        return broken
    whole = len(record.events) == 1 and (image / "amana.toml").read_text() == DEFINITION
    return None if whole else errors.VerificationFailed("the workspace is not whole")


@pytest.mark.parametrize("keep", ["none", "random"])
def test_a_workspace_opens_once_it_was_said_to_be_made_and_fails_plainly_before(
    trace: Trace, opens: Opens, keep: KeepUnsynced
) -> None:
    found = list(opens(crash_points(trace, 60, seed=1), keep))
    assert found[0][1] is not None, "nothing was made yet"
    assert [failed for seq, failed in found if trace.acks_before(seq) and failed] == []
    assert {type(failed) for _, failed in found if failed} <= set(errors.AmanaError.__subclasses__())


@pytest.mark.parametrize(
    "file", ["amana.toml", "root.key", "main.db", "keys.db"], ids=["text", "root", "main", "keys"]
)
def test_taking_away_a_sync_from_the_making_is_found_out(trace: Trace, opens: Opens, file: str) -> None:
    """The write-ahead logs are not among them: the databases are closed, and so checkpointed, before the answer."""
    points = [seq for seq in crash_points(trace, 400, seed=1) if trace.acks_before(seq)]
    Random(1).shuffle(points)
    assert any(failed for _, failed in opens(points, "none", lambda op: op.path.endswith(file)))
