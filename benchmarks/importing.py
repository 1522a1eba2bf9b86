"""How fast a list comes in: read, recognised, sealed, proved, folded and durable, end to end.

Rule. The import is the product's own, in batches of a thousand rows, each one durable transaction on SQLite with
synchronous=FULL; the answer comes after the commit. Three passes over the same people: new people, the same people in
another file that says nothing new, and the same file again. Each pass is one process, so that its peak memory
is its own; process start and the reading of the law book are counted in none.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import lists
from amana import wiring
from amana.services.collection import imports
from amana.settings import Settings
from figures import Figure, spent

SECTION = "importing"
LARGEST = 1_000_000


def figures(size: int) -> list[Figure]:
    """All figures for so many rows, a million at most."""
    rows = min(size, LARGEST)
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        folder = Path(name)
        wiring.create(_settings(folder), lists.WORKSPACE)
        lists.write(folder / "first.csv", rows)
        lists.write(folder / "second.csv", rows, note="again")
        passes = (("new people", "first.csv"), ("the same people, another file", "second.csv"))
        found = [_figure(folder, what, file, rows) for what, file in passes]
        found.append(_figure(folder, "the same file again", "second.csv", rows))
        size_on_disk = sum(
            path.stat().st_size for path in (folder / "workspace").rglob("*") if path.is_file()
        )
    last = found[0]
    found[0] = last._replace(
        note=f"{last.note}; sealed and durable (FULL); {size_on_disk / rows:,.0f} bytes a person"
    )
    return found


def _figure(folder: Path, what: str, file: str, rows: int) -> Figure:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_pass, args=(folder, file, there))
    process.start()
    there.close()  # so that a process that fails is an end, not a wait
    took, peak, counts = here.recv()
    process.join()
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)
    return Figure(SECTION, what, *took, rows, "rows", note=f"peak {peak / 1e6:,.0f} MB; {told}")


def _pass(folder: Path, file: str, answer: Connection) -> None:
    with wiring.opened(_settings(folder), writing=True) as house:
        reports: list[imports.Report] = []
        took = spent(lambda: reports.append(lists.imported(house, folder / file)))
    report = reports[0]
    counts = (
        {}
        if report.repeated
        else {name: count for name, count in report.counts.items() if "bytes" not in name}
    )
    answer.send((took, _peak(), counts))


def _peak() -> int:
    """The most memory this process held, in bytes, not counting what its parent held when it started it."""
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _settings(folder: Path) -> Settings:
    return Settings(workspace=folder / "workspace", actor="benchmark")
