"""The dry run: an import on a copy of the workspace, and what it would change.

Rule. The import runs for real, on a copy that is thrown away: what is shown is what would be. Reach is how many people
may be contacted, for each purpose and channel of the workspace; it is counted before and after while the workspace is
small enough for that to be quick. Rejects are summed up by column and reason, with the first line of each.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import msgspec

from amana.services.audience import screening
from amana.services.collection import imports
from amana.services.collection.imports import Order, Report
from amana.services.gate.asking import Inquiry
from amana.services.record.house import House
from amana.storage import people, sources

REACH_UP_TO = 100_000
"""People up to which reach is counted: about a second for each purpose and channel on one core."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How many may be contacted for one purpose and channel."""

    purpose: str
    channel: str
    before: int
    after: int


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """Values or rows that were not taken, for one column and reason."""

    part: str
    column: str
    reason: str
    whole_row: bool
    count: int
    first_line: int


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What an import would do."""

    dry_run: bool
    source: str
    evidence: str
    repeated: bool  # the file was imported before: nothing would change
    counts: dict[str, int]  # as an import counts, without what an earlier, stopped run had taken
    rejects: tuple[Rejected, ...]
    reach: tuple[Reach, ...]
    reach_counted: bool
    people_before: int
    people_after: int
    nothing_taken: bool  # rows were refused, and not one was taken


def rehearse(house: House, order: Order, progress: Callable[[Report], None]) -> Rehearsed:
    """Run an import on a writable copy and say what it changed. Raises as `imports.run`."""
    before = _people(house)
    cells = _cells(house, order.brand)
    counted = before <= REACH_UP_TO
    reach_before = [_allowed(house, cell) for cell in cells] if counted else []
    taken = _taken(house, order)
    report = imports.run(house, order, progress)
    after = _people(house)
    counted = counted and after <= REACH_UP_TO
    reach_after = [_allowed(house, cell) for cell in cells] if counted else []
    return Rehearsed(
        dry_run=True,
        source=order.name,
        evidence=order.evidence,
        repeated=report.repeated,
        counts={} if report.repeated else _difference(taken, report.counts),
        rejects=() if report.repeated else rejected(report.rejects),
        reach=tuple(
            Reach(purpose=cell.purpose, channel=cell.channel.value, before=was, after=would)
            for cell, was, would in zip(cells, reach_before, reach_after, strict=False)
        ),
        reach_counted=counted,
        people_before=before,
        people_after=after,
        nothing_taken=report.nothing_taken,
    )


def rejected(path: Path) -> tuple[Rejected, ...]:
    """The rejects of an import by column and reason, most frequent first."""
    if not path.exists():
        return ()
    found: dict[tuple[str, str, str, bool], Rejected] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            key = (row["part"], row["column"], row["reason"], row["whole_row"] == "yes")
            held = found.get(key)
            if held is None:
                part, column, reason, whole = key
                found[key] = Rejected(
                    part=part,
                    column=column,
                    reason=reason,
                    whole_row=whole,
                    count=1,
                    first_line=int(row["line"]),
                )
            else:
                found[key] = msgspec.structs.replace(held, count=held.count + 1)
    return tuple(sorted(found.values(), key=lambda one: -one.count))


def _taken(house: House, order: Order) -> dict[str, int]:
    """What an earlier, stopped run of the same file had counted."""
    with house.database.read() as connection:
        runs = sources.of_digest(connection, imports.identity(order))
    living = [one.counts for one in runs if one.state != "undone"]
    return living[-1] if living else {}


def _difference(earlier: dict[str, int], counts: dict[str, int]) -> dict[str, int]:
    return {name: counts[name] - earlier.get(name, 0) for name in counts if name != "rejects_bytes"}


def _people(house: House) -> int:
    with house.database.read() as connection:
        return people.count(connection)


def _cells(house: House, brand: str) -> list[Inquiry]:
    """The questions about the brand that the workspace file makes one ask."""
    return [
        Inquiry(brand=brand, purpose=name, channel=channel)
        for name, purpose in house.workspace.purposes.items()
        for channel in purpose.channels
    ]


def _allowed(house: House, inquiry: Inquiry) -> int:
    return screening.screen(house, inquiry).counts.allowed
