"""What the first rows of a table show about how it writes dates.

Rule. A format is certain when every filled cell of a column fits it and no other order of day and month does. Where the
rows fit both orders, both are offered and neither is taken: a day read as a month is worse than a question. ISO 8601 is
always read and needs no format. Only formats leave this module; the cells stay here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import islice

import msgspec

from amana.connectors.moments import Clock
from amana.connectors.rows import UNREADABLE, Row
from amana.connectors.tables import Source

SAMPLE_ROWS = 500
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", ", %H:%M")
_DAYS = (
    ("%d.%m.%Y",),
    ("%d/%m/%Y", "%m/%d/%Y"),
    ("%d-%m-%Y", "%m-%d-%Y"),
    ("%Y/%m/%d",),
    ("%d %b %Y",),
    ("%d %B %Y",),
    ("%b %d, %Y",),
    ("%B %d, %Y",),
)
"""Ways to write a day; those in one row differ in the order of day and month alone."""


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """Formats for `dates` under [source]."""

    certain: tuple[str, ...]
    doubtful: tuple[tuple[str, str], ...]  # day first, month first: the rows fit both


def seen(source: Source) -> dict[str, tuple[str, ...]]:
    """The different filled cells of each column in the first rows of every part."""
    found: dict[str, dict[str, None]] = {}
    for part in source.parts():
        header = source.header(part)
        for name in header:
            found.setdefault(name, {})
        for row in islice(source.rows(part), SAMPLE_ROWS):
            if isinstance(row, Row):
                for name, cell in zip(header, row.cells, strict=True):
                    if (text := cell.strip()) and text != UNREADABLE:
                        found[name][text] = None
    return {name: tuple(cells) for name, cells in found.items()}


def holds(cells: tuple[str, ...]) -> bool:
    """Whether a column's cells are dates: all ISO 8601, or all of one format."""
    return bool(cells) and (_iso(cells) or bool(_fitting(cells)))


def guess(columns: Iterable[tuple[str, ...]]) -> Guess:
    """The formats that the columns' cells are written in."""
    fitting = [_fitting(cells) for cells in columns if cells and not _iso(cells)]
    certain = dict.fromkeys(formats[0] for formats in fitting if len(formats) == 1)
    doubtful = dict.fromkeys(
        (formats[0], formats[1])
        for formats in fitting
        if len(formats) > 1 and not certain.keys() & set(formats)
    )
    return Guess(certain=tuple(certain), doubtful=tuple(doubtful))


def _fitting(cells: tuple[str, ...]) -> tuple[str, ...]:
    for days in _DAYS:
        for time in _TIMES:
            found = tuple(day + time for day in days if all(_fits(cell, day + time) for cell in cells))
            if found:
                return found
    return ()


def _fits(text: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(text, pattern)  # noqa: DTZ007 (only its form is looked at)
    except ValueError:
        return False
    return True


def _iso(cells: tuple[str, ...]) -> bool:
    read = Clock("UTC").day
    return all("-" in cell and len(cell) >= len("2026-03-14") and read(cell) is not None for cell in cells)
