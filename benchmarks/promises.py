"""What was promised of speed at scale, beside what a run showed.

Rule. A promise is a number of the run's own figures, or a ratio of two of them, with its bound. Bounds hold for ten
million people on two cores with nothing else running; another size is shown all the same and says so. A promise whose
figures were not taken in this run is left out. Nothing here fails: it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from figures import Figure

Held = dict[str, Figure]


class Promise(NamedTuple):
    """One line: what, the bound, how it is read off, and whether less is better."""

    what: str
    bound: float
    unit: str
    read: Callable[[Held], float]
    less: bool = True


def _each(held: Held, name: str) -> float:
    one = held[name]
    return one.seconds / one.count


def _noted(held: Held, name: str, pattern: str) -> float:
    found = re.search(pattern, held[name].note)
    if found is None:
        raise KeyError(name)
    return float(found.group(1).replace(",", ""))


def _p99(what: str) -> Callable[[Held], float]:
    return lambda held: _noted(held, what, r"p99 ([\d,.]+) µs")


def _own(engine: str) -> Callable[[Held], float]:
    return lambda held: _noted(held, f"engine {engine}, peak memory", r"([\d.]+) GB its own")


def _loop(store: str) -> Callable[[Held], float]:
    name = f"keyset loop of a newsletter tool, {store}"
    return lambda held: _each(held, name) / _each(held, "engine numba")


READING = "reading the bytes, two threads"
PROMISES = (
    Promise("compiled loop", 0.15, "s", lambda held: held["engine numba"].seconds),
    Promise(
        "compiled loop × reading", 6, "×", lambda held: held["engine numba"].seconds / held[READING].seconds
    ),
    Promise("NumPy, in blocks", 0.8, "s", lambda held: held["engine numpy"].seconds),
    Promise("DuckDB, counts", 1.5, "s", lambda held: held["engine duckdb, counts"].seconds),
    Promise(
        "DuckDB, full output",
        2,
        "s",
        lambda held: held["engine duckdb, everybody's reasons to Parquet"].seconds,
    ),
    Promise("peak memory, numba", 1.5, "GB", _own("numba")),
    Promise("peak memory, numpy", 1.5, "GB", _own("numpy")),
    Promise("peak memory, duckdb", 1.5, "GB", _own("duckdb")),
    Promise(
        "DuckDB × PostgreSQL, current state, each person",
        8,
        "×",
        lambda held: _each(held, "engine postgres, counts") / _each(held, "engine duckdb, counts"),
        less=False,
    ),
    Promise(
        "DuckDB: current state × raw history",
        4,
        "×",
        lambda held: (
            held["duckdb, the same question by window functions"].seconds
            / held["engine duckdb, counts"].seconds
        ),
        less=False,
    ),
    Promise(
        "PostgreSQL: current state × raw history",
        4,
        "×",
        lambda held: (
            held["postgres, the same question by window functions"].seconds
            / held["engine postgres, counts"].seconds
        ),
        less=False,
    ),
    *(
        Promise(f"compiled loop × keyset loop, each row, {store}", 100, "×", _loop(store), less=False)
        for store in ("SQLite", "PostgreSQL")
    ),
    Promise(
        "catching up with 100,000 changes",
        2,
        "s",
        lambda held: held["catching up with changed permissions"].seconds,
    ),
    Promise(
        "1,000 ids in one call, a second",
        300_000,
        "ids",
        lambda held: _per_second(held, "1,000 ids in one call"),
        less=False,
    ),
    *(
        Promise(f"ask p99, {database}, {what}", bound, "µs", _p99(f"one person, {database}, {what}"))
        for database, bound in (("SQLite", 60), ("PostgreSQL", 200))
        for what in ("nothing beside it", "screens in a child")  # nothing that serves screens in a thread
    ),
)


def _per_second(held: Held, name: str) -> float:
    return held[name].count / held[name].seconds


def show(figures: Sequence[Figure], size: int) -> None:
    """Print the promises that the figures speak of."""
    held: Held = {}
    for one in figures:
        held.setdefault(one.what, one)
    table = Table(title=f"Promises of ten million people; this run: {size:,}", title_justify="left")
    for name in ("promise", "bound", "seen", ""):
        table.add_column(name, justify="left" if name in ("promise", "") else "right")
    for promise in PROMISES:
        try:
            seen = promise.read(held)
        except KeyError:
            continue
        kept = seen <= promise.bound if promise.less else seen >= promise.bound
        sign = "≤" if promise.less else "≥"
        table.add_row(
            promise.what,
            f"{sign} {promise.bound:,g} {promise.unit}",
            f"{seen:,.3g}" if seen < 1_000 else f"{seen:,.0f}",
            "kept" if kept else "missed",
        )
    if table.row_count:
        Console(width=120).print(table)
