"""Do-not-call registers: one number on a line, or area code and number with a delimiter between.

Rule: the file has no header; all cells of a line together are one number, digits only. Each number is refused
for the channels the register is about, with reason `registry` and the register's name as evidence, as of the
day the register was drawn. Being listed is not the person's word to the brand: whoever takes these rows must
let a listing lapse with the register's next issue, and must treat an old issue as stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from amana import errors
from amana.connectors.moments import Clock
from amana.connectors.rows import Layout, Row
from amana.connectors.tables import Source
from amana.connectors.terms import Term
from amana.connectors.walk import Read, Start, columns, walk
from amana.core.statements import PersonRow, Reject, Statement
from amana.core.vocabulary import PHONE_CHANNELS, Channel, Status

KIND = "registry"
__all__ = ["KIND", "Options", "columns", "read"]

FEWEST_DIGITS = 5
MOST_DIGITS = 15  # ITU-T E.164


class Options(Term, frozen=True, kw_only=True):
    """Which register it is."""

    registry: str  # short name, such as US_NATIONAL_DNC
    country: str  # ISO 3166-1 alpha-2 of its numbers
    as_of: str  # the day it was drawn, YYYY-MM-DD
    zone: str = "UTC"
    channels: tuple[Channel, ...] = (Channel.PHONE_LIVE, Channel.PHONE_AUTO)

    def __post_init__(self) -> None:
        if not self.channels or not set(self.channels) <= PHONE_CHANNELS:
            raise ValueError("channels are channels that reach a phone")

    def layout(self) -> Layout:
        """How to open the file."""
        return Layout(format="csv", header=False)


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """Every number of the register, as `walk` describes.

    Raises:
        BadInput: `as_of` is no date, or the source was opened with a header.
    """
    occurred = Clock(options.zone).read(options.as_of)
    if occurred is None:
        raise errors.BadInput("The register's date cannot be read", expected="YYYY-MM-DD", got=options.as_of)
    if source.layout.header:
        raise errors.BadInput("A register has no header", remedy="open it with the layout of its options")
    statements = tuple(
        Statement(
            status=Status.REFUSED,
            channel=channel,
            occurred=occurred,
            reason="registry",
            evidence=options.registry,
        )
        for channel in options.channels
    )

    def reader(part: str, row: Row) -> Iterator[PersonRow | Reject]:
        written = "".join(row.cells)
        digits = "".join(filter(str.isdigit, written))
        if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS or any(map(str.isalpha, written)):
            yield Reject(part=part, line=row.line, column="", reason="bad_phone")
            return
        phone = "+" + digits if written.lstrip().startswith("+") else digits
        yield PersonRow(
            part=part, line=row.line, phone=phone, phone_country=options.country, statements=statements
        )

    return walk(source, {part: partial(reader, part) for part in source.parts()}, start)
