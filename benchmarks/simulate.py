"""Past one machine, simulated: a billion people and a hundred thousand events a second, from measured slopes.

Rule. A shard is one log with one writer, its database and its columns; people are spread over shards by a hash, so the
shards are alike and one is simulated. Events arrive at random (Poisson); a batch is whatever queued while the batch
before was being committed, at most a thousand; it takes the commit's latency and a slope for each event. Columns catch
up at each screen, in proportion to the distinct people who changed, and are written anew when a twentieth changed.
Nothing here is measured: the slopes are `Slopes`, taken from this project's own benchmarks on two cores, and each can
be given anew. A figure of a simulation is an estimate, and is called one wherever it is quoted.

    python benchmarks/simulate.py [--people 1e9] [--rate 1e5] [--commit 0.0009] [--event 49e-6] ...
"""

from __future__ import annotations

import argparse
import math
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

SEED = 20260301
MOST = 1_000  # events in one commit
SECONDS = 30.0
COMPACT_AT = 0.05


class Slopes(NamedTuple):
    """What the benchmarks showed, in seconds and bytes, for one shard on two cores."""

    commit: float = 0.0009  # a synced commit, whatever is in it
    event: float = 49e-6  # each event of it: keys, chain, fold, state, tree
    changed: float = 19e-6  # each changed person that columns catch up with, both groups
    rewritten: float = 0.25e-6  # each person when both groups are written anew, synced
    screened: float = 14e-9  # each person of a screen, two threads
    gathered: float = 0.4e-6  # each changed person of a screen that lies over the base
    event_bytes: float = 620.0  # on disk, keys and proofs included
    person_bytes: float = 420.0  # the state's row and its index
    column_bytes: float = 130.0  # both groups of one cell


class Shard(NamedTuple):
    """What one shard does."""

    rate: float
    load: float  # of what the writer can take with full batches
    p50: float  # seconds from arrival to acknowledgement
    p99: float
    waiting: int  # events left when the arrivals end


class Columns(NamedTuple):
    """What columns cost one shard when everybody is screened every so often."""

    changed: float  # distinct people between two screens
    catch_up: float  # seconds
    rewrite: float  # seconds, amortised over the screens between two rewrites
    screen: float  # seconds


def shard(rate: float, slopes: Slopes, seconds: float = SECONDS, seed: int = SEED) -> Shard:
    """Simulate one log's writer under so many events a second."""
    rng = np.random.default_rng(seed)
    arrived = np.cumsum(rng.exponential(1 / rate, int(rate * seconds * 1.05)))
    arrived = arrived[arrived < seconds]
    done = np.empty_like(arrived)
    now, first = 0.0, 0
    while first < len(arrived) and now < seconds:
        now = max(now, arrived[first])
        last = min(int(np.searchsorted(arrived, now, "right")), first + MOST)
        now += slopes.commit + slopes.event * (last - first)
        done[first:last] = now
        first = last
    waits = (done - arrived)[:first]
    p50, p99 = np.quantile(waits, (0.5, 0.99)).tolist() if len(waits) else (0.0, 0.0)
    return Shard(rate, rate / capacity(slopes), p50, p99, len(arrived) - first)


def columns(people: float, rate: float, every: float, slopes: Slopes) -> Columns:
    """Estimate what a screen of everybody every so many seconds costs a shard."""
    changed = people * -math.expm1(-rate * every / people)  # distinct people, if events fall on anybody
    between = max(COMPACT_AT * people / changed, 1.0)  # screens between two rewrites
    delta = min(changed * (between + 1) / 2, COMPACT_AT * people)  # rows over the base, on average
    return Columns(
        changed,
        changed * slopes.changed,
        people * slopes.rewritten / between,
        people * slopes.screened + delta * slopes.gathered,
    )


def capacity(slopes: Slopes) -> float:
    """Events a second that one writer can take at most."""
    return MOST / (slopes.commit + MOST * slopes.event)


def tables(people: float, rate: float, every: float, slopes: Slopes) -> list[Table]:
    """The simulation as tables: the writers, the columns, the bytes."""
    counts = sorted({1, 2, 4, 8, 16, math.ceil(rate / (0.7 * capacity(slopes)))})
    writers = Table(
        title=f"{rate:,.0f} events a second; one writer takes at most {capacity(slopes):,.0f} (estimate)"
    )
    for name in ("shards", "events/s each", "load", "p50 ack", "p99 ack", f"waiting after {SECONDS:.0f} s"):
        writers.add_column(name, justify="right")
    kept = Table(title=f"{people:,.0f} people, everybody screened every {every:,.0f} s (estimate, per shard)")
    for name in ("shards", "people each", "changed", "catching up", "rewriting", "screen", "fits"):
        kept.add_column(name, justify="right")
    for count in counts:
        one = shard(rate / count, slopes)
        writers.add_row(
            str(count),
            f"{one.rate:,.0f}",
            f"{one.load:.0%}",
            _time(one.p50),
            _time(one.p99),
            f"{one.waiting:,}",
        )
        cost = columns(people / count, rate / count, every, slopes)
        spent = cost.catch_up + cost.rewrite + cost.screen
        kept.add_row(
            str(count),
            f"{people / count:,.0f}",
            f"{cost.changed:,.0f}",
            *(_time(value) for value in (cost.catch_up, cost.rewrite, cost.screen)),
            "yes" if spent < every and one.waiting <= MOST else "no",
        )
    size = Table(title="bytes (estimate)")
    size.add_column("what")
    size.add_column("terabytes", justify="right")
    for what, value in (
        ("state of everybody", people * slopes.person_bytes),
        ("columns of one cell", people * slopes.column_bytes),
        ("events of one day", rate * 86_400 * slopes.event_bytes),
        ("events of one year", rate * 365 * 86_400 * slopes.event_bytes),
    ):
        size.add_row(what, f"{value / 1e12:,.2f}")
    return [writers, kept, size]


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1e3:,.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate what lies past one machine.")
    parser.add_argument("--people", type=float, default=1e9)
    parser.add_argument("--rate", type=float, default=1e5, help="events a second")
    parser.add_argument("--every", type=float, default=3_600, help="seconds between two screens of everybody")
    for name, value in Slopes._field_defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=value)
    given = vars(parser.parse_args())
    slopes = Slopes(**{name: given[name] for name in Slopes._fields})
    for table in tables(given["people"], given["rate"], given["every"], slopes):
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
