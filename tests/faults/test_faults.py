"""The rig itself is proven: a correct program passes, and each sync that is taken away is missed.

The program under test is the shape of Amana's write path in plain sqlite3: a key is committed in its own
database first, then the row that needs it in the main one, then the answer is given.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from disk import KeepUnsynced, Kind, Op, Trace, read_trace
from rig import crash_points, kill_at_random, run_recorded

from amana.errors import VerificationFailed

TWO_DATABASES = """
import os, sqlite3

def opened(name, table):
    db = sqlite3.connect(os.path.join(os.environ["AMANA_FAULTS_ROOT"], name), isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = " + os.environ["SYNCHRONOUS"])
    db.execute("PRAGMA wal_autocheckpoint = 6")
    db.execute(table)
    return db

keys = opened("keys.db", "CREATE TABLE IF NOT EXISTS key (id INTEGER PRIMARY KEY, secret BLOB)")
main = opened("main.db", "CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, key INTEGER, body BLOB)")
first = main.execute("SELECT coalesce(max(id), 0) + 1 FROM event").fetchone()[0]
for number in range(first, first + int(os.environ["ROWS"])):
    keys.execute("INSERT OR IGNORE INTO key VALUES (?, ?)", (number, bytes(32)))
    main.execute("INSERT INTO event VALUES (?, ?, ?)", (number, number, bytes(300)))
    os.write(1, b"%d\\n" % number)
"""

FILES = {
    "the main write-ahead log": "main.db-wal",
    "the keys' write-ahead log": "keys.db-wal",
    "the main database at a checkpoint": "main.db",
    "the key database at a checkpoint": "keys.db",
}


def rows_of(database: Path, query: str) -> set[int]:
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA synchronous = OFF")  # closing checkpoints; the image itself need not be durable
        (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        assert verdict == "ok"
        (made,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return {number for (number,) in db.execute(query)} if made else set()


def faults_of(image: Path, acks: tuple[str, ...]) -> list[str]:
    """What is wrong with a disk: empty when every promise is kept."""
    try:
        keys = rows_of(image / "keys.db", "SELECT id FROM key")
        events = rows_of(image / "main.db", "SELECT key FROM event")
    except (sqlite3.DatabaseError, AssertionError) as broken:
        return [f"broken: {broken}"]
    lost, orphaned = {int(line) for line in acks} - events, events - keys
    return [f"{word}: {sorted(rows)}" for word, rows in (("lost", lost), ("no key", orphaned)) if rows]


Faults = Callable[..., Iterator[tuple[int, list[str]]]]


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    """A walk over crash points: yields each point with what is wrong there."""

    def walk(
        trace: Trace,
        points: list[int],
        keep: KeepUnsynced = "none",
        drop_syncs: Callable[[Op], bool] = lambda _: False,
    ) -> Iterator[tuple[int, list[str]]]:
        for number, seq in enumerate(points):
            image = trace.image_at(
                seq, tmp_path / f"image{number}-{keep}", keep_unsynced=keep, drop_syncs=drop_syncs, seed=1
            )
            found = faults_of(image, trace.acks_before(seq))
            for file in image.iterdir():
                file.unlink()
            image.rmdir()
            yield seq, found

    return walk


def recorded(root: Path, synchronous: str) -> Trace:
    return run_recorded(TWO_DATABASES, root, {"SYNCHRONOUS": synchronous, "ROWS": "150"})


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """A run of the correct program, with commits, checkpoints and answers."""
    trace = recorded(tmp_path_factory.mktemp("full"), "FULL")
    assert trace.acks_before(trace.last) == tuple(str(n) for n in range(1, 151))
    syncs = [op.path for op in trace.ops if op.kind is Kind.SYNC]
    assert all(syncs.count(path) > 20 for path in FILES.values()), "too few checkpoints to prove anything"
    return trace


@pytest.mark.parametrize("keep", ["none", "random"])
def test_a_program_that_syncs_keeps_every_promise_at_every_crash_point(
    full: Trace, faults: Faults, keep: KeepUnsynced
) -> None:
    points = crash_points(full, 200, seed=1)
    assert len(points) == 200
    assert [(seq, found) for seq, found in faults(full, points, keep) if found] == []


@pytest.mark.parametrize("keep", ["none", "random"])
def test_a_program_that_never_syncs_is_found_out(tmp_path: Path, faults: Faults, keep: KeepUnsynced) -> None:
    careless = recorded(tmp_path / "off", "OFF")
    failing = [seq for seq, found in faults(careless, crash_points(careless, 60, seed=1), keep) if found]
    assert len(failing) > 30


@pytest.mark.parametrize("path", FILES.values(), ids=FILES.keys())
def test_taking_away_one_class_of_sync_is_found_out(full: Trace, faults: Faults, path: str) -> None:
    points = [seq for seq in crash_points(full, 200, seed=1) if seq > full.last // 10]
    assert any(found for _, found in faults(full, points, "none", lambda op: op.path == path))


@pytest.mark.parametrize("path", ["main.db", "keys.db"])
def test_taking_away_one_checkpoints_sync_is_found_out(full: Trace, faults: Faults, path: str) -> None:
    """Not the whole class but a single call in the middle of the run."""
    calls = [op.seq for op in full.ops if op.kind is Kind.SYNC and op.path == path]
    gone, following = calls[len(calls) // 2 : len(calls) // 2 + 2]
    walked = faults(full, list(range(gone, following)), "none", lambda op: op.seq == gone)
    assert any(found for _, found in walked)


def test_kill_minus_nine_does_not_find_the_missing_syncs(tmp_path: Path) -> None:
    """Why the recorder exists: the page cache survives the process, so nothing acknowledged is lost."""
    env = {"SYNCHRONOUS": "OFF", "ROWS": "100000", "AMANA_FAULTS_ROOT": str(tmp_path)}
    said: list[str] = []
    for killed in kill_at_random(
        TWO_DATABASES, 6, seed=1, delay_range=(0.05, 0.2), env=env, ack_range=(5, 40)
    ):
        assert killed.returncode == -9, killed.stderr
        said += killed.acks
        assert faults_of(tmp_path, tuple(said)) == []
    assert len(said) > 15


EVERY_WAY_OF_WRITING = """
import os, random, shutil, subprocess, sys, threading

def work(name, seed):
    rng, here = random.Random(seed), os.path.join(os.environ["AMANA_FAULTS_ROOT"], name)
    os.mkdir(here)
    for turn in range(60):
        path, other = (f"{here}/{rng.randrange(5)}" for _ in range(2))
        data = rng.randbytes(rng.randrange(1, 2000))
        fd = os.open(path, os.O_RDWR | os.O_CREAT | rng.choice((0, os.O_TRUNC, os.O_APPEND, os.O_DSYNC)))
        os.write(fd, data)
        os.pwrite(fd, data, rng.randrange(3000))
        os.writev(fd, [data, b"more", data])
        os.pwritev(fd, [data, b"more"], rng.randrange(3000))
        copy = os.dup(fd)
        os.close(fd)
        shorter = lambda path: os.truncate(path, rng.randrange(500))
        rng.choice((os.unlink, lambda path: os.rename(path, other), shorter))(path)
        os.write(copy, b"after the name has changed")
        os.ftruncate(copy, rng.randrange(4000))
        rng.choice((os.fsync, os.fdatasync))(copy)
        os.close(copy)
    with open(path, "wb") as file:
        file.write(b"buffered")
    shutil.copyfile(path, here + "/copied")
    os.link(path, here + "/linked")
    os.mkdir(here + "/empty/")
    os.rmdir(here + "/empty")
    os.rename(here, here + "-moved")

def everywhere(tasks):
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()

if os.environ.pop("TOP", ""):
    everywhere([threading.Thread(target=work, args=(f"thread{n}", n)) for n in range(2)])
    forked = os.fork()
    if not forked:
        everywhere([threading.Thread(target=work, args=(f"forked{n}", n)) for n in range(2)])
        os._exit(0)
    subprocess.run([sys.executable, "-c", os.environ["PROGRAM"]], check=True)
    assert os.waitpid(forked, 0)[1] == 0
else:
    work("spawned", 8)
    os.chdir(os.environ["AMANA_FAULTS_ROOT"])
    os.replace("spawned-moved/copied", "./spawned-moved/../replaced")
print("done", flush=True)
"""


def test_every_way_of_writing_is_recorded_across_processes(tmp_path: Path) -> None:
    """run_recorded itself refuses a trace that does not replay to the files that are really there."""
    program = EVERY_WAY_OF_WRITING
    trace = run_recorded(program, tmp_path / "root", {"TOP": "1", "PROGRAM": program})
    assert len({op.pid for op in trace.ops}) == 3
    assert {op.kind for op in trace.ops} >= set(Kind) - {Kind.SYNC_ALL, Kind.SYNC_RANGE}
    assert trace.acks_before(trace.last) == ("done", "done")


def test_a_write_through_a_memory_map_is_refused_not_overlooked(tmp_path: Path) -> None:
    program = """
import mmap, os
with open(os.environ["AMANA_FAULTS_ROOT"] + "/mapped", "w+b") as file:
    file.write(bytes(4096))
    file.flush()
    with mmap.mmap(file.fileno(), 4096) as memory:
        memory[:6] = b"hidden"
"""
    with pytest.raises(VerificationFailed, match="1 differing: mapped"):
        run_recorded(program, tmp_path)


def test_what_stood_there_before_is_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"before")
    (tmp_path / "sub").mkdir()
    trace = run_recorded("import os; os.remove(os.environ['AMANA_FAULTS_ROOT'] + '/kept')", tmp_path)
    assert trace.files_at(0) == {"kept": b"before", "sub": None}
    assert trace.files_at(trace.last) == {"kept": b"before", "sub": None}
    assert trace.files_at(trace.last, keep_unsynced="all") == {"sub": None}


def test_a_descriptor_opened_for_synchronous_writing_needs_no_sync(tmp_path: Path) -> None:
    program = """
import os
for name, flag in (("plain", 0), ("synchronous", os.O_DSYNC)):
    path = os.path.join(os.environ["AMANA_FAULTS_ROOT"], name)
    os.write(os.open(path, os.O_WRONLY | os.O_CREAT | flag), b"x")
"""
    trace = run_recorded(program, tmp_path)
    assert trace.files_at(trace.last) == {"plain": b"", "synchronous": b"x"}


def test_racing_writers_are_recorded_in_the_order_in_which_the_file_took_them(tmp_path: Path) -> None:
    """Refused by run_recorded itself where the replay joins the pieces in another order than the file."""
    program = """
import os, threading
path = os.path.join(os.environ["AMANA_FAULTS_ROOT"], "shared")
log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def race(name):
    for _ in range(1500):
        os.write(log, name)

other = os.fork()
names = [b"forked %d" % n if other else b"%d" % n for n in range(2)]
threads = [threading.Thread(target=race, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if other:
    assert os.waitpid(other, 0)[1] == 0
"""
    assert len(run_recorded(program, tmp_path).ops) == 1 + 4 * 1500


def test_what_one_thread_said_is_ordered_against_the_syncs_of_another(tmp_path: Path) -> None:
    program = """
import os, queue, threading
path = os.path.join(os.environ["AMANA_FAULTS_ROOT"], "log")
log, synced = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), queue.Queue()

def write():
    for number in range(200):
        os.write(log, b"%d\\n" % number)
        os.fsync(log)
        synced.put(number)

threading.Thread(target=write).start()
for _ in range(200):
    os.write(1, b"%d\\n" % synced.get())
"""
    trace = run_recorded(program, tmp_path)
    for seq in range(trace.last + 1):
        kept = (trace.files_at(seq).get("log") or b"").decode().splitlines()
        assert set(trace.acks_before(seq)) <= set(kept)


def test_a_file_moved_into_the_root_is_copied_so_that_its_content_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"moved")
    program = (
        f"import os, shutil; shutil.move({str(tmp_path / 'outside')!r}, os.environ['AMANA_FAULTS_ROOT'])"
    )
    trace = run_recorded(program, tmp_path / "root")
    assert trace.files_at(trace.last, keep_unsynced="all") == {"outside": b"moved"}


def test_files_outside_the_root_are_not_recorded(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    program = f"open({str(tmp_path / 'root-beside')!r}, 'w').write('x'); open('/dev/null', 'w').write('x')"
    assert run_recorded(program, tmp_path / "root").ops == ()


def test_a_failing_program_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match="on purpose"):
        run_recorded("raise SystemExit('on purpose')", tmp_path)


def test_a_program_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_recorded([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, timeout=0.3)


def test_a_trace_cut_short_by_a_kill_is_read_up_to_its_last_whole_record(tmp_path: Path) -> None:
    record = b"AMF1" + bytes([Kind.ACK]) + bytes(4 + 8 + 8 + 8 + 4 + 4) + b"\x02\0\0\0" + b"k\n"
    (tmp_path / "trace").write_bytes(record + record[:-1])
    assert [op.payload for op in read_trace(tmp_path / "trace")] == [b"k\n"]


def test_crash_points_are_repeatable_and_near_promises(full: Trace) -> None:
    points = crash_points(full, 200, seed=3)
    assert points == crash_points(full, 200, seed=3) != crash_points(full, 200, seed=4)
    assert len(set(points)) == 200
    assert points[0] == 0
    assert points[-1] == full.last
    assert crash_points(full, 10**6, seed=3) == list(range(full.last + 1))


def test_a_run_that_is_not_killed_in_time_ends_by_itself() -> None:
    (killed,) = kill_at_random("print('one'); print('two')", 1, seed=0, delay_range=(30, 30))
    assert (killed.acks, killed.returncode) == (("one", "two"), 0)


def test_a_program_is_killed_after_a_chosen_acknowledgement() -> None:
    talker = "import os, time\nwhile True: os.write(1, b'said\\n'); time.sleep(0.02)"
    _, second = kill_at_random(talker, 2, seed=0, delay_range=(0, 0), ack_range=(3, 3))
    assert second.returncode == -9
    assert 3 <= len(second.acks) <= 5
