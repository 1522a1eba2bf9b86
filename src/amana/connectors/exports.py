"""What the importers of platform exports share: their options, and a row read by column names.

Rule: a platform's own columns are known to its importer; every other column must be mapped in `fields` or
listed in `ignore`. An export shows what a platform believed, not what a person was shown: so a grant carries
only the proof that `proof` says is documented for the form, plus what the row itself shows. Without either it
is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from amana import errors
from amana.connectors import terms
from amana.connectors.compiled import supported
from amana.connectors.moments import Clock
from amana.connectors.rows import UNREADABLE, Layout, Row
from amana.connectors.tables import Source
from amana.connectors.terms import Term
from amana.connectors.walk import Read, RowReader, Start, refuse_unread, reject, require, walk
from amana.core.statements import ANY, Interval, PersonRow, Reject, Statement
from amana.core.vocabulary import Channel, Proof, Status

TRUE = frozenset({"true", "yes", "1", "y"})
FALSE = frozenset({"false", "no", "0", "n"})


class Options(Term, frozen=True, kw_only=True):
    """What every export needs to be told."""

    zone: str = "UTC"  # of times without an offset
    dates: tuple[str, ...] = ()  # formats beside ISO 8601
    proof: tuple[str, ...] = ()  # evidence on record for the form or forms behind the export
    notice: str = ""  # id[@version] of the notice that the form showed
    phone_country: str = ""  # ISO 3166-1 alpha-2, for numbers without a country code
    fields: dict[str, str] = msgspec.field(default_factory=dict)  # registered field -> column
    ignore: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""

    def __post_init__(self) -> None:
        terms.check_proof(self.proof)

    def layout(self) -> Layout:
        """How to open the file."""
        return Layout(encoding=self.encoding, delimiter=self.delimiter)


class AudienceOptions(Options, frozen=True, kw_only=True):
    """For an export that does not say what its audience is for."""

    purposes: tuple[str, ...]  # at least one

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.purposes or ANY in self.purposes:
            raise ValueError("purposes names what the audience is for, one by one")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How one table of an export is read."""

    says: Callable[[Line], Iterable[Statement]]
    needed: tuple[str, ...] = ()  # columns without which it is not this export
    known: frozenset[str] = frozenset()  # the platform's own columns, read or not
    external_id: tuple[str, ...] = ()  # columns, the first that is filled counts
    email: tuple[str, ...] = ()
    phone: tuple[str, ...] = ()


class Line:
    """One row under its header, by name. What cannot be used is noted and becomes a partial reject."""

    __slots__ = ("_cells", "_clock", "_part", "_place", "number", "rejects")

    def __init__(self, row: Row, place: dict[str, int], part: str, clock: Clock) -> None:
        self._cells = row.cells
        self._place = place
        self._part = part
        self._clock = clock
        self.number = row.line
        self.rejects: list[PersonRow | Reject] = []

    def text(self, *names: str) -> str:
        """The first filled cell among the named columns; columns that are not there are empty."""
        for name in names:
            place = self._place.get(name)
            if place is not None and (cell := self._cells[place].strip()) and cell != UNREADABLE:
                return cell
        return ""

    def has(self, name: str) -> bool:
        """True when the cell holds anything, even if it cannot be read."""
        place = self._place.get(name)
        return place is not None and bool(self._cells[place].strip())

    def moment(self, *names: str) -> Interval | None:
        """The date in the first filled column; one that cannot be read is noted."""
        for name in names:
            if written := self.text(name):
                found = self._clock.read(written)
                if found is None:
                    self.note(name, "bad_date")
                return found
        return None

    def says_yes(self, name: str) -> bool | None:
        """A yes or no cell; None when empty, noted when it is neither."""
        written = self.text(name).casefold()
        if written in TRUE or written in FALSE:
            return written in TRUE
        if self.has(name):
            self.note(name, "unknown_status")
        return None

    def note(self, column: str, reason: str) -> None:
        """Say that a value is left out."""
        self.rejects.append(reject(self._part, self.number, column, reason))


def read_tables(
    source: Source, options: Options, shape_of: Callable[[str, Sequence[str]], Shape], start: Start
) -> Read:
    """Read every part by the shape that its name and header call for."""
    clock = Clock(options.zone, options.dates)
    readers: dict[str, RowReader] = {}
    for part in source.parts():
        header = source.header(part)
        shape = shape_of(part, header)
        require(header, (*shape.needed, *options.fields.values()), part)
        refuse_unread(header, {*shape.known, *shape.needed, *options.fields.values(), *options.ignore}, part)
        readers[part] = _reader(shape, options, header, part, clock)
    return walk(source, readers, start)


def _reader(shape: Shape, options: Options, header: Sequence[str], part: str, clock: Clock) -> RowReader:
    place = {name: number for number, name in enumerate(header)}

    def reader(row: Row) -> list[PersonRow | Reject]:
        line = Line(row, place, part, clock)
        who = line.text(*shape.external_id), line.text(*shape.email), line.text(*shape.phone)
        if not any(who):
            return [Reject(part=part, line=row.line, column="", reason="no_identity")]
        statements = tuple(shape.says(line))
        fields = {name: value for name, column in options.fields.items() if (value := line.text(column))}
        person = PersonRow(
            part=part,
            line=row.line,
            external_id=who[0],
            email=who[1],
            phone=who[2],
            phone_country=options.phone_country if who[2] else "",
            fields=fields,
            statements=statements,
        )
        return [*line.rejects, person]

    return reader


def grants(
    options: Options,
    purposes: Sequence[str],
    channel: Channel,
    occurred: Interval | None,
    *,
    documented: bool = True,
    shown: Proof = Proof(0),
    reason: str = "export_status",
) -> list[Statement]:
    """A grant for each purpose, with the form's proof if the row came through it, and what the row shows.

    What the row shows alone is no grant: a confirmed address confirms nothing that was not asked.
    """
    form = terms.proof_of(options.proof) if documented else Proof(0)
    status = supported(Status.GIVEN, form, occurred)
    return [
        Statement(
            status=status,
            purpose=purpose,
            channel=channel,
            occurred=occurred,
            proof=form | shown,
            reason=reason,
            notice=options.notice if documented else "",
        )
        for purpose in purposes
    ]


def unknowns(options: AudienceOptions, channel: Channel, occurred: Interval | None = None) -> list[Statement]:
    """The export calls the person contactable and shows no act of theirs."""
    return grants(options, options.purposes, channel, occurred, documented=False)


def withdrawals(
    purposes: Sequence[str],
    channel: Channel,
    occurred: Interval | None,
    reason: str = "unsubscribe",
    evidence: str = "",
) -> list[Statement]:
    """A withdrawal for each of the audience's purposes."""
    return [
        Statement(
            status=Status.WITHDRAWN,
            purpose=purpose,
            channel=channel,
            occurred=occurred,
            reason=reason,
            evidence=evidence if "@" not in evidence else "",
        )
        for purpose in purposes
    ]


def blocked(channel: Channel, reason: str, occurred: Interval | None = None, evidence: str = "") -> Statement:
    """A statement about the address: a bounce blocks it, a complaint or a suppression is also a No to everything."""
    return Statement(
        status=Status.UNKNOWN if reason.startswith("bounce") else Status.WITHDRAWN,
        channel=channel,
        occurred=occurred,
        reason=reason,
        evidence=evidence if "@" not in evidence else "",
        point_blocked=True,
    )


def refuse_table(part: str, expected: str) -> errors.BadInput:
    """The error for a table that is not part of this kind of export."""
    named = f" {part}" if part else ""
    return errors.BadInput(f"The table{named} is not part of this export", expected=expected)
