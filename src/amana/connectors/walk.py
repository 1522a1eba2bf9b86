"""The pass that every importer makes over a source.

Contract of an importer. `read(source, options, now, start=None)` checks the options against the headers of
all parts at once and raises there; then it returns an iterator that never raises for a row's content. It
yields, part by part and in line order, `PersonRow`s and `Reject`s; a row's partial rejects stand before it.
`start = (part, line)` resumes: it yields exactly what a full pass yields from that line on. Rejects hold
line, column and reason, never a value. Nothing is GIVEN without proof and a date; every opt-out that can be
tied to an address or id is yielded. Memory does not grow with the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from amana import errors
from amana.connectors.rows import Row, safe_names, where
from amana.connectors.tables import Source
from amana.core.statements import PersonRow, Reject

Start = tuple[str, int] | None
Read = Iterator[PersonRow | Reject]
RowReader = Callable[[Row], Iterable[PersonRow | Reject]]


def walk(source: Source, readers: dict[str, RowReader], start: Start = None) -> Read:
    """Run each part's reader over its rows, in the order of `readers`, from `start` on.

    Raises:
        NotFound: `start` names a part that is not read.
    """
    parts = list(readers)
    first_line = 0
    if start is not None:
        part, first_line = start
        if part not in readers:
            raise errors.NotFound(
                "The import cannot resume in that part", expected=", ".join(parts) or "one file"
            )
        parts = parts[parts.index(part) :]
    return _rows(source, [(part, readers[part]) for part in parts], first_line)


def _rows(source: Source, readers: Sequence[tuple[str, RowReader]], first_line: int) -> Read:
    for part, reader in readers:
        for row in source.rows(part, first_line):
            if isinstance(row, Reject):
                yield row
            else:
                yield from reader(row)
        first_line = 0


def columns(source: Source) -> tuple[str, ...]:
    """The names of all parts' columns, in order of first appearance."""
    return tuple(dict.fromkeys(name for part in source.parts() for name in source.header(part)))


def require(header: Sequence[str], needed: Iterable[str], part: str) -> None:
    """Refuse a part without a column that the reading rests on.

    Raises:
        BadInput: names the missing columns and those that are there.
    """
    missing = [name for name in needed if name not in header]
    if missing:
        raise errors.BadInput(
            f"The table{where(part)} lacks a column",
            expected=", ".join(f"“{name}”" for name in missing),
            got=safe_names(header, header) or "no columns",
            remedy="check that this is the right export, its delimiter and its header; "
            'the same word for every row is written { constant = "…" }',
        )


def refuse_unread(header: Sequence[str], known: Iterable[str], part: str) -> None:
    """Refuse columns that nobody said what to do with: no personal datum without a purpose.

    Raises:
        UnregisteredField: names the columns and prints the lines to add.
    """
    unread = sorted(set(header) - set(known), key=list(header).index)
    if not unread:
        return
    shown = [name for name in unread if safe_names([name], header).startswith("“")]
    listed = ", ".join(f'"{name}"' for name in shown)
    raise errors.UnregisteredField(
        f"The table{where(part)} has columns without a purpose",
        expected="every column to be mapped or ignored",
        got=safe_names(unread, header),
        remedy=f'map them under [fields] as name = "column", or add the line: ignore = [{listed}]'
        if shown
        else "check that the file has a header, then map the columns or list them under ignore",
    )


def reject(part: str, line: int, column: str, reason: str) -> Reject:
    """A value that was left out of a row that was taken."""
    return Reject(part=part, line=line, column=column, reason=reason, whole_row=False)
