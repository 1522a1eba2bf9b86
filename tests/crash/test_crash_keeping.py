"""What the keepers of a record were told outlasts a power failure: journal, erasures, published log, a witness's memory.

A recorded run withdraws, forgets, publishes, has cosigned, rotates and backs up. On each disk that a failure could leave,
what was said before it is there, and what was forgotten is in no file. Without any one of the syncs that is not so.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import keeping_driver
import msgspec
import pytest
from crash_checks import BROKEN
from crash_world import World, order, write_list
from disk import KeepUnsynced, Kind, Op, Trace
from keeping_driver import LATER, Kept
from rig import crash_points, run_recorded

from amana import errors
from amana.core.vocabulary import Status
from amana.ledger import checkpoint
from amana.services.collection import imports
from amana.services.keeping import audit, backup, forget, journal
from amana.services.record import history, publication
from amana.services.record.house import House
from amana.services.record.writing import month_of
from amana.storage import log, points

ROWS, POINTS = 40, 40
DRIVER = str(Path(__file__).with_name("keeping_driver.py"))

Drop = Callable[[Op], bool]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded run, and what stands nowhere once a person is forgotten."""

    trace: Trace
    needles: dict[int, list[bytes]]

    def kept(self, seq: int) -> list[Kept]:
        return [msgspec.json.decode(line, type=Kept) for line in self.trace.acks_before(seq)]


@pytest.fixture(scope="module")
def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("kept")
    world.copy_to(root / "workspace")
    listed = write_list(root.parent / "kept.csv", ROWS)
    for name in ("journal", "backups"):
        (root / name).mkdir()
    with keeping_driver.opened(root) as house:
        imports.run(house, order(house, listed))
        with house.database.read() as connection:
            people = sorted(points.of_people(connection, range(1, ROWS)))[:6]
        needles = {person: keeping_driver.needles_of(house, person) for person in people[1::2]}
    (root / "journal" / "refusals.journal").unlink()
    trace = run_recorded([sys.executable, DRIVER, str(root), *map(str, people)], root)
    for line in trace.acks_before(trace.last):
        told = msgspec.json.decode(line, type=Kept)
        if told.added:
            needles[told.added] = [bytes.fromhex(one) for one in told.needles]
    return Run(trace=trace, needles=needles)


def faults_of(image: Path, run: Run, seq: int) -> list[str]:
    """What is wrong with a disk: empty when every promise is kept."""
    kept = run.kept(seq)
    try:
        forgotten = {one.forgotten for one in kept if one.forgotten}
        standing = [
            f"p{person} stands in {name}" for person in forgotten for name in found(image, run, person)
        ]
        with keeping_driver.opened(image, LATER) as house:
            forget.finish(house)
            audit.full(house)
            return standing + lost_from_record(house, kept) + lost_beside(image, house, kept)
    except (*BROKEN, errors.AmanaError, OSError) as broken:
        return [f"broken: {broken}"]


def found(image: Path, run: Run, person: int) -> Iterator[str]:
    """The files in which something of a person stands."""
    for path in sorted((image / "workspace").rglob("*")):
        if path.is_file() and any(needle in path.read_bytes() for needle in run.needles[person]):
            yield path.name


def lost_from_record(house: House, kept: Sequence[Kept]) -> Iterator[str] | list[str]:
    """Withdrawals that are not in the log, or not in the journal; people who are back."""
    with house.database.read() as connection:
        ids = {row.id.hex() for row in log.all_events(connection)}
    assert house.journal is not None
    lines = list(journal._lines(house.journal, journal.code_key(house.keys)))
    noted = sum(line is not None and line.what == Status.WITHDRAWN.value for line in lines)
    wanted = [one.withdrawn for one in kept if one.withdrawn]
    lost = [f"withdrawal {one}" for one in wanted if one not in ids]
    months = {month for month, keys in house.keys.epochs().items() if keys}
    if any(one.rotated for one in kept) and months != {month_of(LATER)}:
        lost.append("the rotation")
    lost += ["a line of the journal"] * (None in lines or noted < len(wanted))
    for one in kept:
        if one.forgotten and house.keys.known_keys([one.forgotten]):
            lost.append(f"the key of p{one.forgotten} is back")
        if one.forgotten:
            with pytest.raises(errors.NotFound, match="erased"):
                history.not_erased(house, one.forgotten)
    return lost


def lost_beside(image: Path, house: House, kept: Sequence[Kept]) -> list[str]:
    """What was published, cosigned or backed up, and is not there."""
    lost: list[str] = []
    key = publication.log_key(house)
    published = max((one.published for one in kept), default=0)
    if published and publication.check(image / "published", key).size < published:
        lost.append("published entries")
    cosigned = max((one.cosigned for one in kept), default=0)
    if cosigned:
        with keeping_driver.witness(image, house) as one:
            held = one.latest(sha256(key.name.encode()).hexdigest())
            if held.status != 200 or checkpoint.verify(held.body, key, [one.key]).checkpoint.size < cosigned:
                lost.append("what the witness cosigned")
    backed_up = max((one.backed_up for one in kept), default=0)
    folders = image / "backups" / "record", image / "backups" / "keys"
    if backed_up and backup.verify(*folders).size < backed_up:
        lost.append("the backup")
    return lost


Faults = Callable[..., Iterator[list[str]]]


@pytest.fixture
def faults(run: Run, tmp_path: Path) -> Faults:
    """A walk over crash points: yields what is wrong with each disk."""

    def walk(
        points: Sequence[int],
        keep: KeepUnsynced = "none",
        drop: Drop = lambda _: False,
        *,
        strict: bool = False,
    ) -> Iterator[list[str]]:
        for seq in points:
            image = run.trace.image_at(
                seq,
                tmp_path / "image",
                keep_unsynced=keep,
                drop_syncs=drop,
                seed=seq,
                strict_directories=strict,
            )
            yield faults_of(image, run, seq)
            shutil.rmtree(image)

    return walk


def after_promises(run: Run) -> list[int]:
    """The moments right after something was said."""
    return [op.seq for op in run.trace.ops if op.kind is Kind.ACK]


def test_the_run_keeps_everything_that_it_says(run: Run, faults: Faults) -> None:
    said = run.kept(run.trace.last)
    times = {name: sum(bool(getattr(one, name)) for one in said) for name in Kept.__struct_fields__}
    assert (times["withdrawn"], times["forgotten"], times["published"], times["cosigned"]) == (3, 6, 3, 3)
    assert (times["rotated"], times["backed_up"]) == (1, 1)
    assert list(faults([run.trace.last], "none", strict=True)) == [[]]


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["ordered names", "names by directory"])
@pytest.mark.parametrize("keep", ["none", "random"])
def test_what_the_keepers_were_told_outlasts_a_power_failure(
    run: Run, faults: Faults, keep: KeepUnsynced, strict: bool
) -> None:
    points = sorted({*crash_points(run.trace, POINTS, seed=5), *after_promises(run)})
    assert {one for wrong in faults(points, keep, strict=strict) for one in wrong} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "ends",
    [
        "workspace/main.db-wal",
        "workspace/main.db",
        "workspace/keys/keys.db-wal",
        "workspace/keys/keys.db",
        "journal/refusals.journal",
        "published/.checkpoint.new",
        "tile/0/000.p/.N.new",
        "tile/entries/000.p/.N.new",
        "witness/witness.key",
        "witness/state/.N.new",
        "backups/record/main.db",
        "backups/record/amana.toml",
        "backups/record/.manifest.json.record",
        "backups/keys/keys.db",
        "backups/keys/.manifest.json.keys",
    ],
)
def test_taking_away_the_syncs_of_one_file_is_found_out(run: Run, faults: Faults, ends: str) -> None:
    def drop(op: Op) -> bool:
        return fnmatch(op.path, "*" + ends.replace("N", "*"))

    assert any(drop(op) for op in run.trace.ops if op.kind is Kind.SYNC), "there is such a sync"
    assert any(faults(after_promises(run), "none", drop))


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    ["", "journal", "published", "published/tile/0/000.p", "witness", "witness/state", "backups/record"],
)
def test_taking_away_the_syncs_of_one_folders_names_is_found_out(run: Run, faults: Faults, path: str) -> None:
    assert any(op.path == path for op in run.trace.ops if op.kind is Kind.SYNC), "there is such a sync"
    assert any(faults(after_promises(run), "none", lambda op: op.path == path, strict=True))


def test_a_key_log_whose_emptying_was_not_synced_brings_the_forgotten_back(run: Run, faults: Faults) -> None:
    """SQLite does not sync the truncation of its log; of the main log, the next commit does."""
    of_log = [op for op in run.trace.ops if op.path.endswith("keys.db-wal")]
    emptied = {
        after.seq
        for before, after in pairwise(of_log)
        if (before.kind, before.length, after.kind) == (Kind.TRUNCATE, 0, Kind.SYNC)
    }
    assert emptied
    wrong = list(faults(after_promises(run), "none", lambda op: op.seq in emptied))
    assert any("stands in keys.db-wal" in one for found in wrong for one in found)
