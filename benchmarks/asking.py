"""How fast one person is asked about: the whole decision, on SQLite, in a workspace made by a real import.

Rule. People are asked about in random order, one after the other, on one thread; each answer has all reasons, the
evidence, the law cited and its validity. The first thousand warm up and do not count. The plain read of a row by its
key through the same driver stands beside it. Percentiles are of single calls.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import lists
from amana import wiring
from amana.services.gate.asking import Gate
from amana.services.record.house import House
from amana.settings import Settings
from figures import Figure, spent

SECTION = "asking"
PEOPLE = 100_000
ASKS = 20_000
WARM = 1_000


def figures(size: int) -> list[Figure]:
    """All figures, on at least a hundred thousand people and at most a million."""
    people = min(max(size, PEOPLE), 1_000_000)
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        folder = Path(name)
        settings = Settings(workspace=folder / "workspace", actor="benchmark")
        wiring.create(settings, lists.WORKSPACE)
        lists.write(folder / "list.csv", people)
        with wiring.opened(settings, writing=True) as house:
            lists.imported(house, folder / "list.csv")
            return [
                *_asks(house, people, remedies=False),
                *_asks(house, people, remedies=True),
                _read(house, people),
            ]


def _asks(house: House, people: int, *, remedies: bool) -> list[Figure]:
    draw = random.Random(7)
    gate = Gate(house, with_remedies=remedies)
    at = house.clock()
    count = ASKS // 10 if remedies else ASKS
    times: list[float] = []
    allowed = 0
    cpu = 0.0
    try:
        for turn in range(WARM + count):
            person = draw.randrange(1, people + 1)
            if turn == WARM:
                cpu = time.process_time()
            started = time.perf_counter()
            answer = gate.ask(person, lists.QUESTION, at)
            if turn >= WARM:
                times.append(time.perf_counter() - started)
                allowed += answer.allow
    finally:
        gate.close()
    cpu = time.process_time() - cpu
    times.sort()
    p50, p99 = statistics.median(times), times[len(times) * 99 // 100]
    what = "one person, the whole decision" + (", with what would change a refusal" if remedies else "")
    note = f"p50 {p50 * 1e6:.0f} µs, p99 {p99 * 1e6:.0f} µs; {allowed / count:.0%} allowed; {people:,} people"
    return [Figure(SECTION, what, sum(times), cpu, count, "asks", note=note)]


def _read(house: House, people: int) -> Figure:
    """The floor: reading one row by its key through the driver, undecoded."""
    draw = random.Random(7)
    connection = sqlite3.connect(house.folder / wiring.MAIN)
    wanted = [draw.randrange(1, people + 1) for _ in range(ASKS)]

    def read() -> None:
        for person in wanted:
            connection.execute("SELECT * FROM person WHERE id = ?", (person,)).fetchone()

    took = spent(read)
    connection.close()
    return Figure(SECTION, "reading the person's row, nothing else", *took, ASKS, "reads")
