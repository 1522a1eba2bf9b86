"""Figures: how they are taken, and how they are shown.

Rule. Contenders of one comparison run in turn, round by round, so that a machine that slows down slows all of them; the
best round counts, and the ratio is taken between figures of the same run. Seconds are wall seconds of a monotonic clock;
processor seconds, of all threads together, stand beside them, because they move less on a busy machine.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Figure(NamedTuple):
    """One line of the table."""

    section: str
    what: str
    seconds: float  # for all of `count`
    cpu: float  # processor seconds of the same; 0 where another process did the work
    count: int
    unit: str = "people"
    against: float = 0.0  # seconds for as many of what the section compares with; 0: no comparison
    note: str = ""


class Spent(NamedTuple):
    """Seconds by the clock on the wall and by the processor's."""

    wall: float
    cpu: float


def spent(run: Callable[[], object]) -> Spent:
    """What one call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def in_turn(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Spent]:
    """The best seconds of each contender. The first round warms up and counts only if it is the only one."""
    best = dict.fromkeys(contenders, Spent(float("inf"), float("inf")))
    for turn in range(rounds + 1 if rounds > 1 else 1):
        for name, run in contenders.items():
            took = spent(run)
            if turn or rounds == 1:
                best[name] = min(best[name], took)
    return best


def show(figures: list[Figure]) -> None:
    """Print one table of everything."""
    table = Table(title=machine(), title_justify="left")
    for name in ("section", "what", "seconds", "cpu", "of", "each", "per second", "ratio", "note"):
        table.add_column(name, justify="left" if name in ("section", "what", "note") else "right")
    for one in figures:
        table.add_row(
            one.section,
            one.what,
            f"{one.seconds:,.3f}" if one.seconds else "",
            f"{one.cpu:,.3f}" if one.cpu else "",
            f"{one.count:,} {one.unit}",
            _short(one.seconds / max(one.count, 1)) if one.seconds else "",
            f"{one.count / one.seconds:,.0f}" if one.seconds else "",
            f"{one.seconds / one.against:,.1f}" if one.against else "",
            one.note,
        )
    Console(width=170).print(table)


def machine() -> str:
    """Processor, threads, system and Python."""
    names = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    processor = f"{len(names)} x {names[0]}" if names else platform.processor()
    return f"{processor}; {platform.system()}; Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            return stream.readlines()
    except FileNotFoundError:
        return []


def _short(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e9:.1f} ns"
