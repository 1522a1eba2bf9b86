"""A program that imports a list and says after each batch how far it is: what the crash tests kill.

Usage: import_driver.py WORKSPACE LIST BATCH PAGES COLUMNS_EVERY. BATCH rows make a transaction; PAGES of write-ahead
log make a checkpoint; every COLUMNS_EVERY batches the column files are brought to the ledger's head (0: never).
Run again on the same workspace, it goes on.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import msgspec
from crash_world import CELL, NOW, acknowledge, order, settings

from amana import wiring
from amana.services.audience import cache
from amana.services.collection import imports
from amana.services.collection.imports import Progress
from amana.services.record.house import House
from amana.storage import engines, log, sources


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is acknowledged: everything up to a line of the list is recorded."""

    line: int  # last line taken
    size: int  # events in the log
    counts: dict[str, int]
    done: bool = False  # the import said that it ended


def main(workspace: str, path: str, batch: str, pages: str, columns_every: str) -> None:
    """Import, acknowledging each batch."""
    engines.CHECKPOINT_PAGES = int(pages)
    with wiring.opened(settings(Path(workspace)), writing=True, at=lambda: NOW) as house:
        report = imports.run(
            house, order(house, Path(path)), _progress(house, int(columns_every)), batch=int(batch)
        )
        acknowledge(_told(house, report.source, done=True))


def _progress(house: House, columns_every: int) -> Progress:
    turns = itertools.count(1)

    def progress(report: imports.Report) -> None:
        acknowledge(_told(house, report.source))
        if columns_every and next(turns) % columns_every == 0:
            cache.catch_up(house, house.writing().terms.cell(*CELL))

    return progress


def _told(house: House, number: int, *, done: bool = False) -> Told:
    with house.database.read() as connection:
        source, latest = sources.get(connection, number), log.latest(connection)
    assert source is not None
    assert latest is not None
    return Told(line=source.line, size=latest.size, counts=source.counts, done=done)


if __name__ == "__main__":
    main(*sys.argv[1:])
