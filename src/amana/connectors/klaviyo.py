"""Klaviyo profile export.

Rule: NEVER_SUBSCRIBED says nothing; SUBSCRIBED grants with the form's documented proof and a time, and is
never a double opt-in, because an import into Klaviyo with a past date sets it without asking anybody.
UNSUBSCRIBED withdraws. A suppression is read beside the status, whatever the status says: Klaviyo's own
subscribe call lifts suppressions, so a profile can be SUBSCRIBED again although its person left. The columns'
names are options, since they follow the export's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from amana.connectors import exports
from amana.connectors.exports import Line, Shape
from amana.connectors.tables import Source
from amana.connectors.walk import Read, Start, columns
from amana.core.statements import Statement
from amana.core.vocabulary import Channel

KIND = "klaviyo"
__all__ = ["KIND", "Options", "columns", "read"]

_NO_SUPPRESSION = frozenset({"", "[]", "none", "false", "null"})
_SUPPRESSIONS = {
    "HARD_BOUNCE": "bounce_hard",
    "INVALID_EMAIL": "bounce_hard",
    "SPAM_COMPLAINT": "complaint",
    "SPAM_REPORT": "complaint",
}


class Options(exports.AudienceOptions, frozen=True, kw_only=True):
    """The names of the columns that are read."""

    external_id: str = "Klaviyo ID"
    email: str = "Email"
    phone: str = "Phone Number"
    email_status: str = "Email Marketing Consent"
    email_time: str = "Email Marketing Consent Timestamp"
    email_suppressions: str = "Email Suppressions"
    sms_status: str = "SMS Marketing Consent"
    sms_time: str = "SMS Marketing Consent Timestamp"


def read(source: Source, options: Options, now: int, start: Start = None) -> Read:
    """What the export says, as `walk` describes."""

    def shape_of(part: str, header: Sequence[str]) -> Shape:
        return Shape(
            says=partial(_says, options),
            needed=(options.email, options.email_status),
            known=frozenset(
                {
                    options.external_id,
                    options.phone,
                    options.email_time,
                    options.email_suppressions,
                    options.sms_status,
                    options.sms_time,
                }
            ),
            external_id=(options.external_id,),
            email=(options.email,),
            phone=(options.phone,),
        )

    return exports.read_tables(source, options, shape_of, start)


def _says(options: Options, line: Line) -> Iterator[Statement]:
    yield from _channel(options, line, Channel.EMAIL, options.email_status, options.email_time)
    yield from _channel(options, line, Channel.SMS, options.sms_status, options.sms_time)
    written = line.text(options.email_suppressions)
    if written.casefold() not in _NO_SUPPRESSION:
        for word in written.strip("[]").replace(";", ",").split(","):
            yield exports.blocked(Channel.EMAIL, _SUPPRESSIONS.get(word.strip(" '\"").upper(), "suppressed"))


def _channel(options: Options, line: Line, channel: Channel, status: str, time: str) -> Iterator[Statement]:
    written = line.text(status).upper().replace(" ", "_")
    if written == "SUBSCRIBED":
        yield from exports.grants(options, options.purposes, channel, line.moment(time))
    elif written == "UNSUBSCRIBED":
        yield from exports.withdrawals(options.purposes, channel, line.moment(time))
    elif written == "NEVER_SUBSCRIBED":
        yield from exports.unknowns(options, channel)
    elif line.has(status):
        line.note(status, "unknown_status")
