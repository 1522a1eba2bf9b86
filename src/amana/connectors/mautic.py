"""Mautic do-not-contact table, exported with the contact's address beside it.

Rule: reason 1 (unsubscribed) and 3 (set by a user of Mautic) are a No, for every purpose of that channel; 2
(bounced) speaks about the address and is no No; 0 (contactable) says nothing and is never a grant. A No on a
channel that has no counterpart here counts for every channel. Mautic stores UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from amana.connectors import exports
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import Statement
from amana.core.vocabulary import Channel, Status

KIND = "mautic"
__all__ = ["KIND", "Options", "columns", "read"]

_IDS = ("lead_id", "contact_id")
_KNOWN = frozenset({*_IDS, "id", "email", "mobile", "phone", "channel_id", "comments", "date_added"})
_CHANNELS = {
    "email": Channel.EMAIL,
    "sms": Channel.SMS,
    "notification": Channel.PUSH,
    "mobile_notification": Channel.PUSH,
}
_REFUSALS = {"1": "unsubscribe", "3": "export_status"}
_CONTACTABLE = "0"
_BOUNCED = "2"


class Options(exports.Options, frozen=True, kw_only=True):
    """Nothing beside what every export needs: the table only refuses, and refuses every purpose."""


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the table says, as `walk` describes."""

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        return Shape(
            says=partial(_says, options),
            needed=("channel", "reason"),
            known=_KNOWN,
            external_id=_IDS,
            email=("email",),
            phone=("mobile", "phone"),
        )

    return exports.read_tables(source, options, shape_of, start)


def _says(options: Options, line: Line) -> Iterator[Statement]:
    reason, when = line.text("reason"), line.moment("date_added")
    channel = _CHANNELS.get(line.text("channel").casefold())
    if reason in _REFUSALS:
        yield Statement(status=Status.WITHDRAWN, channel=channel, occurred=when, reason=_REFUSALS[reason])
    elif reason == _BOUNCED and channel is not None:
        yield exports.blocked(channel, "bounce_hard", when)
    elif reason != _CONTACTABLE:
        line.note("reason", "unknown_status")
