"""Braze user export (CSV of a segment, or the fields of its export interface as columns).

Rule: `subscribed` is the state every profile starts in and no act of the person: it is unknown. Only
`opted_in` grants, with the form's documented proof and a time. `unsubscribed`, or a time in an unsubscribed
column, withdraws, whatever the state says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from amana import errors
from amana.connectors import exports
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import Statement
from amana.core.vocabulary import Channel

KIND = "braze"
__all__ = ["KIND", "Options", "columns", "read"]

# channel -> columns of the state, of the opt-in's time, of the opt-out's time
_COLUMNS = {
    Channel.EMAIL: (
        "email_subscribe",
        "email_opted_in_at",
        ("unsubscribed_from_emails_at", "email_unsubscribed_at"),
    ),
    Channel.PUSH: ("push_subscribe", "push_opted_in_at", ("push_unsubscribed_at",)),
}
_STATES = frozenset(each[0] for each in _COLUMNS.values())
_TIMES = frozenset(name for each in _COLUMNS.values() for name in (each[1], *each[2]))
_IDS = ("external_id", "user_id", "Braze ID", "braze_id")


class Options(exports.AudienceOptions, frozen=True, kw_only=True):
    """Nothing beside what every export needs; Braze writes UTC."""


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the export says, as `walk` describes."""

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        if not (_STATES | _TIMES) & set(header):
            raise errors.BadInput(
                "The table says nothing about permissions",
                expected=f"one of the columns {', '.join(sorted(_STATES | _TIMES))}",
            )
        return Shape(
            says=partial(_says, options),
            known=frozenset({*_IDS, *_STATES, *_TIMES, "email", "phone"}),
            external_id=_IDS,
            email=("email",),
            phone=("phone",),
        )

    return exports.read_tables(source, options, shape_of, start)


def _says(options: Options, line: Line) -> Iterator[Statement]:
    for channel, (state, opted_in_at, left_at) in _COLUMNS.items():
        written = line.text(state).casefold()
        if written == "unsubscribed" or any(map(line.has, left_at)):
            yield from exports.withdrawals(options.purposes, channel, line.moment(*left_at))
        elif written == "opted_in":
            yield from exports.grants(options, options.purposes, channel, line.moment(opted_in_at))
        elif written == "subscribed":
            yield from exports.unknowns(options, channel)
        elif line.has(state):
            line.note(state, "unknown_status")
