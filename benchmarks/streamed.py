"""More people than fit in memory: files on disk, screened part by part, in a process that tells what memory it took.

Rule. Each part is a folder of columns of at most ten million people, as `generate` makes them, with what a screen
computes for its moment on disk too. A child process maps one part after the other, screens it and keeps the counts; its
peak is told twice: all resident pages, mapped files among them, which the system takes back when it needs them, and the
memory that is the process's own. The first pass reads what the page cache does not hold, the second is as warm as
memory allows.

    python benchmarks/streamed.py FOLDER --size 100m [--keep]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import generate
from amana import wiring
from amana.columns.store import ColumnStore
from amana.core import public_holidays
from amana.core.plan import Circumstances, Plan, Question
from amana.core.vocabulary import Channel
from amana.screening import engines
from figures import Figure, show

SECTION = "streamed"
PART = 10_000_000
PASSES = 2
ENGINES = ("numba", "numpy", "duckdb")


def figures(size: int, folder: Path | None = None) -> list[Figure]:
    """All figures; the files are made in a temporary folder, or in the named one, which keeps them."""
    if folder is not None:
        return _figures(folder, size)
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        return _figures(Path(name), size)


def _figures(folder: Path, size: int) -> list[Figure]:
    parts = _written(folder, size)
    found = []
    for engine in ENGINES if parts == 1 else ENGINES[:2]:
        program = [sys.executable, __file__, str(folder), "--engine", engine, "--parts", str(parts)]
        told = subprocess.run(program, capture_output=True, text=True, check=True).stdout
        for number, one in enumerate(json.loads(told)["passes"], start=1):
            note = f"pass {number} of {parts} parts; slowest part {one['slowest']:.2f} s, median {one['median']:.2f} s"
            found.append(
                Figure(SECTION, f"engine {engine}, from files", one["wall"], one["cpu"], size, note=note)
            )
        memory = json.loads(told)
        note = f"{memory['resident'] / 1e9:.2f} GB with mapped files, {memory['own'] / 1e9:.2f} GB its own"
        found.append(Figure(SECTION, f"engine {engine}, peak memory", 0, 0, size, note=note))
    return found


def _written(folder: Path, size: int) -> int:
    parts = -(-size // PART)
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(parts):
        place = folder / f"part-{part}"
        if not place.exists():
            rows = min(PART, size - part * PART)
            building = folder / f"new-{part}"
            shutil.rmtree(building, ignore_errors=True)
            # the law's regimes follow from the seed: each part has its own
            generate.written(building, rows, generate.SEED + part, (Channel.EMAIL,), momentary=True)
            building.rename(place)
            print(f"part {part + 1} of {parts} is written", file=sys.stderr, flush=True)
    return parts


def _measured(folder: Path, parts: int, name: str) -> dict[str, object]:
    """Screen every part, `PASSES` times."""
    engine = engines.named(name)
    cell = generate.CELLS[Channel.EMAIL]
    mine = Circumstances(served=generate.SERVED, stored_in="DE", notice_floor=2, cap_week=5, cap_month=12)
    question = Question(cell=cell, channel=Channel.EMAIL, at=generate.NOW, circumstances=mine)
    plan = Plan(wiring.law_book(), question, public_holidays.in_place)
    watch = _Watch()
    passes, totals = [], []
    for _ in range(PASSES):
        wall, cpu, each = time.perf_counter(), time.process_time(), []
        sets: Counter[int] = Counter()
        for part in range(parts):
            started = time.perf_counter()
            store = ColumnStore(folder / f"part-{part}")
            manifest, loaded = store.current(("person", f"cell-{cell}", "momentary"))
            facts = {column: values for one in loaded.values() for column, values in one.base.items()}
            law = [plan.law(regime) for regime in manifest.regimes]
            sets.update(engine.screen(facts, law, plan.ask).sets)
            each.append(time.perf_counter() - started)
        each.sort()
        passes.append(
            {
                "wall": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "slowest": each[-1],
                "median": each[len(each) // 2],
            }
        )
        totals.append(dict(sets))
    if any(one != totals[0] for one in totals):
        raise SystemExit("two passes over the same files differ")
    return {"passes": passes, "people": sum(totals[0].values()), **watch.ended()}


class _Watch:
    """Watches the memory of this process."""

    def __init__(self) -> None:
        self._own = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self._own = max(self._own, status("RssAnon"))

    def ended(self) -> dict[str, int]:
        """Peaks in bytes."""
        self._stop.set()
        self._thread.join()
        return {"own": self._own, "resident": status("VmHWM")}


def status(name: str) -> int:
    """A size that Linux tells of this process, in bytes; 0 elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Screen more people than fit in memory.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="10m")
    parser.add_argument("--engine", choices=ENGINES, help="measure one engine over the files that are there")
    parser.add_argument("--parts", type=int, default=1)
    given = parser.parse_args()
    if given.engine:
        print(json.dumps(_measured(given.folder, given.parts, given.engine)))
    else:
        show(figures(generate.sizes(given.size), given.folder))


if __name__ == "__main__":
    main()
