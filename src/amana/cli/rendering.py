"""How commands write: moments, shares, tables and lines.

Rule. Times are shown in UTC and say so. A line is never wrapped, so that a path or a command can be copied from it; a
table fits the terminal. Nothing that comes from a file or a person is read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table

from amana.cli import session
from amana.core.statements import Interval

DAY = 86_400
MOMENTS = frozenset({"until", "due"})  # of a log line; `due` may be a count as well
LATEST_COUNT = 1_000_000_000  # what is larger is a second of this century
WHOLE = frozenset({"code", "request", "collection", "place"})  # columns that are never wrapped


def line(text: str = "", *, style: str = "") -> None:
    """One line of the answer, as it is."""
    session.out.print(text, style=style or None, markup=False, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """One line beside the answer, on standard error."""
    session.notes.print(text, markup=False, highlight=False, soft_wrap=True)


def heading(text: str) -> None:
    """What the next lines are about."""
    line()
    line(text, style="bold")


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], *, right: Iterable[int] = ()) -> None:
    """A table; `right` are the numbers of the columns that hold figures.

    A column headed `code`, `request`, `collection` or `place` is never cut or wrapped, so that a name can be copied.
    """
    figures, names = set(right), list(headings)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(names))
    listed = [tuple(row) for row in rows]
    for number, name in enumerate(names):
        whole = name in WHOLE
        made.add_column(
            name,
            justify="right" if number in figures else "left",
            overflow="ignore" if whole else "fold",
            no_wrap=whole,
            min_width=max(
                [*(len(row[number]) for row in listed if whole), *map(len, name.split())], default=0
            ),
        )
    for row in listed:
        made.add_row(*row)
    session.out.print(made, markup=False, highlight=False)


def moment(second: int) -> str:
    """`2026-11-21 14:05 UTC`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M UTC")


def details(happened: Mapping[str, Any]) -> str:
    """What a log line tells beside its word, as words: `outcome: done, rows: 3`.

    A day in UTC seconds is told as a moment, yes and no as words, and a list of things one after the other.
    """
    return ", ".join(f"{name}: {_detail(name, value)}" for name, value in happened.items())


def _detail(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return moment(value) if name in MOMENTS and value > LATEST_COUNT else str(value)
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_detail(key, one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_detail(name, one) for one in value)
    return str(value)


def interval(when: Interval) -> str:
    """When something happened, never more exactly than it is known."""
    if when.lo == 0:
        return "undated"
    if when.hi - when.lo < 60:
        return moment(when.lo)
    if when.hi - when.lo <= DAY:
        return f"{moment(when.lo)} or up to {(when.hi - when.lo) // 3600 + 1} h later"
    return f"between {moment(when.lo)} and {moment(when.hi)}"


def share(part: int, whole: int) -> str:
    """`12.3 %`, or a dash for a share of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def counted(number: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 row`, `1,204 rows`, `2 people`; `many` where the plural does not end in a plain s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def words(token: str) -> str:
    """A token of the product as words: `no_deceptive_subject` becomes `no deceptive subject`."""
    return token.replace("_", " ")
